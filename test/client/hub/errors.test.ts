import { describe, expect, it } from 'vitest';
import { type ClientAction, HubError, type HubErrorCode, hubErrorCodes } from '../../../client/index.ts';

/** Each code is provoked where its cause is tested; here stands what the caller is told to do about it. */
const expected: Readonly<Record<ClientAction, readonly HubErrorCode[]>> = {
  'fix-call': [
    'argument_invalid',
    'hub_redirects',
    'repository_unknown',
    'version_unknown',
    'publisher_refused',
    'release_yanked',
    'folder_taken',
    'folder_failed',
    'disk_full',
    'file_changed',
    'upload_refused',
    'memory_failed',
  ],
  retry: ['hub_unreachable', 'hub_timeout', 'hub_error', 'file_truncated', 'upload_failed'],
  'stop-trusting': [
    'answer_invalid',
    'release_untrusted',
    'version_mismatch',
    'owner_changed',
    'status_untrusted',
    'status_replayed',
    'status_equivocation',
    'contents_mismatch',
    'file_mismatch',
    'file_too_long',
  ],
};

describe('what somebody who talks to a hub can do', () => {
  it.each(Object.entries(expected).flatMap(([action, codes]) => codes.map((code) => [code, action] as const)))(
    'about %s: %s',
    (code, action) => {
      expect(new HubError(code, 'why').action).toBe(action);
    },
  );

  it('is said for every code there is', () => {
    expect([...hubErrorCodes].sort()).toEqual(Object.values(expected).flat().sort());
  });
});
