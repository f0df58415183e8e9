import { describe, expect, it } from 'vitest';
import { type ArchiveVerdict, type Purpose, parseUnverifiedArchive, verifyArchive } from '../../../verifier/index.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import {
  type Archive,
  type ArchivedRequest,
  type ArchivedResponse,
  encodeArchive,
} from '../../../wire/message/archive.ts';
import { policyFor, ruling } from '../../support/accept-answer.ts';
import { ANSWERED, type AnswerChanges, answer, json, plain } from '../../support/answer.ts';

interface Judgement {
  readonly policy?: Readonly<Record<string, JsonValue>>;
  readonly purpose?: Purpose;
}

const live: Purpose = { kind: 'live', now: ANSWERED };
const archival: Purpose = { kind: 'archive' };

/** By way of the file, so that what is judged is what a file can say. */
function judge(changes: AnswerChanges = {}, { policy, purpose }: Judgement = {}): Promise<ArchiveVerdict> {
  const archive = parseUnverifiedArchive(encodeArchive(answer(changes).archive));
  return verifyArchive(archive, {
    policy: policyFor(policy),
    purpose: purpose ?? live,
    suite: nodeSuite,
    cache: 'none',
  });
}

function request(change: Partial<ArchivedRequest>): Partial<Archive> {
  return { request: { ...(plain.archive.request as ArchivedRequest), ...change } };
}

function response(change: Partial<ArchivedResponse>): Partial<Archive> {
  return { response: { ...(plain.archive.response as ArchivedResponse), ...change } };
}

const other = new Uint8Array(32).fill(9);
const head = plain.bundle.head;
const unknownStatus = Uint8Array.from(plain.bundle.receipt);
unknownStatus[9 * 32 - 1] = 5;

interface Case extends Judgement {
  readonly says: string;
  readonly ruling: string;
  /** The only check that fails, where one does. */
  readonly check: string | null;
  readonly changes?: AnswerChanges;
}

