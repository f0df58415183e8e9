import type { ReportRequest } from '../../../../enclave/simulator/snp/authority.ts';
import { concatBytes, fromHex, toHex } from '../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import type { Evidence } from '../../../../wire/message/evidence.ts';
import {
  decodeIdentity,
  encodeIdentity,
  logPreimage,
  type TeeName,
  type WorkerIdentity,
} from '../../../../wire/message/identity.ts';
import { filler } from '../../golden/keys.ts';
import { identityVectors, statementVectors } from '../../golden/messages.ts';
import { CHALLENGE, NOW, SECOND } from '../base.ts';
import { type Expectation, nameIn, type Refusal, writeExpectation } from '../case.ts';
import { STRICT } from '../policies.ts';
import { GUEST, machine, revocationList } from './base.ts';
import { SNP_POLICIES } from './policies.ts';

/** What a host serves for a worker on SEV-SNP: the envelope of DESIGN section 3, with what the report binds. */
export interface WorkerCase {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly tee: 'amd-sev-snp';
  /** The envelope: bytes in base64url, certificates and lists by the names that `certificates.json` has them under. */
  readonly evidence: {
    readonly version: 1;
    readonly tee: TeeName;
    readonly document: string;
    readonly certificates: readonly string[];
    readonly revocationLists: readonly string[];
    readonly identity: string;
    readonly configuration: string;
    readonly runtime: string;
  };
  readonly at: string;
  readonly challenge: string;
  /** When the challenge was drawn, or "unknown". */
  readonly challengedAt: string;
  readonly policy: string;
  readonly expect: Expectation;
}

type Fields = { readonly [name: string]: { readonly [name: string]: string } };
const statements = statementVectors() as unknown as Fields;
const configuration = fromHex((statements['configuration'] as { cbor: string }).cbor);
const runtime = fromHex((statements['runtime'] as { cbor: string }).cbor);
const words = fromHex((identityVectors() as { readonly words: string }).words);
const named = decodeIdentity(words);

const strict = SNP_POLICIES['strict'] as { readonly [rule: string]: JsonValue };
const variants: { readonly [name: string]: { readonly [rule: string]: JsonValue } } = {
  worker: { ...strict, configurations: [toHex(named.config)], runtimes: [toHex(named.runtime)], maxAgeSeconds: 600 },
};
const worker = variants['worker'] as { readonly [rule: string]: JsonValue };

export const WORKER_POLICIES: { readonly [name: string]: JsonValue } = {
  worker: { ...worker, name: 'TEST VECTORS ONLY: worker' },
  'any-age': { ...worker, name: 'TEST VECTORS ONLY: any-age', maxAgeSeconds: 'any' },
  'other-configuration': {
    ...worker,
    name: 'TEST VECTORS ONLY: other-configuration',
    configurations: [toHex(filler('another configuration'))],
  },
  'other-runtime': {
    ...worker,
    name: 'TEST VECTORS ONLY: other-runtime',
    runtimes: [toHex(filler('another runtime'))],
  },
  'other-operator': { ...worker, name: 'TEST VECTORS ONLY: other-operator', operators: [toHex(filler('nobody', 20))] },
  'other-chain': {
    ...worker,
    name: 'TEST VECTORS ONLY: other-chain',
    chain: { chainId: '1', registry: toHex(named.registry), settlement: toHex(named.settlement) },
  },
  'other-publisher': { ...worker, name: 'TEST VECTORS ONLY: other-publisher', publishers: [] },
  'no-measurement': { ...worker, name: 'TEST VECTORS ONLY: no-measurement', measurements: [] },
  nitro: { ...(STRICT as object), name: 'TEST VECTORS ONLY: nitro' },
};

interface WorkerSpec {
  readonly id: string;
  readonly title: string;
  readonly expect: 'accepted' | Refusal;
  readonly guest?: Partial<ReportRequest>;
  readonly identity?: Partial<WorkerIdentity>;
  readonly evidence?: Partial<Evidence>;
  readonly challenge?: Uint8Array | 'any';
  readonly challengedAt?: number | 'unknown';
  readonly policy?: string;
}

