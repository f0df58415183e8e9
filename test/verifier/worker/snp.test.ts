import { describe, expect, it } from 'vitest';
import {
  requireAccepted,
  type SnpWorkerFacts,
  type Verdict,
  type Verified,
  verifyReceipt,
  verifyWorker,
  type WorkerFacts,
  type WorkerOptions,
} from '../../../verifier/index.ts';
import { admissionRules, snpBindingRules, snpFreshnessRules } from '../../../verifier/worker/rules.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { decodeIdentity, imagePreimage, logPreimage } from '../../../wire/message/identity.ts';
import { policyFor, ruling } from '../../support/accept-answer.ts';
import { ANSWERED, ASKED, plain } from '../../support/answer.ts';
import {
  type SnpWorkerChanges,
  snpAnswer,
  snpPolicyFor,
  snpWorkerEvidence,
  strictSnp,
} from '../../support/snp-answer.ts';
import { MEASUREMENT } from '../../vectors/corpus/snp/base.ts';

const asked: WorkerOptions = {
  policy: strictSnp,
  now: ANSWERED,
  challenge: ASKED,
  challengedAt: ANSWERED,
  suite: nodeSuite,
  cache: 'none',
};

function judge(
  changes: SnpWorkerChanges = {},
  options: Partial<WorkerOptions> = {},
): Promise<Verdict<Verified<WorkerFacts>>> {
  return verifyWorker(snpWorkerEvidence(changes), { ...asked, ...options });
}

const own = ['W0', ...[...snpBindingRules, ...admissionRules, ...snpFreshnessRules].map(({ id }) => id)];
const other = new Uint8Array(32).fill(9);
const address = new Uint8Array(20).fill(9);
const log = sha256(logPreimage(plain.evidence.identity));
const noCbor = Uint8Array.of(0xff);

interface Case {
  readonly says: string;
  readonly ruling: string;
  /** The only check that fails. */
  readonly check: string;
  readonly changes?: SnpWorkerChanges;
  readonly policy?: Readonly<Record<string, JsonValue>>;
  readonly options?: Partial<WorkerOptions>;
}

const cases: readonly Case[] = [
  {
    says: 'a document of Nitro in its place',
    ruling: 'malformed report_length',
    check: 'S1',
    changes: { evidence: { document: plain.evidence.document } },
  },
  {
    says: 'an identity of another version',
    ruling: 'malformed identity_invalid',
    check: 'W0',
    changes: { identity: { version: 2n } },
  },
  {
    says: 'a configuration that is no CBOR',
    ruling: 'malformed configuration_invalid',
    check: 'W0',
    changes: { evidence: { configuration: noCbor }, identity: { config: sha256(noCbor) } },
  },
  {
    says: 'a runtime that is no CBOR',
    ruling: 'malformed runtime_invalid',
    check: 'W0',
    changes: { evidence: { runtime: noCbor }, identity: { runtime: sha256(noCbor) } },
  },
  {
    says: 'a report of another identity',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { guest: { reportData: concatBytes(other, ASKED) } },
  },
  {
    says: 'the identity without its tag',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { guest: { reportData: concatBytes(sha256(plain.evidence.identity), ASKED) } },
  },
  {
    says: 'another identity beside the report',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: {
      evidence: { identity: Uint8Array.from(plain.evidence.identity, (byte, at) => (at === 319 ? byte ^ 1 : byte)) },
    },
  },
  {
    says: 'a signer off its curve',
    ruling: 'untrusted signer_invalid',
    check: 'W2',
    changes: { identity: { signerY: other } },
  },
  {
    says: 'a signer that is no point at all',
    ruling: 'untrusted signer_invalid',
    check: 'W2',
    changes: { identity: { signerX: new Uint8Array(32).fill(0xff), signerY: new Uint8Array(32).fill(0xff) } },
  },
  {
    says: 'another configuration than the identity names',
    ruling: 'untrusted configuration_mismatch',
    check: 'W3',
    changes: { identity: { config: other } },
  },
  {
    says: 'another runtime than the identity names',
    ruling: 'untrusted runtime_mismatch',
    check: 'W5',
    changes: { identity: { runtime: other } },
  },
  ...[{ operator: address }, { chainId: 1n }, { registry: address }, { settlement: address }].map((identity) => ({
    says: `an identity with another ${Object.keys(identity)[0]} than its configuration`,
    ruling: 'untrusted identity_contradiction',
    check: 'W6',
    changes: { identity },
  })),
  {
    says: 'the halves of report_data exchanged',
    ruling: 'refused challenge_mismatch',
    check: 'S20',
    changes: { guest: { reportData: concatBytes(ASKED, log) } },
  },
  {
    says: 'an answer to another challenge',
    ruling: 'refused challenge_mismatch',
    check: 'S20',
    changes: { challenge: other },
  },
  {
    says: 'another measurement',
    ruling: 'refused measurement_refused',
    check: 'S19',
    changes: { guest: { measurement: new Uint8Array(48).fill(9) } },
  },
  { says: 'no root of this policy', ruling: 'untrusted root_not_trusted', check: 'C16', policy: { roots: [] } },
  {
    says: 'no accepted configuration',
    ruling: 'refused configuration_refused',
    check: 'W7',
    policy: { configurations: [] },
  },
  { says: 'no accepted runtime', ruling: 'refused runtime_refused', check: 'W8', policy: { runtimes: [] } },
  { says: 'no accepted operator', ruling: 'refused operator_refused', check: 'W9', policy: { operators: [] } },
  { says: 'no accepted publisher', ruling: 'refused publisher_refused', check: 'W11', policy: { publishers: [] } },
  {
    says: 'a challenge of longer ago than the maximum age',
    ruling: 'refused report_too_old',
    check: 'W12',
    options: { challengedAt: ANSWERED - 600_001 },
  },
  {
    says: 'a challenge of later than now',
    ruling: 'refused report_too_old',
    check: 'W12',
    options: { challengedAt: ANSWERED + 1 },
  },
  {
    says: 'a challenge that nobody dated',
    ruling: 'refused report_undated',
    check: 'W12',
    options: { challengedAt: 'unknown' },
  },
  {
    says: 'no challenge, whatever its time',
    ruling: 'refused report_undated',
    check: 'W12',
    options: { challenge: 'any' },
  },
];

