import { describe, expect, it } from 'vitest';
import { type Ending, lifetimesOf, type TimedRuling } from '../../../client/audit/times.ts';

const HOUR = 3_600_000;
const AT = Date.UTC(2030, 4, 17, 12);
const ruling: TimedRuling = { purpose: 'archive', verdict: 'accepted', code: null, at: AT, readAt: AT + 10_000 * HOUR };
const leaf: Ending = { kind: 'certificate', title: 'leaf', until: AT + 3 * HOUR };
const policy: Ending = { kind: 'policy', title: 'ours', until: AT + 5_000 * HOUR };

function of(ending: Ending, changes: Partial<TimedRuling> = {}): readonly [string, boolean, string] {
  const [one] = lifetimesOf([ending], { ...ruling, ...changes });
  return [one?.state ?? '', one?.matters ?? false, one?.meaning ?? ''];
}

describe('what has ended', () => {
  it('does not matter for an archive that a third party dated', () => {
    expect(of(leaf)).toEqual(['over-since', false, expect.stringContaining('a third party dated that')]);
  });

  it('matters where nobody dated it', () => {
    const undated = { verdict: 'undetermined', code: 'not_anchored' } as const;
    expect(of(leaf, undated)).toEqual(['over-since', true, expect.stringContaining('nobody dated the evidence')]);
  });

  it('is no reason where a payload is missing', () => {
    expect(of(leaf, { verdict: 'undetermined', code: 'payload_missing' })[1]).toBe(false);
  });

  it('leaves a live verdict where it was, and does not carry it to today', () => {
    expect(of(leaf, { purpose: 'live' })).toEqual(['over-since', true, expect.stringContaining('not about today')]);
  });

  it('sends the reader to the author of a policy that has ended', () => {
    expect(of(policy)).toEqual(['over-since', true, expect.stringContaining('ask its author')]);
  });

  it('makes no difference to a verdict with another reason', () => {
    expect(of(leaf, { verdict: 'untrusted', code: 'head_signature' })[1]).toBe(false);
    expect(of(leaf, { verdict: 'refused', code: 'image_refused' })[1]).toBe(false);
  });

  it('tells what was over already when it was judged, by whether anything asks for it', () => {
    const late = { at: AT + 4 * HOUR } as const;
    expect(of(leaf, { ...late, verdict: 'untrusted', code: 'certificate_expired' }).slice(0, 2)).toEqual([
      'over-when-judged',
      true,
    ]);
    expect(of({ ...leaf, kind: 'revocation-list' }, late).slice(0, 2)).toEqual(['over-when-judged', false]);
  });

  it('says of the rest that it holds, up to its last millisecond', () => {
    expect(of(leaf, { readAt: leaf.until })[0]).toBe('holds');
    expect(of(leaf, { readAt: leaf.until + 1 })[0]).toBe('over-since');
  });

  it('is told in the order of the ends', () => {
    expect(lifetimesOf([policy, leaf], ruling).map(({ title }) => title)).toEqual(['leaf', 'ours']);
  });
});