const log = sha256(logPreimage(words));
const other = filler('something else');
const changed = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(bytes, (byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte));

const specs: readonly WorkerSpec[] = [
  { id: 'ok', title: 'everything right', expect: 'accepted' },
  { id: 'ok-oldest', title: 'as old as the policy allows', expect: 'accepted', challengedAt: NOW - 600 * SECOND },
  {
    id: 'ok-any-age',
    title: 'a recorded report where any age is allowed',
    expect: 'accepted',
    challenge: 'any',
    challengedAt: 'unknown',
    policy: 'any-age',
  },
  {
    id: 'other-identity',
    title: 'the report of another identity',
    expect: ['untrusted', 'identity_mismatch', 'W1'],
    guest: { reportData: concatBytes(other, CHALLENGE) },
  },
  {
    id: 'untagged-identity',
    title: 'the hash of the words without their tag',
    expect: ['untrusted', 'identity_mismatch', 'W1'],
    guest: { reportData: concatBytes(sha256(words), CHALLENGE) },
  },
  {
    id: 'swapped-halves',
    title: 'challenge and identity exchanged',
    expect: ['refused', 'challenge_mismatch', 'S20'],
    guest: { reportData: concatBytes(CHALLENGE, log) },
  },
  {
    id: 'other-challenge',
    title: 'a report for another challenge',
    expect: ['refused', 'challenge_mismatch', 'S20'],
    guest: { reportData: concatBytes(log, other) },
  },
  {
    id: 'no-challenge',
    title: 'zeros where the challenge should be',
    expect: ['refused', 'challenge_mismatch', 'S20'],
    guest: { reportData: concatBytes(log, new Uint8Array(32)) },
  },
  {
    id: 'signer-off-curve',
    title: 'a signer that is no point of P-256',
    expect: ['untrusted', 'signer_invalid', 'W2'],
    identity: { signerY: other },
  },
  {
    id: 'other-configuration',
    title: 'a configuration with one bit changed',
    expect: ['untrusted', 'configuration_mismatch', 'W3'],
    identity: { config: other },
  },
  {
    id: 'configuration-no-cbor',
    title: 'a configuration that is no CBOR',
    expect: ['malformed', 'configuration_invalid', 'W0'],
    evidence: { configuration: Uint8Array.of(0xff) },
  },
  {
    id: 'runtime-no-cbor',
    title: 'a runtime that is no CBOR',
    expect: ['malformed', 'runtime_invalid', 'W0'],
    evidence: { runtime: Uint8Array.of(0xff) },
  },
  {
    id: 'identity-version',
    title: 'identity words of version 2',
    expect: ['malformed', 'identity_invalid', 'W0'],
    identity: { version: 2n },
  },
  {
    id: 'other-runtime',
    title: 'another runtime than the identity names',
    expect: ['untrusted', 'runtime_mismatch', 'W5'],
    identity: { runtime: other },
  },
  {
    id: 'identity-contradiction',
    title: 'another operator than the configuration names',
    expect: ['untrusted', 'identity_contradiction', 'W6'],
    identity: { operator: filler('nobody', 20) },
  },
  {
    id: 'report-flipped',
    title: 'the last byte of the report’s signed part changed',
    expect: ['untrusted', 'report_signature', 'S6'],
    evidence: { document: flippedReport() },
  },
  {
    id: 'named-nitro',
    title: 'the envelope says AWS Nitro',
    expect: ['untrusted', 'tee_not_trusted', 'W.tee'],
    evidence: { tee: 'aws-nitro' },
  },
  {
    id: 'under-nitro',
    title: 'under a policy for AWS Nitro',
    expect: ['untrusted', 'tee_not_trusted', 'W.tee'],
    policy: 'nitro',
  },
  {
    id: 'no-measurement',
    title: 'under a policy without a measurement',
    expect: ['refused', 'measurement_refused', 'S19'],
    policy: 'no-measurement',
  },
  {
    id: 'configuration-refused',
    title: 'a configuration that the policy does not list',
    expect: ['refused', 'configuration_refused', 'W7'],
    policy: 'other-configuration',
  },
  {
    id: 'runtime-refused',
    title: 'a runtime that the policy does not list',
    expect: ['refused', 'runtime_refused', 'W8'],
    policy: 'other-runtime',
  },
  {
    id: 'operator-refused',
    title: 'an operator that the policy does not list',
    expect: ['refused', 'operator_refused', 'W9'],
    policy: 'other-operator',
  },
  {
    id: 'chain-refused',
    title: 'a chain that the policy does not name',
    expect: ['refused', 'chain_refused', 'W10'],
    policy: 'other-chain',
  },
  {
    id: 'publisher-refused',
    title: 'a publisher that the policy does not list',
    expect: ['refused', 'publisher_refused', 'W11'],
    policy: 'other-publisher',
  },
  {
    id: 'too-old',
    title: 'a millisecond older than the policy allows',
    expect: ['refused', 'report_too_old', 'W12'],
    challengedAt: NOW - 600 * SECOND - 1,
  },
  {
    id: 'from-future',
    title: 'a challenge of a millisecond later',
    expect: ['refused', 'report_too_old', 'W12'],
    challengedAt: NOW + 1,
  },
  {
    id: 'undated',
    title: 'a challenge that nobody dated',
    expect: ['refused', 'report_undated', 'W12'],
    challengedAt: 'unknown',
  },
];

