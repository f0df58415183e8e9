import { describe, expect, it } from 'vitest';
import { type ClientAction, ClientError, type ClientErrorCode, clientErrorCodes } from '../../client/index.ts';

/** Each code is provoked where its cause is tested; here stands what the caller is told to do about it. */
const expected: Readonly<Record<ClientAction, readonly ClientErrorCode[]>> = {
  'fix-call': [
    'argument_invalid',
    'model_unknown',
    'level_unavailable',
    'release_withdrawn',
    'answer_refused',
    'price_refused',
    'channel_mismatch',
    'outstanding_limit',
    'store_failed',
    'archive_failed',
  ],
  retry: [
    'host_unreachable',
    'host_timeout',
    'host_error',
    'status_missing',
    'session_lost',
    'answer_failed',
    'level_not_reached',
  ],
  'stop-trusting': [
    'response_too_large',
    'protocol_violated',
    'evidence_refused',
    'release_refused',
    'status_refused',
    'receipt_refused',
    'log_forked',
    'log_withheld',
    'payment_mismatch',
    'level_refused',
  ],
};

describe('what a caller can do', () => {
  it.each(Object.entries(expected).flatMap(([action, codes]) => codes.map((code) => [code, action] as const)))(
    'about %s: %s',
    (code, action) => {
      expect(new ClientError(code, 'why').action).toBe(action);
    },
  );

  it('is said for every code there is', () => {
    expect([...clientErrorCodes].sort()).toEqual(Object.values(expected).flat().sort());
  });
});
