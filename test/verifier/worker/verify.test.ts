import { describe, expect, it } from 'vitest';
import {
  isVerified,
  requireAccepted,
  type Verdict,
  verifyWorker,
  type WorkerOptions,
} from '../../../verifier/index.ts';
import { admissionRules, nitroBindingRules } from '../../../verifier/worker/rules.ts';
import { concatBytes, toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { encodeConfiguration } from '../../../wire/message/configuration.ts';
import { encodeRuntime } from '../../../wire/message/execution.ts';
import { decodeIdentity, imagePreimage, logPreimage } from '../../../wire/message/identity.ts';
import { policyFor, provenWorker, ruling, strict } from '../../support/accept-answer.ts';
import { ANSWERED, type AnswerChanges, ASKED, answer, extendedOnce, plain, publisher } from '../../support/answer.ts';

const asked = {
  policy: strict,
  now: ANSWERED,
  challenge: ASKED,
  challengedAt: ANSWERED,
  suite: nodeSuite,
  cache: 'none' as const,
};

function judge(
  changes: AnswerChanges = {},
  options: Partial<WorkerOptions> = {},
): Promise<Verdict<Awaited<ReturnType<typeof provenWorker>>>> {
  const { evidence } = answer(changes);
  return verifyWorker(evidence, { ...asked, ...options });
}

const own = ['W0', ...[...nitroBindingRules, ...admissionRules].map(({ id }) => id)];
const noCbor = Uint8Array.of(0xff);
const other = new Uint8Array(32).fill(9);
const address = new Uint8Array(20).fill(9);

interface Case {
  readonly says: string;
  readonly ruling: string;
  /** The only check that fails. */
  readonly check: string;
  readonly changes?: AnswerChanges;
  readonly policy?: Readonly<Record<string, JsonValue>>;
}

const anyConfiguration = { configurations: 'any' };

const cases: readonly Case[] = [
  {
    says: 'an envelope of other hardware',
    ruling: 'untrusted tee_not_trusted',
    check: 'W.tee',
    changes: { evidence: { tee: 'amd-sev-snp' } },
  },
  {
    says: 'identity words of another version',
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
    says: 'a document of another identity',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { document: { userData: other } },
  },
  {
    says: 'a document that binds no identity',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { document: { userData: null } },
  },
  {
    says: 'the identity without its tag',
    ruling: 'untrusted identity_mismatch',
    check: 'W1',
    changes: { document: { userData: sha256(plain.evidence.identity) } },
  },
  {
    says: 'a document with another key',
    ruling: 'untrusted signer_mismatch',
    check: 'W2',
    changes: { document: { publicKey: concatBytes(Uint8Array.of(4), other, other) } },
  },
  {
    says: 'a document without a key',
    ruling: 'untrusted signer_mismatch',
    check: 'W2',
    changes: { document: { publicKey: null } },
  },
  {
    says: 'another configuration than the identity names',
    ruling: 'untrusted configuration_mismatch',
    check: 'W3',
    changes: { identity: { config: other } },
  },
  {
    says: 'PCR16 with another configuration',
    ruling: 'untrusted configuration_not_bound',
    check: 'W4',
    changes: { extended: other },
  },
  {
    says: 'PCR16 left out',
    ruling: 'untrusted configuration_not_bound',
    check: 'W4',
    changes: { document: { pcrs: [0, 1, 2, 3, 4, 8].map((index) => [index, filled(index)]) } },
  },
  {
    says: 'PCR16 extended twice',
    ruling: 'untrusted configuration_not_bound',
    check: 'W4',
    changes: {
      document: {
        pcrs: [
          ...[0, 1, 2, 3, 4, 8].map((index) => [index, filled(index)] as const),
          [16, extendedOnce(extendedOnce(sha256(plain.evidence.configuration)))],
        ],
      },
    },
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
    says: 'a configuration that is not on the list',
    ruling: 'refused configuration_refused',
    check: 'W7',
    changes: { configuration: { telemetry: 'counters' } },
  },
  {
    says: 'an empty list of configurations',
    ruling: 'refused configuration_refused',
    check: 'W7',
    policy: { configurations: [] },
  },
  {
    says: 'a runtime that is not on the list',
    ruling: 'refused runtime_refused',
    check: 'W8',
    changes: { runtime: { threads: 2 } },
  },
  {
    says: 'an operator that is not on the list',
    ruling: 'refused operator_refused',
    check: 'W9',
    changes: { configuration: { operator: address } },
    policy: anyConfiguration,
  },
  ...[{ chainId: 1n }, { registry: address }, { settlement: address }].map((configuration) => ({
    says: `another ${Object.keys(configuration)[0]} than the policy names`,
    ruling: 'refused chain_refused',
    check: 'W10',
    changes: { configuration },
    policy: anyConfiguration,
  })),
  {
    says: 'a stranger among the publishers',
    ruling: 'refused publisher_refused',
    check: 'W11',
    changes: { configuration: { publishers: [publisher, new Uint8Array(64).fill(7)] } },
    policy: anyConfiguration,
  },
];

/** The registers that the policy asks for, as the default document has them. */
function filled(index: number): Uint8Array {
  return new Uint8Array(48).fill(index < 3 ? index + 1 : 0);
}

const all = (await judge()).checks.map(({ id }) => id);

describe('verifyWorker', () => {
  it('gives every fact of an accepted worker', async () => {
    const verdict = await judge();
    const facts = requireAccepted(verdict);
    const { evidence } = plain;
    expect(facts.level).toBe('simulated');
    expect(facts.log).toEqual(sha256(logPreimage(evidence.identity)));
    expect(facts.imageId).toEqual(sha256(imagePreimage('aws-nitro', [filled(0), filled(1), filled(2)])));
    expect(facts.identity).toEqual(decodeIdentity(evidence.identity));
    expect(encodeConfiguration(facts.configuration)).toEqual(evidence.configuration);
    expect(encodeRuntime(facts.runtime)).toEqual(evidence.runtime);
    expect(facts.policy).toBe(strict);
    expect(facts.acceptedUntil).toBe(ANSWERED + 600_000);
    expect(verdict.checks.every(({ outcome }) => outcome === 'passed')).toBe(true);
    expect(verdict.checks.slice(-own.length).map(({ id }) => id)).toEqual(own);
  });

  it.each(cases)('$says: $ruling', async ({ ruling: expected, check, changes, policy }) => {
    const verdict = await judge(changes, { policy: policyFor(policy) });
    expect(ruling(verdict)).toBe(expected);
    expect(verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([check]);
    expect(verdict.checks.map(({ id }) => id)).toEqual(all);
  });

  it('lists every check once and in one order, whatever the verdict', async () => {
    expect(new Set(all).size).toBe(all.length);
    const refusedDocuments = [
      await judge({ evidence: { document: Uint8Array.of(0) } }),
      await judge({}, { now: ANSWERED + 86_400_000 }),
      await judge({}, { policy: policyFor({ images: [] }) }),
    ];
    expect(refusedDocuments.map(({ verdict }) => verdict)).toEqual(['malformed', 'untrusted', 'refused']);
    for (const verdict of refusedDocuments) {
      expect(verdict.checks.map(({ id }) => id)).toEqual(all);
      const outcomes = verdict.checks.filter(({ id }) => own.includes(id)).map(({ outcome }) => outcome);
      expect(new Set(outcomes)).toEqual(new Set(['not-reached']));
    }
  });

  it('stops at the first failure of what the document binds', async () => {
    const verdict = await judge({ document: { publicKey: null }, extended: other });
    expect(ruling(verdict)).toBe('untrusted signer_mismatch');
    const outcome = (id: string): string | undefined => verdict.checks.find((check) => check.id === id)?.outcome;
    expect(['W1', 'W2', 'W3', 'W4', 'W11'].map(outcome)).toEqual([
      'passed',
      'failed',
      'not-reached',
      'not-reached',
      'not-reached',
    ]);
  });

  it('names every reason of the policy, and takes the code of the first', async () => {
    const verdict = await judge({}, { policy: policyFor({ runtimes: [], operators: [], publishers: [] }) });
    expect(ruling(verdict)).toBe('refused runtime_refused');
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual(['W8', 'W9', 'W11']);
  });

  it('reports what the policy answers with "any" as not asked and not proven', async () => {
    const open = { configurations: 'any', runtimes: 'any', operators: 'any', chain: 'any', publishers: 'any' };
    const strange = {
      configuration: { operator: address, chainId: 5n, publishers: [new Uint8Array(64).fill(7)] },
      runtime: { threads: 3 },
    };
    const verdict = await judge(strange, { policy: policyFor(open) });
    expect(verdict.verdict).toBe('accepted');
    const unasked = verdict.checks.filter(({ outcome }) => outcome === 'not-asked').map(({ id }) => id);
    expect(unasked).toEqual(['W7', 'W8', 'W9', 'W10', 'W11']);
    expect(verdict.notProven.map(({ id }) => id)).toEqual(expect.arrayContaining(unasked));
  });

  it('does not call unproven what it proved beyond the document', async () => {
    const proven = (await judge()).notProven.map(({ id }) => id);
    expect(proven).not.toContain('N22');
    expect(proven).not.toContain('P.worker');
    expect(proven).toEqual(expect.arrayContaining(['A2', 'X13', 'time', 'source', 'P.answers']));
    const unbound = (await judge({ document: { publicKey: null } })).notProven.map(({ id }) => id);
    expect(unbound).toEqual(expect.arrayContaining(['N22', 'P.worker']));
  });

  it('reads the evidence once: buffers that change meanwhile change nothing', async () => {
    const { evidence } = answer({ document: {} });
    const slow = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verifyWorker(evidence, { ...asked, suite: slow });
    for (const bytes of [evidence.identity, evidence.configuration, evidence.runtime, evidence.document]) bytes.fill(0);
    expect((await pending).verdict).toBe('accepted');
  });

  it('gives facts that keep their value when the evidence is overwritten afterwards', async () => {
    const { evidence } = answer({ document: {} });
    const facts = await provenWorker(evidence);
    const before = toHex(facts.identity.sealKey) + toHex(facts.identity.config);
    evidence.identity.fill(0);
    evidence.configuration.fill(0);
    expect(toHex(facts.identity.sealKey) + toHex(facts.identity.config)).toBe(before);
  });

  it('gives facts that cannot be imitated', async () => {
    const facts = await provenWorker();
    expect(isVerified(facts)).toBe(true);
    for (const imitation of [{ ...facts }, Object.create(facts), new Proxy(facts, {}), structuredClone({ ...facts })]) {
      expect(isVerified(imitation)).toBe(false);
    }
    expect(() => Object.assign(facts, { level: 'attested' })).toThrow(TypeError);
  });

  it('throws argument_invalid where a statement is not bytes', async () => {
    for (const field of ['identity', 'configuration', 'runtime'] as const) {
      const evidence = { ...plain.evidence, [field]: toHex(utf8('text')) as unknown as Uint8Array };
      const pending = verifyWorker(evidence, asked);
      await expect(pending).rejects.toMatchObject({ code: 'argument_invalid', place: { field } });
    }
  });
});