function reportOf(identity: Uint8Array, guest: Partial<ReportRequest> = {}): Uint8Array {
  const reportData = concatBytes(sha256(logPreimage(identity)), CHALLENGE);
  return machine().report({ ...GUEST, reportData, ...guest });
}

function flippedReport(): Uint8Array {
  const made = reportOf(words);
  made.set(changed(made.subarray(0x140, 0x160)), 0x140);
  return made;
}

function writeWorker(spec: WorkerSpec): WorkerCase {
  const identity = encodeIdentity({ ...named, ...hashesOf(spec), ...spec.identity });
  const envelope: Evidence = {
    version: 1,
    tee: 'amd-sev-snp',
    document: reportOf(identity, spec.guest),
    certificates: machine().certificates,
    revocationLists: [revocationList('Genoa')],
    identity,
    configuration,
    runtime,
    ...spec.evidence,
  };
  const { challenge = CHALLENGE, challengedAt = NOW } = spec;
  return {
    id: `snp-worker-${spec.id}`,
    title: spec.title,
    list: 'S15',
    tee: 'amd-sev-snp',
    evidence: {
      version: envelope.version,
      tee: envelope.tee,
      document: text(envelope.document),
      certificates: envelope.certificates.map(nameOf),
      revocationLists: envelope.revocationLists.map(nameOf),
      identity: text(envelope.identity),
      configuration: text(envelope.configuration),
      runtime: text(envelope.runtime),
    },
    at: new Date(NOW).toISOString(),
    challenge: challenge === 'any' ? 'any' : text(challenge),
    challengedAt: challengedAt === 'unknown' ? 'unknown' : new Date(challengedAt).toISOString(),
    policy: nameIn(WORKER_POLICIES, spec.policy ?? 'worker'),
    expect: writeExpectation(spec.expect),
  };
}

/** Statements that are malformed are named by the identity all the same, so that only their form is wrong. */
function hashesOf({ evidence }: WorkerSpec): Partial<WorkerIdentity> {
  return {
    ...(evidence?.configuration === undefined ? {} : { config: sha256(evidence.configuration) }),
    ...(evidence?.runtime === undefined ? {} : { runtime: sha256(evidence.runtime) }),
  };
}

export const workerCases: readonly WorkerCase[] = specs.map(writeWorker);

/** They are those of the family `accepted`, so they are kept already. */
function nameOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes));
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
