import type { Check, ReceiptFacts, ReleaseFacts, Verified, WorkerFacts } from '../../../../../../verifier/index.ts';
import { equalBytes, toHex } from '../../../../../../wire/bytes.ts';
import { verifyLowS } from '../../../../../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../../../../../wire/crypto/suite.ts';
import { WireError } from '../../../../../../wire/errors.ts';
import { type Archive, decodeArchive } from '../../../../../../wire/message/archive.ts';
import { logPreimage, signerPoint } from '../../../../../../wire/message/identity.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../../../../wire/message/receipt.ts';
import {
  decodeRequestHeader,
  feeFor,
  operation,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../../../../../wire/message/request.ts';
import { climb, type PathStep } from './climb.ts';

/** Two values that have to be the same: what this page worked out, and what somebody stated. */
export interface Comparison {
  /** How the first came about, as `SHA-256(0x02 || header || SHA-256(body))`. */
  readonly computed: string;
  readonly value: string;
  /** Where the second stands. */
  readonly stated: string;
  readonly statedValue: string;
  readonly holds: boolean;
}

export interface StepFact {
  readonly label: string;
  readonly value: string;
}

export interface ProofStep {
  readonly id:
    | 'evidence'
    | 'session'
    | 'release'
    | 'request'
    | 'response'
    | 'execution'
    | 'leaf'
    | 'path'
    | 'head'
    | 'fee';
  readonly title: string;
  /** What is settled by it, for somebody who sees it for the first time. */
  readonly settles: string;
  /** Where the bytes came from that are compared. */
  readonly from: string;
  readonly comparisons: readonly Comparison[];
  readonly facts: readonly StepFact[];
  /** The verifier's own checks that decide this step. */
  readonly checks: readonly Check[];
}

export interface Proven {
  readonly worker: Verified<WorkerFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly receipt: Verified<ReceiptFacts>;
  readonly checks: readonly Check[];
  archive(): Uint8Array;
}

export interface ReceiptProof {
  readonly steps: readonly ProofStep[];
  readonly path: readonly PathStep[];
}

/**
 * The way from the hardware to one answer, worked out once more from the very bytes that a saved file holds. What the
 * verifier decided stands beside it: this is for seeing, that is for relying on.
 */
export async function proveSteps(proven: Proven, suite: Suite): Promise<ReceiptProof> {
  const archive = decodeArchive(proven.archive());
  const path = await climb(archive, suite);
  const given: Given = { archive, proven, suite };
  const steps = await Promise.all([
    evidenceStep(given),
    sessionStep(given),
    releaseStep(given),
    requestStep(given),
    responseStep(given),
    executionStep(given),
    leafStep(given),
    pathStep(given, path),
    headStep(given),
    feeStep(given),
  ]);
  return { steps, path };
}

interface Given {
  readonly archive: Archive;
  readonly proven: Proven;
  readonly suite: Suite;
}

function same(computed: string, value: Uint8Array, stated: string, statedValue: Uint8Array): Comparison {
  const [a, b] = [toHex(value), toHex(statedValue)];
  return { computed, value: a, stated, statedValue: b, holds: equalBytes(value, statedValue) };
}

function named({ checks }: Proven, pattern: RegExp): readonly Check[] {
  return checks.filter(({ id }) => pattern.test(id));
}

const NONE: Uint8Array = new Uint8Array(0);

async function evidenceStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { evidence, challenge } = archive;
  const { worker } = proven;
  const { identity, attestation } = worker;
  return {
    id: 'evidence',
    title: 'The hardware vouches for one program and its key',
    settles: `${worker.level === 'attested' ? 'Hardware' : 'A simulator'} signed which image runs, and that this image holds the worker's keys. It answered a challenge that this page had just drawn, so that it is not an old recording.`,
    from: 'The document came from the host, which cannot make one; the challenge was drawn in this page.',
    comparisons: [
      same(
        'the challenge that this page drew',
        challenge.value,
        'nonce in the signed document',
        attestation.nonce ?? NONE,
      ),
      same(
        'SHA-256(tag || identity words)',
        await suite.sha256(logPreimage(evidence.identity)),
        'bound by the signed document',
        attestation.userData ?? NONE,
      ),
      same('SHA-256(configuration)', await suite.sha256(evidence.configuration), 'identity words', identity.config),
      same('SHA-256(runtime)', await suite.sha256(evidence.runtime), 'identity words', identity.runtime),
    ],
    facts: [
      { label: 'image', value: toHex(worker.imageId) },
      { label: 'root', value: attestation.root.name },
      { label: 'policy', value: worker.policy.name },
    ],
    checks: named(proven, /^(?![MRT]\d)/),
  };
}