const all = (await judge()).checks.map(({ id }) => id);

describe('verifyWorker over SEV-SNP', () => {
  it('gives every fact of an accepted worker', async () => {
    const verdict = await judge();
    const facts = requireAccepted(verdict) as Verified<SnpWorkerFacts>;
    expect(facts.tee).toBe('amd-sev-snp');
    expect(facts.level).toBe('simulated');
    expect(facts.log).toEqual(log);
    expect(facts.imageId).toEqual(sha256(imagePreimage('amd-sev-snp', [MEASUREMENT])));
    expect(facts.identity).toEqual(decodeIdentity(plain.evidence.identity));
    expect(facts.attestation.userData).toEqual(log);
    expect(facts.attestation.nonce).toEqual(ASKED);
    expect(facts.policy).toBe(strictSnp);
    expect(facts.acceptedUntil).toBe(ANSWERED + 600_000);
    expect(verdict.checks.slice(-own.length).map(({ id }) => id)).toEqual(own);
    expect(verdict.checks[0]?.id).toBe('W.tee');
    expect(verdict.checks.every(({ outcome }) => outcome === 'passed')).toBe(true);
  });

  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, changes, policy, options }) => {
    const verdict = await judge(changes, { policy: snpPolicyFor(policy), ...options });
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([check]);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
    expect(new Set(all).size).toBe(all.length);
  });

  it.each(['Milan', 'Genoa', 'Turin'] as const)('accepts a worker on %s with either kind of key', async (product) => {
    const loose = snpPolicyFor({
      products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
      tcb: { reported: anyTcb, committed: anyTcb, launch: anyTcb },
      maskedChipId: 'vlek-only',
      chips: 'any',
    });
    for (const signer of ['vcek', 'vlek'] as const) {
      expect(ruling(await judge({ machine: { product, signer } }, { policy: loose }))).toBe('accepted');
    }
  });

  it('counts the age from the challenge, to the last millisecond', async () => {
    const at = (challengedAt: number): Promise<Verdict<Verified<WorkerFacts>>> => judge({}, { challengedAt });
    const oldest = requireAccepted(await at(ANSWERED - 600_000));
    expect(oldest.acceptedUntil).toBe(ANSWERED);
  });

  it('with any age, is accepted as long as certificates and policy are', async () => {
    const policy = snpPolicyFor({ maxAgeSeconds: 'any' });
    const verdict = await judge({}, { policy, challenge: 'any', challengedAt: 'unknown' });
    const facts = requireAccepted(verdict);
    expect(facts.acceptedUntil).toBe(facts.attestation.acceptedUntil);
    expect(verdict.notProven.map(({ id }) => id)).toEqual(expect.arrayContaining(['S20', 'W12']));
    const dated = requireAccepted(await judge({}, { policy, challengedAt: ANSWERED - 600_000 }));
    expect(dated.acceptedUntil).toBe(dated.attestation.acceptedUntil);
  });

  it('does not call unproven what it proved beyond the report', async () => {
    const proven = (await judge()).notProven.map(({ id }) => id);
    expect(proven).not.toContain('S20.binding');
    expect(proven).not.toContain('P.worker');
    expect(proven).toEqual(expect.arrayContaining(['A2', 'S.time', 'time', 'source', 'P.answers']));
  });

  it('accepts the receipts of the worker, whose key is a word of the identity', async () => {
    const made = snpAnswer();
    const worker = requireAccepted(await verifyWorker(made.evidence, asked));
    const judged = await verifyReceipt(made.bundle, {
      expected: {
        worker,
        request: { header: made.header, body: made.requestBody },
        response: made.response,
        headerBy: 'client',
        owedBefore: 0n,
      },
      now: ANSWERED,
      suite: nodeSuite,
    });
    expect(ruling(judged)).toBe('accepted');
  });

  it('accepts no receipt from before its certificates or after its time', async () => {
    const made = snpAnswer();
    const worker = requireAccepted(await verifyWorker(made.evidence, asked));
    const request = { header: made.header, body: made.requestBody };
    const expected = { worker, request, response: made.response, headerBy: 'client', owedBefore: 0n } as const;
    for (const now of [worker.attestation.validity.notBefore - 1, worker.acceptedUntil + 1]) {
      expect(ruling(await verifyReceipt(made.bundle, { expected, now, suite: nodeSuite }))).toBe(
        'refused worker_expired',
      );
    }
  });

  it('copies the evidence before it waits', async () => {
    const evidence = snpWorkerEvidence();
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const copy = {
      ...evidence,
      document: Uint8Array.from(evidence.document),
      identity: Uint8Array.from(evidence.identity),
    };
    const pending = verifyWorker(copy, { ...asked, suite: slow });
    for (const bytes of [copy.document, copy.identity]) bytes.fill(0);
    expect((await pending).verdict).toBe('accepted');
  });
});

