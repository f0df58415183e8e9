import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type ArchiveVerdict,
  type DatedArchiveFacts,
  type Purpose,
  parseUnverifiedArchive,
  verifyArchive,
  type WorkerPolicy,
} from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import type { HeadDate } from '../../../wire/message/anchor.ts';
import { type Archive, encodeArchive, type TimeAnchor } from '../../../wire/message/archive.ts';
import { blockChallengePreimage } from '../../../wire/message/authorisations.ts';
import { policyFor, ruling } from '../../support/accept-answer.ts';
import { ANSWERED, type Answer, plain } from '../../support/answer.ts';
import { cosignedChallenge, cosignedHead, cosignerOf, dateOf, withHighS } from '../../support/cosign.ts';
import { snpAnswer, snpPolicyFor } from '../../support/snp-answer.ts';
import { revocationList } from '../../vectors/corpus/snp/base.ts';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const witness = newKey();
const second = newKey();
const stranger = newKey();

const HOUR = 3_600_000;
const anchors: JsonValue = {
  cosigners: [witness, second].map((key) => toHex(cosignerOf(key))),
  maxKeyAgeSeconds: 3_600,
};
const trusting = { anchors };
const archival: Purpose = { kind: 'archive' };
const other = new Uint8Array(32).fill(9);
const nonce = new Uint8Array(32).fill(0x77);

function judge(archive: Archive, policy: WorkerPolicy, purpose: Purpose = archival): Promise<ArchiveVerdict> {
  const read = parseUnverifiedArchive(encodeArchive(archive));
  return verifyArchive(read, { policy, purpose, suite: nodeSuite, cache: 'none' });
}

function seen(archive: Archive, time: number, changes: Partial<HeadDate> = {}, key = witness): TimeAnchor {
  return cosignedHead(key, { ...dateOf(archive, time), ...changes });
}

const nitro = plain.archive;

/** A report that answers a challenge dated `asked`. */
function datedSnp(asked: number, key = witness): Answer {
  const preimage = cosignedChallenge(key, { time: BigInt(asked / 1_000), nonce });
  const value = sha256(preimage);
  return snpAnswer({ archive: { challenge: { value, preimage } } }, { challenge: value });
}

function outcomes({ checks }: ArchiveVerdict): Readonly<Record<string, string>> {
  return Object.fromEntries(checks.filter(({ id }) => /^D\d$/.test(id)).map(({ id, outcome }) => [id, outcome]));
}

interface Case {
  readonly says: string;
  readonly ruling: string;
  /** The only check that fails, where one does. */
  readonly check: string | null;
  readonly anchors: readonly TimeAnchor[];
  readonly policy?: Readonly<Record<string, JsonValue>>;
}

const flipped = (anchor: TimeAnchor, at: number): TimeAnchor => ({
  ...anchor,
  evidence: Uint8Array.from(anchor.evidence, (byte, index) => (index === at ? byte ^ 1 : byte)),
});