async function sessionStep({ archive, proven }: Given): Promise<ProofStep> {
  const { worker, receipt } = proven;
  const head = decodeTreeHead(archive.head);
  return {
    id: 'session',
    title: 'The call was sealed to that key',
    settles:
      'The handshake (Noise NK) can be finished only by whoever holds the private half of the attested seal key. The host carried records that it cannot open, change or repeat.',
    from: 'The seal key stands in the identity words, which the document binds.',
    comparisons: [same('log whose worker the session was opened with', worker.log, 'log of the signed head', head.log)],
    facts: [
      { label: 'seal key', value: toHex(worker.identity.sealKey) },
      { label: 'sealed', value: receipt.sealed ? 'end to end' : 'no' },
    ],
    checks: named(proven, /^R16$/),
  };
}

async function releaseStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { manifest } = proven.release;
  const header = headerOf(archive);
  return {
    id: 'release',
    title: 'The model is the release that its owner signed',
    settles: 'The model id that was asked for is the digest of the manifest, which names every file of the model.',
    from: 'The manifest and its signature came from the host; the id was put into the request here.',
    comparisons: [
      same(
        'SHA-256(manifest)',
        await suite.sha256(archive.release.manifest),
        'model id in the request',
        header.modelId,
      ),
      same('owner whose signature verified', archive.release.owner, 'owner in the manifest', manifest.owner),
    ],
    facts: [{ label: 'release', value: `${manifest.name} ${manifest.version}` }],
    checks: named(proven, /^[MT]\d/),
  };
}

async function requestStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const { header, body } = requestOf(archive);
  const hash = await suite.sha256(requestPreimage(header, await suite.sha256(body)));
  return {
    id: 'request',
    title: 'The receipt covers this request',
    settles: 'The worker signed for exactly the header and input that left this page.',
    from: 'Header and body are the bytes that this page sealed.',
    comparisons: [
      same('SHA-256(0x02 || header || SHA-256(body))', hash, 'requestHash in the receipt', receipt.requestHash),
      same('request id drawn here', headerOf(archive).requestId, 'requestId in the receipt', receipt.requestId),
      same('model id asked for', headerOf(archive).modelId, 'modelId in the receipt', receipt.modelId),
    ],
    facts: [{ label: 'input', value: `${body.length} bytes` }],
    checks: named(proven, /^R(5|6|7|11|17)$/),
  };
}

async function responseStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const { format, jsonLength, body } = responseOf(archive);
  const bodyHash = await suite.sha256(body);
  const preimage = responsePreimage({
    salt: headerOf(archive).salt,
    status: receipt.status,
    format: BigInt(format),
    jsonLength: BigInt(jsonLength),
    bodyHash,
  });
  return {
    id: 'response',
    title: 'The receipt covers this answer',
    settles: 'What is shown as the answer is what the worker signed for, to the last byte.',
    from: 'The body is what was opened from the sealed records; the salt was drawn in this page.',
    comparisons: [
      same(
        'SHA-256(0x03 || salt || status || format || jsonLength || SHA-256(body))',
        await suite.sha256(preimage),
        'responseHash in the receipt',
        receipt.responseHash,
      ),
    ],
    facts: [
      { label: 'status', value: proven.receipt.status },
      { label: 'output', value: `${body.length} bytes` },
    ],
    checks: named(proven, /^R8$/),
  };
}

async function executionStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { execution } = proven.receipt;
  const { generation } = execution;
  return {
    id: 'execution',
    title: 'The receipt says how it was computed',
    settles: 'Engine, version and options decide the bits of an answer: with them it can be computed again.',
    from: 'The statement came with the answer, inside the seal. The processor is as it reported itself: that is not proven.',
    comparisons: [
      same(
        'SHA-256(execution statement)',
        await suite.sha256(archive.execution),
        'execution in the receipt',
        decodeReceipt(archive.receipt).execution,
      ),
    ],
    facts: [
      { label: 'engine', value: `${execution.engine} ${execution.version}, ${execution.provider}` },
      { label: 'optimisation', value: `${execution.optimisation}, ${execution.threads} thread(s)` },
      { label: 'layout', value: `${execution.layout}, ${execution.schedule}` },
      { label: 'processor, as reported', value: `${execution.cpuFamily} (${execution.cpuIsa})` },
      ...(generation === null
        ? []
        : [
            {
              label: 'sampling',
              value: `${generation.sampler}, temperature ${generation.temperature}, top_p ${generation.topP}, at most ${generation.maxTokens} tokens`,
            },
          ]),
    ],
    checks: named(proven, /^R(9|10)$/),
  };
}