const cases: readonly Case[] = [
  { says: 'an answer, now', ruling: 'accepted', check: null },
  {
    says: 'a document that is none',
    ruling: 'malformed cose_structure',
    check: 'N2',
    changes: { evidence: { document: Uint8Array.of(0) } },
  },
  {
    says: 'another identity than the document binds',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { document: { userData: other } },
  },
  {
    says: 'an image that is not accepted',
    ruling: 'refused image_refused',
    check: 'N18.image',
    policy: { images: [] },
  },
  {
    says: 'a document that does not answer the challenge in the file',
    ruling: 'refused challenge_mismatch',
    check: 'N21',
    changes: { archive: { challenge: { value: other, preimage: null } } },
  },
  {
    says: 'a challenge that was not made from the words shown',
    ruling: 'untrusted payload_mismatch',
    check: 'F1',
    changes: { archive: { challenge: { value: plain.archive.challenge.value, preimage: other } } },
  },
  {
    says: 'a request with another digest',
    ruling: 'untrusted payload_mismatch',
    check: 'F1',
    changes: { archive: request({ bodyHash: other }) },
  },
  {
    says: 'an answer with another digest',
    ruling: 'untrusted payload_mismatch',
    check: 'F1',
    changes: { archive: response({ bodyHash: other }) },
  },
  {
    says: 'an answer with another digest in a file without its request',
    ruling: 'untrusted payload_mismatch',
    check: 'F1',
    changes: { archive: { request: null, ...response({ bodyHash: other }) } },
  },
  {
    says: 'a receipt with a status that nobody defined',
    ruling: 'malformed receipt_invalid',
    check: 'R0',
    changes: { bundle: { receipt: unknownStatus } },
  },
  {
    says: 'a header that is none',
    ruling: 'malformed header_invalid',
    check: 'R0',
    changes: { archive: request({ header: new Uint8Array(384).fill(0xff) }) },
  },
  {
    says: 'an answer in a format that does not fit',
    ruling: 'malformed response_invalid',
    check: 'R0',
    changes: { archive: response({ format: 2 }) },
  },
  {
    says: 'another request than the receipt covers, with its digest',
    ruling: 'untrusted request_mismatch',
    check: 'R7',
    changes: { archive: request({ body: json({ inputs: 22 }), bodyHash: sha256(json({ inputs: 22 })) }) },
  },
  {
    says: 'another answer than the receipt covers, with its digest',
    ruling: 'untrusted response_mismatch',
    check: 'R8',
    changes: { archive: response({ body: json({ outputs: 22 }), bodyHash: sha256(json({ outputs: 22 })) }) },
  },
  {
    says: 'a channel that owes less than this answer cost',
    ruling: 'untrusted cumulative_fee_mismatch',
    check: 'R13',
    changes: { header: { channel: other }, receipt: { cumulativeFee: 4n } },
  },
  { says: 'a channel that owes more', ruling: 'accepted', check: null, changes: inChannel(47n) },
  {
    says: 'an answer that was not sealed',
    ruling: 'refused unsealed_refused',
    check: 'R16',
    changes: { header: { flags: 0n } },
    policy: { headers: 'any' },
  },
  {
    says: 'an open answer, whose header is the host’s',
    ruling: 'refused header_by_host',
    check: 'R17',
    changes: { header: { flags: 0n } },
    policy: { sealed: 'any' },
  },
  {
    says: 'a manifest that is none',
    ruling: 'malformed manifest_invalid',
    check: 'M0',
    changes: { release: { manifest: json([]) } },
  },
  {
    says: 'the manifest of another model',
    ruling: 'untrusted release_mismatch',
    check: 'M1',
    changes: { manifest: { version: '1.0.1' }, header: { modelId: plain.modelId } },
  },
  {
    says: 'a manifest that its owner did not sign',
    ruling: 'untrusted release_signature',
    check: 'M3',
    changes: { release: { signature: plain.bundle.signature } },
  },
  {
    says: 'an owner who is not a publisher',
    ruling: 'refused publisher_refused',
    check: 'W11',
    policy: { publishers: [] },
  },
  {
    says: 'an answer without a date, as an archive',
    ruling: 'undetermined not_anchored',
    check: null,
    purpose: archival,
  },
  {
    says: 'an answer with a date that nobody checked, as an archive',
    ruling: 'undetermined anchor_not_checked',
    check: null,
    changes: { archive: { anchors: [{ kind: 'rfc3161', evidence: other }] } },
    purpose: archival,
  },
  {
    says: 'a forged answer, as an archive',
    ruling: 'untrusted head_of_other_log',
    check: 'R1',
    changes: { head: { log: other } },
    purpose: archival,
  },
  {
    says: 'a document of a time that no calendar has, as an archive',
    ruling: 'untrusted certificate_expired',
    check: 'C8',
    changes: { document: { timestamp: Number.MAX_SAFE_INTEGER } },
    purpose: archival,
  },
];

function inChannel(cumulativeFee: bigint): AnswerChanges {
  return { header: { channel: other }, receipt: { cumulativeFee } };
}

const all = (await judge()).checks.map(({ id }) => id);

describe('verifyArchive', () => {
  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, changes, policy, purpose }) => {
    const verdict = await judge(changes, { ...(policy && { policy }), ...(purpose && { purpose }) });
    expect(ruling(verdict)).toBe(expected);
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual(check === null ? [] : [check]);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
  });

  it('lists every check once and in one order, whatever the verdict', async () => {
    expect(new Set(all).size).toBe(all.length);
    expect(all.slice(0, 5)).toEqual(['D0', 'D1', 'D2', 'D3', 'W.tee']);
    expect(all.slice(-28)).toEqual([
      'W11',
      'F1',
      ...Array.from({ length: 18 }, (_, index) => `R${index}`),
      'M0',
      'M1',
      'M2',
      'M3',
      'M4',
      'K1',
      'D4',
      'D5',
    ]);
  });

  it('gives worker, receipt and release together', async () => {
    const verdict = await judge();
    if (verdict.verdict !== 'accepted') throw new Error(verdict.code);
    const { worker, receipt, release, purpose } = verdict.proven;
    expect(purpose).toBe('live');
    expect(receipt.log).toEqual(worker.log);
    expect(release.modelId).toEqual(receipt.modelId);
    expect(receipt.headerBy).toBe('client');
  });

  it('never accepts as an archive what is accepted live, and says why', async () => {
    const verdict = await judge({}, { purpose: archival });
    const open = verdict.checks.filter(({ outcome }) => outcome !== 'passed');
    expect(open.map(({ id, outcome }) => [id, outcome])).toEqual(
      ['D1', 'D2', 'D3', 'D4', 'D5'].map((id) => [id, 'not-asked']),
    );
    expect(verdict.judgedAt).toBe(ANSWERED);
    expect(verdict.notProven.map(({ id }) => id)).toContain('anchor');
    expect('proven' in verdict).toBe(false);
  });

  it('judges an archive at its document’s time and a live answer at the caller’s', async () => {
    const years = { kind: 'live', now: ANSWERED + 5 * 365 * 86_400_000 } as const;
    expect(ruling(await judge({}, { purpose: years }))).toBe('untrusted certificate_expired');
    const before = { kind: 'live', now: ANSWERED - 86_400_000 } as const;
    expect(ruling(await judge({}, { purpose: before }))).toBe('untrusted certificate_not_yet_valid');
    expect(ruling(await judge({}, { purpose: archival }))).toBe('undetermined not_anchored');
  });

  it('accepts a challenge that was made from the words shown', async () => {
    const preimage = new Uint8Array(192).fill(3);
    const value = sha256(preimage);
    const verdict = await judge({ document: { nonce: value }, archive: { challenge: { value, preimage } } });
    expect(verdict.verdict).toBe('accepted');
  });

  it('does not say what a channel owed before, and says that it does not', async () => {
    const verdict = await judge(inChannel(47n));
    expect(verdict.checks.find(({ id }) => id === 'R13')?.outcome).toBe('not-asked');
    expect(verdict.notProven.map(({ id }) => id)).toContain('R13');
  });
});