const cases: readonly Case[] = [
  { says: 'a head seen when it was made', ruling: 'accepted', check: null, anchors: [seen(nitro, ANSWERED)] },
  { says: 'a head seen an hour later', ruling: 'accepted', check: null, anchors: [seen(nitro, ANSWERED + HOUR)] },
  {
    says: 'a head seen a second after the key was too old',
    ruling: 'refused key_too_old',
    check: 'D5',
    anchors: [seen(nitro, ANSWERED + HOUR + 1_000)],
  },
  {
    says: 'a head seen before its document was made',
    ruling: 'refused anchor_before_document',
    check: 'D4',
    anchors: [seen(nitro, ANSWERED - 1_000)],
    policy: { futureSkewSeconds: 0 },
  },
  {
    says: 'a head seen earlier than that by less than the clocks may differ',
    ruling: 'accepted',
    check: null,
    anchors: [seen(nitro, ANSWERED - 300_000)],
  },
  {
    says: 'the same head seen late and early',
    ruling: 'accepted',
    check: null,
    anchors: [seen(nitro, ANSWERED + 9 * HOUR), seen(nitro, ANSWERED + 1_000, {}, second)],
  },
  {
    says: 'a head that a stranger saw',
    ruling: 'undetermined anchor_not_checked',
    check: null,
    anchors: [seen(nitro, ANSWERED, {}, stranger)],
  },
  {
    says: 'a head that a stranger saw and a cosigner later',
    ruling: 'accepted',
    check: null,
    anchors: [seen(nitro, ANSWERED, {}, stranger), seen(nitro, ANSWERED + 2_000)],
  },
  {
    says: 'anchors of kinds that are not checked',
    ruling: 'undetermined anchor_not_checked',
    check: null,
    anchors: [
      { kind: 'rfc3161', evidence: other },
      { kind: 'block', evidence: other },
    ],
  },
  { says: 'no anchor', ruling: 'undetermined not_anchored', check: null, anchors: [] },
  {
    says: 'a cosigner whom an empty list does not name',
    ruling: 'undetermined anchor_not_checked',
    check: null,
    anchors: [seen(nitro, ANSWERED)],
    policy: { anchors: { cosigners: [], maxKeyAgeSeconds: 3_600 } },
  },
  {
    says: 'a policy that takes nobody’s word',
    ruling: 'undetermined anchor_not_checked',
    check: null,
    anchors: [seen(nitro, ANSWERED)],
    policy: { anchors: 'none' },
  },
  ...(['log', 'root', 'document'] as const).map((field) => ({
    says: `another ${field} seen`,
    ruling: 'untrusted anchor_mismatch',
    check: 'D1',
    anchors: [seen(nitro, ANSWERED, { [field]: other })],
  })),
  {
    says: 'a larger tree seen',
    ruling: 'untrusted anchor_mismatch',
    check: 'D1',
    anchors: [seen(nitro, ANSWERED, { size: 7n })],
  },
  {
    says: 'another head seen, beside the right one',
    ruling: 'untrusted anchor_mismatch',
    check: 'D1',
    anchors: [seen(nitro, ANSWERED), seen(nitro, ANSWERED, { root: other }, second)],
  },
  {
    says: 'a date that was moved after it was signed',
    ruling: 'untrusted anchor_signature',
    check: 'D2',
    anchors: [flipped(seen(nitro, ANSWERED), 6 * 32 - 1)],
  },
  {
    says: 'a signature with a byte changed',
    ruling: 'untrusted anchor_signature',
    check: 'D2',
    anchors: [flipped(seen(nitro, ANSWERED), 319)],
  },
  {
    says: 'a signature with a high s',
    ruling: 'untrusted anchor_signature',
    check: 'D2',
    anchors: [{ kind: 'cosignature', evidence: withHighS(seen(nitro, ANSWERED).evidence) }],
  },
  {
    says: 'a stranger’s signature under a cosigner’s key',
    ruling: 'untrusted anchor_signature',
    check: 'D2',
    anchors: [
      {
        kind: 'cosignature',
        evidence: concatBytes(
          seen(nitro, ANSWERED).evidence.subarray(0, 256),
          seen(nitro, ANSWERED, {}, stranger).evidence.subarray(256),
        ),
      },
    ],
  },
  {
    says: 'a cosignature that is cut off',
    ruling: 'malformed cosignature_invalid',
    check: 'D0',
    anchors: [{ kind: 'cosignature', evidence: seen(nitro, ANSWERED).evidence.subarray(0, 319) }],
  },
  {
    says: 'a cosignature of something else',
    ruling: 'malformed cosignature_invalid',
    check: 'D0',
    anchors: [flipped(seen(nitro, ANSWERED), 0)],
  },
];

const all = (await judge(nitro, policyFor(trusting))).checks.map(({ id }) => id);