async function leafStep({ archive, suite, proven }: Given): Promise<ProofStep> {
  const receipt = decodeReceipt(archive.receipt);
  const leaf = await suite.sha256(leafPreimage(archive.receipt));
  return {
    id: 'leaf',
    title: 'The receipt is one leaf of the worker’s log',
    settles: 'A leaf is the digest of a receipt, with a prefix that no inner node has.',
    from: 'The receipt came with the answer, inside the seal.',
    comparisons: [],
    facts: [
      { label: 'SHA-256(0x00 || receipt)', value: toHex(leaf) },
      { label: 'index', value: `${receipt.index}` },
    ],
    checks: named(proven, /^R0$/),
  };
}

async function pathStep({ archive, proven, suite }: Given, path: readonly PathStep[]): Promise<ProofStep> {
  const head = decodeTreeHead(archive.head);
  const receipt = decodeReceipt(archive.receipt);
  const leaf = await suite.sha256(leafPreimage(archive.receipt));
  return {
    id: 'path',
    title: 'The leaf is in the tree under the signed head',
    settles: 'Hashing the leaf with its neighbours, level by level, ends in the root that the worker signed.',
    from: 'The neighbours came with the answer. None of them is believed: another one gives another root.',
    comparisons: [
      same(`root, after ${path.length} level(s)`, path.at(-1)?.hash ?? leaf, 'root of the signed head', head.root),
    ],
    facts: [{ label: 'place', value: `leaf ${receipt.index} of ${head.size}` }],
    checks: named(proven, /^R4$/),
  };
}

async function headStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { identity } = proven.worker;
  const point = signerPoint(identity);
  const verifies = await isSigned(suite, point, archive);
  return {
    id: 'head',
    title: 'The head is signed by the attested key',
    settles: 'Only the proven worker can sign for its log. Two heads of one size and different roots would convict it.',
    from: 'Head and signature came with the answer; the key stands in the identity words.',
    comparisons: [
      {
        computed: 'ECDSA P-256 over the six words of the head',
        value: verifies ? 'verifies' : 'does not verify',
        stated: 'under the signer of the identity',
        statedValue: toHex(point),
        holds: verifies,
      },
    ],
    facts: [],
    checks: named(proven, /^R(1|2|3|14|15)$/),
  };
}

async function isSigned(suite: Suite, point: Uint8Array, { head, signature }: Archive): Promise<boolean> {
  try {
    return await verifyLowS(suite, point, head, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

async function feeStep({ archive, proven }: Given): Promise<ProofStep> {
  const header = headerOf(archive);
  const receipt = decodeReceipt(archive.receipt);
  const units = unitsOf(header, receipt.fee);
  const owed = units === undefined ? receipt.fee : feeFor(header, units);
  return {
    id: 'fee',
    title: 'It cost what was agreed',
    settles:
      'The fee is the price of a unit times the units that the worker counted, and never above the most that was allowed.',
    from: 'Price and limit stand in the header that this page wrote; how many tokens were counted is the worker’s word.',
    comparisons: [
      {
        computed: units === undefined ? 'the call was free' : `min(${header.maxFee}, ${header.unitPrice} × ${units})`,
        value: `${owed}`,
        stated: 'fee in the receipt',
        statedValue: `${receipt.fee}`,
        holds: owed === receipt.fee,
      },
    ],
    facts: [
      { label: 'units', value: units === undefined ? 'not priced' : `${units}` },
      {
        label: 'channel',
        value: receipt.channel.every((byte) => byte === 0) ? 'none: nothing is owed' : toHex(receipt.channel),
      },
    ],
    checks: named(proven, /^R1[23]$/),
  };
}

/** Of a tensor call one; of a language call as many as the fee is for. Undefined where a unit costs nothing. */
function unitsOf({ operation: asked, unitPrice }: RequestHeader, fee: bigint): bigint | undefined {
  if (unitPrice === 0n) return undefined;
  if (asked === operation.infer) return fee === 0n ? 0n : 1n;
  return (fee + unitPrice - 1n) / unitPrice;
}

function headerOf(archive: Archive): RequestHeader {
  return decodeRequestHeader(requestOf(archive).header);
}

/** Answers of this page are archived with what was sent and received. */
function requestOf({ request }: Archive): { readonly header: Uint8Array; readonly body: Uint8Array } {
  return { header: request?.header ?? NONE, body: request?.body ?? NONE };
}

function responseOf({ response }: Archive): {
  readonly format: number;
  readonly jsonLength: number;
  readonly body: Uint8Array;
} {
  return { format: response?.format ?? 0, jsonLength: response?.jsonLength ?? 0, body: response?.body ?? NONE };
}