describe('an archive without its payload', () => {
  const deleted: readonly (readonly [string, Partial<Archive>])[] = [
    ['request', { request: null }],
    ['request body', request({ body: null })],
    ['response', { response: null }],
    ['response body', response({ body: null })],
    ['both', { request: null, response: null }],
  ];

  it.each(deleted)('is undetermined: %s', async (_, archive) => {
    const verdict = await judge({ archive });
    expect(ruling(verdict)).toBe('undetermined payload_missing');
    expect(verdict.notProven.map(({ id }) => id)).toContain('payload');
    const passed = verdict.checks.filter(({ id, outcome }) => id.startsWith('R') && outcome === 'passed');
    expect(passed.map(({ id }) => id)).toEqual(['R0', 'R1', 'R2', 'R3', 'R4', 'R9', 'R10', 'R14', 'R15', 'R16', 'R17']);
    const open = verdict.checks.filter(({ outcome }) => outcome === 'not-reached').map(({ id }) => id);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
    expect(open).toEqual(['R5', 'R6', 'R7', 'R8', 'R11', 'R12', 'R13']);
  });

  const gone = { request: null, response: null };
  const cut = Uint8Array.from(head);
  cut[0] = 0;

  it.each<Omit<Case, 'check'>>([
    {
      says: 'a malformed receipt',
      ruling: 'malformed receipt_invalid',
      changes: { bundle: { receipt: unknownStatus } },
    },
    { says: 'a malformed head', ruling: 'malformed head_invalid', changes: { bundle: { head: cut } } },
    {
      says: 'a forged head',
      ruling: 'untrusted head_signature',
      changes: { bundle: { signature: new Uint8Array(64) } },
    },
    { says: 'another execution', ruling: 'untrusted execution_mismatch', changes: { receipt: { execution: other } } },
    { says: 'an unsealed answer', ruling: 'refused unsealed_refused', changes: { header: { flags: 0n } } },
    { says: 'another model', ruling: 'refused model_refused', policy: { models: [] } },
    {
      says: 'another release',
      ruling: 'untrusted release_mismatch',
      changes: { release: { owner: plain.bundle.signature } },
    },
  ])('is still refused for $says: $ruling', async ({ ruling: expected, changes, policy }) => {
    const verdict = await judge({ ...changes, archive: gone }, policy === undefined ? {} : { policy });
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
  });
});

describe('the arguments of verifyArchive', () => {
  it('throws argument_invalid for a purpose that is none', async () => {
    for (const purpose of [{ kind: 'Archive' }, { kind: 'any', now: ANSWERED }, {}, { kind: 'live' }]) {
      await expect(judge({}, { purpose: purpose as Purpose })).rejects.toMatchObject({ code: 'argument_invalid' });
    }
  });

  it('throws policy_unparsed for a policy that parsePolicy did not make', async () => {
    const options = { policy: { ...policyFor() }, purpose: live, suite: nodeSuite, cache: 'none' as const };
    await expect(verifyArchive(plain.archive, options)).rejects.toMatchObject({ code: 'policy_unparsed' });
  });
});