describe('a policy for other hardware', () => {
  it('trusts nothing of it, and says that nothing was looked at', async () => {
    const pairs = [
      [snpWorkerEvidence(), policyFor(), 'amd-sev-snp evidence, a policy for aws-nitro'],
      [plain.evidence, strictSnp, 'aws-nitro evidence, a policy for amd-sev-snp'],
    ] as const;
    for (const [evidence, policy, detail] of pairs) {
      const verdict = await verifyWorker(evidence, { ...asked, policy });
      expect(ruling(verdict)).toBe('untrusted tee_not_trusted');
      expect(verdict.checks[0]).toEqual({
        id: 'W.tee',
        title: 'the evidence is of the hardware that the policy is for',
        outcome: 'failed',
        detail,
      });
      expect(new Set(verdict.checks.slice(1).map(({ outcome }) => outcome))).toEqual(new Set(['not-reached']));
    }
  });

  it('lists the same checks as a verdict under it would', async () => {
    const crossed = await verifyWorker(plain.evidence, asked);
    expect(crossed.checks.map(({ id }) => id)).toEqual(all);
    const ofNitro = await verifyWorker(plain.evidence, { ...asked, policy: policyFor() });
    const crossedNitro = await verifyWorker(snpWorkerEvidence(), { ...asked, policy: policyFor() });
    expect(crossedNitro.checks.map(({ id }) => id)).toEqual(ofNitro.checks.map(({ id }) => id));
  });

  it('is not fooled by an envelope that names the hardware of the policy', async () => {
    const disguised = { ...snpWorkerEvidence(), tee: 'aws-nitro' as const };
    expect((await verifyWorker(disguised, { ...asked, policy: policyFor() })).verdict).toBe('malformed');
  });
});

describe('the arguments of verifyWorker', () => {
  it('throws argument_invalid for a time of the challenge that is none', async () => {
    for (const challengedAt of [Number.NaN, 1.5, Number.POSITIVE_INFINITY, 'now', null, undefined]) {
      await expect(judge({}, { challengedAt: challengedAt as number })).rejects.toMatchObject({
        code: 'argument_invalid',
        place: { field: 'challengedAt' },
      });
    }
  });

  it('throws policy_unparsed for a policy that no parser made', async () => {
    await expect(judge({}, { policy: { ...strictSnp } })).rejects.toMatchObject({ code: 'policy_unparsed' });
  });
});

const anyTcb: JsonValue = { Milan: 'any', Genoa: 'any', Turin: 'any' };