describe('an archive with anchors', () => {
  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, anchors: shown, policy }) => {
    const verdict = await judge({ ...nitro, anchors: shown }, policyFor({ ...trusting, ...policy }));
    expect(ruling(verdict)).toBe(expected);
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual(check === null ? [] : [check]);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
    expect('proven' in verdict).toBe(expected === 'accepted');
  });

  it('says who dated it and when, and what the date does not say', async () => {
    const shown = [seen(nitro, ANSWERED + 5_000, {}, second), seen(nitro, ANSWERED + 2_000)];
    const verdict = await judge({ ...nitro, anchors: shown }, policyFor(trusting));
    if (verdict.verdict !== 'accepted') throw new TypeError(verdict.code);
    const proven = verdict.proven as unknown as DatedArchiveFacts;
    expect(proven.purpose).toBe('archive');
    expect(proven.anchoredAt).toBe(ANSWERED + 2_000);
    expect(proven.cosigner).toEqual(cosignerOf(witness));
    expect(proven.documentTime).toBe(ANSWERED);
    expect(verdict.judgedAt).toBe(ANSWERED);
    expect(verdict.notProven.map(({ id }) => id)).toContain('anchor');
  });

  it('counts a cosigner’s second to its end: what was seen in it may be younger than its beginning', async () => {
    const strict = { ...trusting, futureSkewSeconds: 0 };
    const made = ANSWERED + 0;
    expect(ruling(await judge({ ...nitro, anchors: [seen(nitro, made)] }, policyFor(strict)))).toBe('accepted');
  });

  it('is judged at one time where the purpose is live, whatever dates are shown', async () => {
    const wrong = [flipped(seen(nitro, ANSWERED), 319)];
    const verdict = await judge({ ...nitro, anchors: wrong }, policyFor(trusting), { kind: 'live', now: ANSWERED });
    expect(ruling(verdict)).toBe('accepted');
    expect(outcomes(verdict)).toEqual({
      D0: 'passed',
      D1: 'not-asked',
      D2: 'not-asked',
      D3: 'not-reached',
      D4: 'not-asked',
      D5: 'not-asked',
    });
  });

  it('stays undetermined without its payload, and refused for a key that was too old', async () => {
    const gone = { ...nitro, request: null, anchors: [seen(nitro, ANSWERED)] };
    expect(ruling(await judge(gone, policyFor(trusting)))).toBe('undetermined payload_missing');
    const late = { ...gone, anchors: [seen(nitro, ANSWERED + 2 * HOUR)] };
    expect(ruling(await judge(late, policyFor(trusting)))).toBe('refused key_too_old');
  });

  it('reads buffers once, whatever becomes of them meanwhile', async () => {
    const anchor = seen(nitro, ANSWERED);
    const head = Uint8Array.from(nitro.head);
    const document = Uint8Array.from(nitro.evidence.document);
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verifyArchive(
      { ...nitro, head, evidence: { ...nitro.evidence, document }, anchors: [anchor] },
      { policy: policyFor(trusting), purpose: archival, suite: slow, cache: 'none' },
    );
    for (const bytes of [head, document, anchor.evidence]) bytes.fill(0);
    expect(ruling(await pending)).toBe('accepted');
  });
});

