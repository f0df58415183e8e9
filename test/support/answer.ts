import { generateKeyPairSync, hash, type KeyObject } from 'node:crypto';
import { createRoot, makeAuthority, type Root } from '../../enclave/simulator/authority.ts';
import { type DocumentFields, signDocument } from '../../enclave/simulator/document.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { concatBytes, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { type Configuration, decodeConfiguration, encodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { type Execution, encodeExecution, encodeRuntime, type Runtime } from '../../wire/message/execution.ts';
import { encodeIdentity, logPreimage, type WorkerIdentity } from '../../wire/message/identity.ts';
import { encodeManifest, type Manifest, type SignedRelease } from '../../wire/message/manifest.ts';
import {
  encodeReceipt,
  encodeTreeHead,
  leafPreimage,
  type Receipt,
  type TreeHead,
} from '../../wire/message/receipt.ts';
import {
  encodeRequestHeader,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import { createFrontier } from '../../wire/tree/index.ts';
import { blankReceipt, runtime as plainRuntime, testConfiguration } from './fake-log.ts';
import { testManifest } from './fake-release.ts';

/**
 * One worker, one request and its receipt, right in every respect by default. A test changes one statement; whatever is
 * hashed or signed over it is made anew, so that the named rule refuses and no outer signature does.
 */
export interface AnswerChanges {
  readonly configuration?: Partial<Configuration>;
  readonly runtime?: Partial<Runtime>;
  readonly identity?: Partial<WorkerIdentity>;
  readonly document?: Partial<DocumentFields>;
  /** What PCR16 is extended with. */
  readonly extended?: Uint8Array;
  readonly evidence?: Partial<Evidence>;
  readonly manifest?: Partial<Manifest>;
  readonly release?: Partial<SignedRelease>;
  readonly releaseKey?: KeyObject;
  readonly header?: Partial<RequestHeader>;
  readonly requestBody?: Uint8Array;
  readonly response?: Partial<AnswerResponse>;
  readonly execution?: Partial<Execution>;
  readonly receipt?: Partial<Receipt>;
  readonly head?: Partial<TreeHead>;
  readonly headKey?: KeyObject;
  readonly bundle?: Partial<ReceiptBundle>;
  readonly archive?: Partial<Archive>;
}

interface AnswerResponse {
  readonly format: number;
  readonly jsonLength: number;
  readonly body: Uint8Array;
}

export interface Answer {
  readonly evidence: Evidence;
  readonly release: SignedRelease;
  readonly modelId: Uint8Array;
  readonly header: Uint8Array;
  readonly requestBody: Uint8Array;
  readonly response: AnswerResponse;
  readonly receipt: Receipt;
  readonly bundle: ReceiptBundle;
  readonly archive: Archive;
}

export const ANSWERED: number = Date.UTC(2030, 4, 17, 12, 0, 0);
export const ASKED: Uint8Array = new Uint8Array(32).fill(0x5a);

export const measured = (value: number): Uint8Array => new Uint8Array(48).fill(value);
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export const signerKey: KeyObject = newKey();
export const publisherKey: KeyObject = newKey();
export const publisher: Uint8Array = publicPoint(publisherKey).slice(1);

export const root: Root = createRoot({ now: ANSWERED - 86_400_000, key: systemChance.key(), chance: systemChance });
const authority = makeAuthority({
  root,
  instanceId: 'i-0123456789abcdef0',
  enclaveId: new Uint8Array(8).fill(1),
  chance: systemChance,
});
const device = authority.signerAt(ANSWERED);

export const json = (value: JsonValue): Uint8Array => utf8(JSON.stringify(value));

export function extendedOnce(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha384', concatBytes(new Uint8Array(48), data), 'buffer'));
}

export function answer(changes: AnswerChanges = {}): Answer {
  const { evidence, identity } = needsNewEvidence(changes) ? evidenceOf(changes) : standard;
  const manifest = encodeManifest(testManifest([utf8('model')], { owner: publisher, ...changes.manifest }));
  const modelId = sha256(manifest);
  const release: SignedRelease = {
    manifest,
    owner: publisher,
    signature: signP256(changes.releaseKey ?? publisherKey, releaseMessage(modelId)),
    ...changes.release,
  };
  const requestBody = changes.requestBody ?? json({ inputs: [] });
  const header: RequestHeader = {
    requestId: new Uint8Array(32).fill(0x11),
    modelId,
    operation: 0n,
    format: 1n,
    jsonLength: BigInt(requestBody.length),
    flags: 2n,
    salt: new Uint8Array(32).fill(0x22),
    channel: new Uint8Array(32),
    unitPrice: 5n,
    maxFee: 7n,
    deadline: 0n,
    seed: new Uint8Array(32),
    ...changes.header,
  };
  const body = changes.response?.body ?? json({ outputs: [] });
  const response: AnswerResponse = { format: 1, jsonLength: body.length, body, ...changes.response };
  const { receipt, bundle } = receiptOf(changes, { evidence, identity, header, requestBody, response });
  const headerBytes = encodeRequestHeader(header);
  return {
    evidence,
    release,
    modelId,
    header: headerBytes,
    requestBody,
    response,
    receipt,
    bundle,
    archive: {
      format: 'proofmark archive v1',
      ...bundle,
      evidence,
      challenge: { value: ASKED, preimage: null },
      release,
      request: { header: headerBytes, bodyHash: sha256(requestBody), body: requestBody },
      response: { ...response, bodyHash: sha256(response.body) },
      anchors: [],
      ...changes.archive,
    },
  };
}

function needsNewEvidence(changes: AnswerChanges): boolean {
  const about = ['configuration', 'runtime', 'identity', 'document', 'extended', 'evidence'] as const;
  return about.some((part) => changes[part] !== undefined);
}

function evidenceOf(changes: AnswerChanges): Pick<Exchange, 'evidence' | 'identity'> {
  const configuration = configurationOf(changes);
  const declared = decodeConfiguration(configuration);
  const runtime = encodeRuntime({ ...plainRuntime, ...changes.runtime });
  const point = publicPoint(signerKey);
  const words: WorkerIdentity = {
    version: 1n,
    signerX: point.slice(1, 33),
    signerY: point.slice(33),
    sealKey: new Uint8Array(32).fill(0x33),
    operator: declared.operator,
    chainId: declared.chainId,
    registry: declared.registry,
    settlement: declared.settlement,
    config: sha256(configuration),
    runtime: sha256(runtime),
    ...changes.identity,
  };
  const identity = encodeIdentity(words);
  const boot = [1, 2, 3, ...new Array<number>(13).fill(0)];
  const document = signDocument(device, 'indefinite', {
    moduleId: authority.moduleId,
    timestamp: ANSWERED,
    pcrs: [
      ...boot.map((value, index) => [index, measured(value)] as const),
      [16, extendedOnce(changes.extended ?? words.config)],
    ],
    publicKey: concatBytes(Uint8Array.of(4), words.signerX, words.signerY),
    userData: sha256(logPreimage(identity)),
    nonce: ASKED,
    ...changes.document,
  });
  const evidence: Evidence = {
    version: 1,
    tee: 'aws-nitro',
    document,
    certificates: [],
    revocationLists: [],
    identity,
    configuration,
    runtime,
    ...changes.evidence,
  };
  return { evidence, identity: words };
}

function configurationOf(changes: AnswerChanges): Uint8Array {
  return encodeConfiguration({
    ...decodeConfiguration(testConfiguration()),
    publishers: [publisher],
    ...changes.configuration,
  });
}

interface Exchange {
  readonly evidence: Evidence;
  readonly identity: WorkerIdentity;
  readonly header: RequestHeader;
  readonly requestBody: Uint8Array;
  readonly response: AnswerResponse;
}

/** The fourth of six leaves: a proof with hashes on both sides. */
const INDEX = 3;

function receiptOf(
  changes: AnswerChanges,
  { evidence, identity, header, requestBody, response }: Exchange,
): { readonly receipt: Receipt; readonly bundle: ReceiptBundle } {
  const execution = encodeExecution({
    ...plainRuntime,
    cpuFamily: 'test',
    cpuIsa: 'test',
    layout: 'release',
    schedule: 'single',
    generation: null,
    ...changes.execution,
  });
  const status = changes.receipt?.status ?? 0n;
  const fee = changes.receipt?.fee ?? (status < 2n ? 5n : 0n);
  const charged = header.channel.some((byte) => byte !== 0);
  const receipt: Receipt = {
    requestId: header.requestId,
    channel: header.channel,
    modelId: header.modelId,
    requestHash: sha256(requestPreimage(encodeRequestHeader(header), sha256(requestBody))),
    responseHash: sha256(
      responsePreimage({
        salt: header.salt,
        status,
        format: BigInt(response.format),
        jsonLength: BigInt(response.jsonLength),
        bodyHash: sha256(response.body),
      }),
    ),
    commitment: new Uint8Array(32),
    execution: sha256(execution),
    flags: header.flags,
    status,
    fee,
    cumulativeFee: charged ? fee : 0n,
    deadline: header.deadline,
    index: BigInt(INDEX),
    ...changes.receipt,
  };
  const encoded = encodeReceipt(receipt);
  const other = (index: number): Uint8Array => encodeReceipt({ ...blankReceipt(), index: BigInt(index) });
  const leaves = [other(0), other(1), other(2), encoded, other(4), other(5)];
  const frontier = createFrontier();
  const proofs = frontier.append(leaves.map((leaf) => sha256(leafPreimage(leaf))));
  const head = encodeTreeHead({
    chainId: identity.chainId,
    settlement: identity.settlement,
    log: sha256(logPreimage(evidence.identity)),
    size: frontier.size,
    root: frontier.root(),
    ...changes.head,
  });
  const bundle: ReceiptBundle = {
    receipt: encoded,
    execution,
    proof: proofs[INDEX] as readonly Uint8Array[],
    head,
    signature: signP256(changes.headKey ?? signerKey, head),
    ...changes.bundle,
  };
  return { receipt, bundle };
}

/** Documents are dear to make and to verify: answers that change nothing about the worker share one. */
const standard = evidenceOf({});

export const plain: Answer = answer();