describe('an archive over SEV-SNP', () => {
  const trust = snpPolicyFor(trusting);
  const { archive } = datedSnp(ANSWERED);

  it('is accepted with a dated challenge and a dated head', async () => {
    const verdict = await judge({ ...archive, anchors: [seen(archive, ANSWERED + HOUR)] }, trust);
    if (verdict.verdict !== 'accepted') throw new TypeError(verdict.code);
    const proven = verdict.proven as unknown as DatedArchiveFacts;
    expect(proven.documentTime).toBe(ANSWERED);
    expect(proven.anchoredAt).toBe(ANSWERED + HOUR);
    expect(verdict.judgedAt).toBe(ANSWERED + HOUR);
    expect(new Set(Object.values(outcomes(verdict)))).toEqual(new Set(['passed']));
  });

  it.each<readonly [string, Archive, string]>([
    ['no date at all', snpAnswer().archive, 'undetermined not_anchored'],
    ['a dated challenge only', archive, 'undetermined not_anchored'],
    [
      'a challenge that a stranger dated',
      withHead(datedSnp(ANSWERED, stranger).archive),
      'undetermined challenge_undated',
    ],
    [
      'a head seen before the challenge',
      { ...archive, anchors: [seen(archive, ANSWERED - 1_000)] },
      'refused anchor_before_document',
    ],
  ])('with %s', async (_, shown, expected) => {
    expect(ruling(await judge(shown, trust))).toBe(expected);
  });

  function withHead(shown: Archive): Archive {
    return { ...shown, anchors: [seen(shown, ANSWERED + 1_000)] };
  }

  it('with a dated head and a random challenge is undetermined, and says what is missing', async () => {
    const made = snpAnswer();
    const verdict = await judge({ ...made.archive, anchors: [seen(made.archive, ANSWERED)] }, trust);
    expect(ruling(verdict)).toBe('undetermined challenge_undated');
    expect(outcomes(verdict)).toMatchObject({ D1: 'passed', D2: 'passed', D3: 'not-reached', D4: 'not-reached' });
  });

  it('with a head dated longer after the challenge than a key may be used is refused', async () => {
    const halfHour = snpPolicyFor({ anchors: { ...(anchors as object), maxKeyAgeSeconds: 1_800 } });
    const at = (time: number): Archive => ({ ...archive, anchors: [seen(archive, time)] });
    expect(ruling(await judge(at(ANSWERED + 1_800_000), halfHour))).toBe('accepted');
    expect(ruling(await judge(at(ANSWERED + 1_801_000), halfHour))).toBe('refused key_too_old');
  });

  it('a block’s words date nothing offline', async () => {
    const preimage = blockChallengePreimage({
      chainId: 1n,
      registry: new Uint8Array(20),
      operator: new Uint8Array(20),
      blockNumber: 5n,
      blockHash: other,
    });
    const value = sha256(preimage);
    const made = snpAnswer({ archive: { challenge: { value, preimage } } }, { challenge: value });
    expect(ruling(await judge(withHead(made.archive), trust))).toBe('undetermined challenge_undated');
  });

  it('refuses a challenge whose date was not signed, or is not in its form', async () => {
    const preimage = cosignedChallenge(witness, { time: BigInt(ANSWERED / 1_000), nonce });
    const shown = (bytes: Uint8Array): Archive => {
      const value = sha256(bytes);
      return withHead(snpAnswer({ archive: { challenge: { value, preimage: bytes } } }, { challenge: value }).archive);
    };
    const moved = Uint8Array.from(preimage, (byte, at) => (at === 63 ? byte ^ 1 : byte));
    const verdict = await judge(shown(moved), trust);
    expect(ruling(verdict)).toBe('untrusted anchor_signature');
    expect(verdict.checks.find(({ outcome }) => outcome === 'failed')?.id).toBe('D3');
    expect(ruling(await judge(shown(withHighS(preimage)), trust))).toBe('untrusted anchor_signature');
    expect(ruling(await judge(shown(preimage.subarray(0, 223)), trust))).toBe('malformed cosignature_invalid');
    const value = sha256(other);
    const wrong = snpAnswer({ archive: { challenge: { value, preimage } } }, { challenge: value });
    expect(ruling(await judge(withHead(wrong.archive), trust))).toBe('untrusted payload_mismatch');
  });

  it('is judged by revocation lists as of the anchor', async () => {
    const stale = [revocationList('Genoa', { thisUpdate: ANSWERED - HOUR, nextUpdate: ANSWERED + 1_000 })];
    const changed = { ...archive, evidence: { ...archive.evidence, revocationLists: stale } };
    const early = { ...changed, anchors: [seen(changed, ANSWERED + 1_000)] };
    expect(ruling(await judge(early, trust))).toBe('accepted');
    const late = { ...changed, anchors: [seen(changed, ANSWERED + 2_000)] };
    expect(ruling(await judge(late, trust))).toBe('refused revocation_stale');
  });

  it('without dates is judged when all that it shows began to be valid', async () => {
    const made = snpAnswer().archive;
    expect((await judge(made, trust)).judgedAt).toBe(ANSWERED - HOUR);
    const bare = { ...made, evidence: { ...made.evidence, revocationLists: [] } };
    const verdict = await judge(bare, snpPolicyFor({ ...trusting, revocationList: 'any' }));
    expect(verdict.judgedAt).toBe(ANSWERED - 24 * HOUR);
    const broken = { ...made, evidence: { ...made.evidence, document: Uint8Array.of(0) } };
    expect(await judge(broken, trust)).toMatchObject({ verdict: 'malformed', judgedAt: 0 });
  });

  it('live, a dated challenge says how old the report is', async () => {
    const at = (now: number): Promise<ArchiveVerdict> => judge(archive, trust, { kind: 'live', now });
    expect(ruling(await at(ANSWERED + 600_000))).toBe('accepted');
    expect(ruling(await at(ANSWERED + 600_001))).toBe('refused report_too_old');
    const random = snpAnswer().archive;
    expect(ruling(await judge(random, trust, { kind: 'live', now: ANSWERED }))).toBe('refused report_undated');
    const anyAge = snpPolicyFor({ ...trusting, maxAgeSeconds: 'any' });
    expect(ruling(await judge(random, anyAge, { kind: 'live', now: ANSWERED }))).toBe('accepted');
  });
});
