import { toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import {
  blockChallengePreimage,
  channelPreimage,
  escrowPreimage,
  kmsPreimage,
  registerMessage,
  releaseMessage,
  releaseStatusMessage,
  seedPreimage,
  sessionMessage,
  voucherMessage,
} from '../../../wire/message/authorisations.ts';
import { encodeBundle } from '../../../wire/message/bundle.ts';
import { type Configuration, encodeConfiguration } from '../../../wire/message/configuration.ts';
import { type Execution, encodeExecution, encodeRuntime, type Runtime } from '../../../wire/message/execution.ts';
import { encodeIdentity, imagePreimage, logPreimage, type WorkerIdentity } from '../../../wire/message/identity.ts';
import { encodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import { encodeReceipt, encodeTreeHead, leafPreimage, type Receipt, status } from '../../../wire/message/receipt.ts';
import { issuedChallengePreimage, listingMessage, revokeMessage } from '../../../wire/message/registrations.ts';
import {
  encodeRequestHeader,
  flag,
  format,
  operation,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../../wire/message/request.ts';
import { encodeFinalRecord, encodeSealedRequest } from '../../../wire/message/session.ts';
import { encodeInferRequest, encodeInferResponse, floatTensor } from '../../../wire/message/tensor.ts';
import { createFrontier } from '../../../wire/tree/index.ts';
import { describeKey, filler, sign, testKey } from './keys.ts';

/** Vectors are plain JSON: bytes in lower-case hex, integers in decimal text. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const about = 'Proofmark golden vector. TEST VECTORS ONLY: every private key in here is public.';
const signer = testKey('worker signer');
const session = testKey('channel session');
const owner = testKey('release owner');
const chainId = 31_337n;
const registry = filler('registry', 20);
const settlement = filler('settlement', 20);
const operator = filler('operator', 20);
const payer = filler('payer', 20);
const requester = filler('requester', 20);

const runtime: Runtime = { engine: 'onnxruntime', version: '1.30.0', provider: 'cpu', optimisation: 'all', threads: 1 };
const execution: Execution = {
  ...runtime,
  cpuFamily: 'AuthenticAMD/25/1',
  cpuIsa: 'avx avx2 fma',
  layout: 'release',
  schedule: 'single',
  generation: null,
};
const languageExecution: Execution = {
  ...execution,
  layout: 'split',
  schedule: 'prefill-then-step',
  generation: { sampler: 'top-p', temperature: '0.7', topP: '0.95', stop: ['\n\n'], maxTokens: 64 },
};

const configuration: Configuration = {
  version: 1,
  publishers: [owner.point.slice(1)],
  models: 'any',
  prices: [
    { model: 'any', operation: 0, unitPrice: 1_000n },
    { model: filler('priced model'), operation: 1, unitPrice: 2n ** 80n },
  ],
  limits: {
    bodyBytes: 4_194_304,
    responseBytes: 4_194_304,
    releaseBytes: 268_435_456,
    models: 4,
    modelMemoryBytes: 2_147_483_648,
    runMilliseconds: 5_000,
    pending: 64,
    sessions: 1_024,
    unacknowledgedLeaves: 4_096,
    channels: 1_024,
  },
  operator,
  chainId,
  registry,
  settlement,
  telemetry: 'counters',
};

const manifest: Manifest = {
  schema: 'proofmark manifest v1',
  owner: owner.point.slice(1),
  name: 'golden-adder',
  version: '1.2.3-rc.1',
  kind: 'tensor',
  description: 'Adds; the umlaut Ä and the sign € show that text is UTF-8.',
  licence: 'Apache-2.0',
  task: 'arithmetic',
  tags: ['golden'],
  files: [{ path: 'model.onnx', size: 3, sha256: sha256(Uint8Array.of(1, 2, 3)) }],
  entry: 'model.onnx',
  inputs: [{ name: 'input', datatype: 'FP32', shape: ['batch', 4] }],
  outputs: [{ name: 'sum', datatype: 'FP32', shape: ['batch'] }],
  execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
  limits: { memoryBytes: 268_435_456, runMilliseconds: 1_000 },
  samples: [],
  circuit: null,
};

const configurationBytes = encodeConfiguration(configuration);
const identity: WorkerIdentity = {
  version: 1n,
  signerX: signer.point.slice(1, 33),
  signerY: signer.point.slice(33),
  sealKey: filler('seal key'),
  operator,
  chainId,
  registry,
  settlement,
  config: sha256(configurationBytes),
  runtime: sha256(encodeRuntime(runtime)),
};
const identityBytes = encodeIdentity(identity);
const log = sha256(logPreimage(identityBytes));
const manifestBytes = encodeManifest(manifest);
const modelId = sha256(manifestBytes);

const requestBody = encodeInferRequest(
  { id: null, inputs: [floatTensor('input', [1, 4], [1, -2.5, 0, 0.125])], outputs: 'all' },
  'binary',
);
const responseBody = encodeInferResponse(
  { modelName: manifest.name, modelVersion: manifest.version, id: null, outputs: [floatTensor('sum', [1], [-1.375])] },
  'binary',
);

const header: RequestHeader = {
  requestId: filler('request id'),
  modelId,
  operation: operation.infer,
  format: format.binary,
  jsonLength: BigInt(requestBody.jsonLength),
  flags: flag.sealed,
  salt: filler('salt'),
  channel: sha256(channelPreimage(channelFields())),
  unitPrice: 1_000n,
  maxFee: 5_000n,
  deadline: 0n,
  seed: new Uint8Array(32),
};

function channelFields(): Parameters<typeof channelPreimage>[0] {
  return {
    chainId,
    settlement,
    payer,
    payee: operator,
    sessionX: session.point.slice(1, 33),
    sessionY: session.point.slice(33),
    salt: filler('channel salt'),
  };
}

export function identityVectors(): Json {
  return {
    about,
    fields: fieldsOf(identity),
    words: toHex(identityBytes),
    log: toHex(log),
    images: [
      imageVector('aws-nitro', [filler('pcr0', 48), filler('pcr1', 48), filler('pcr2', 48)]),
      imageVector('amd-sev-snp', [filler('measurement', 48)]),
    ],
    pcr16: toHex(nodeSuite.sha384(Uint8Array.from([...new Uint8Array(48), ...identity.config]))),
  };
}

function imageVector(tee: 'aws-nitro' | 'amd-sev-snp', measurements: readonly Uint8Array[]): Json {
  return {
    tee,
    measurements: measurements.map(toHex),
    imageId: toHex(sha256(imagePreimage(tee, measurements))),
  };
}

export function statementVectors(): Json {
  return {
    about,
    configuration: { cbor: toHex(configurationBytes), sha256: toHex(identity.config) },
    runtime: { value: { ...runtime }, cbor: toHex(encodeRuntime(runtime)), sha256: toHex(identity.runtime) },
    executions: [execution, languageExecution].map((value) => ({
      value: JSON.parse(JSON.stringify(value)) as Json,
      cbor: toHex(encodeExecution(value)),
      sha256: toHex(sha256(encodeExecution(value))),
    })),
    manifest: {
      utf8: new TextDecoder().decode(manifestBytes),
      modelId: toHex(modelId),
      key: describeKey(owner),
      signedMessage: toHex(releaseMessage(modelId)),
      signature: toHex(sign(owner, releaseMessage(modelId))),
    },
  };
}

export function requestVectors(): Json {
  const headerBytes = encodeRequestHeader(header);
  const bodyHash = sha256(requestBody.body);
  const facts = {
    salt: header.salt,
    status: status.ok,
    format: format.binary,
    jsonLength: BigInt(responseBody.jsonLength),
    bodyHash: sha256(responseBody.body),
  };
  return {
    about,
    header: { fields: fieldsOf(header), words: toHex(headerBytes) },
    body: { hex: toHex(requestBody.body), jsonLength: requestBody.jsonLength, sha256: toHex(bodyHash) },
    requestHash: toHex(sha256(requestPreimage(headerBytes, bodyHash))),
    sealedRequest: toHex(encodeSealedRequest(headerBytes, requestBody.body)),
    response: {
      fields: fieldsOf(facts),
      hex: toHex(responseBody.body),
      responseHash: toHex(sha256(responsePreimage(facts))),
    },
  };
}

function receiptAt(index: number): Receipt {
  const headerBytes = encodeRequestHeader(header);
  return {
    requestId: index === 0 ? header.requestId : filler(`request id ${index}`),
    channel: header.channel,
    modelId,
    requestHash: sha256(requestPreimage(headerBytes, sha256(requestBody.body))),
    responseHash: filler(`response ${index}`),
    commitment: new Uint8Array(32),
    execution: sha256(encodeExecution(execution)),
    flags: header.flags,
    status: status.ok,
    fee: 1_000n,
    cumulativeFee: 1_000n * BigInt(index + 1),
    deadline: 0n,
    index: BigInt(index),
  };
}

export function receiptVectors(): Json {
  const receipts = Array.from({ length: 5 }, (_, index) => receiptAt(index));
  const encoded = receipts.map(encodeReceipt);
  const leaves = encoded.map((receipt) => sha256(leafPreimage(receipt)));
  const frontier = createFrontier();
  const proofs = frontier.append(leaves);
  const head = encodeTreeHead({ chainId, settlement, log, size: frontier.size, root: frontier.root() });
  const signature = sign(signer, head);
  const bundle = {
    receipt: encoded[2] as Uint8Array,
    execution: encodeExecution(execution),
    proof: proofs[2] as readonly Uint8Array[],
    head,
    signature,
  };
  return {
    about,
    receipts: receipts.map((receipt, index) => ({
      fields: fieldsOf(receipt),
      words: toHex(encoded[index] as Uint8Array),
      leafHash: toHex(leaves[index] as Uint8Array),
      inclusionProof: (proofs[index] as readonly Uint8Array[]).map(toHex),
    })),
    head: { words: toHex(head), size: frontier.size, root: toHex(frontier.root()) },
    key: describeKey(signer),
    signature: toHex(signature),
    bundle: { ofLeaf: 2, cbor: toHex(encodeBundle(bundle)) },
    finalRecord: toHex(
      encodeFinalRecord({
        bundle: encodeBundle(bundle),
        format: 0,
        jsonLength: responseBody.jsonLength,
        body: responseBody.body,
      }),
    ),
  };
}

export function authorisationVectors(): Json {
  const channel = channelFields();
  const voucher = { chainId, settlement, channel: header.channel, log, maxCumulative: 123_456_789n };
  const escrow = { chainId, settlement, requester, nonce: 7n, previousBlockHash: filler('block 6') };
  const challenge = { chainId, registry, operator, blockNumber: 19n, blockHash: filler('block 19') };
  const issued = {
    chainId,
    registry,
    operator,
    nonce: 3n,
    previousBlockHash: filler('block 20'),
    prevrandao: 2n ** 255n,
  };
  const revocation = { chainId, registry, log };
  const listing = { chainId, registry, modelId, nameHash: sha256(utf8(manifest.name)) };
  const version = { major: 1, minor: 20, patch: 300 };
  const handshakeHash = filler('handshake hash');
  const challengeValue = sha256(blockChallengePreimage(challenge));
  return {
    about,
    keys: { signer: describeKey(signer), session: describeKey(session), owner: describeKey(owner) },
    channel: { fields: fieldsOf(channel), id: toHex(sha256(channelPreimage(channel))) },
    voucher: { fields: fieldsOf(voucher), ...signed(session, voucherMessage(voucher)) },
    session: { handshakeHash: toHex(handshakeHash), ...signed(session, sessionMessage(handshakeHash)) },
    challenge: { fields: fieldsOf(challenge), value: toHex(challengeValue) },
    register: { log: toHex(log), ...signed(signer, registerMessage(log, challengeValue)) },
    revoke: { fields: fieldsOf(revocation), ...signed(signer, revokeMessage(revocation)) },
    issuedChallenge: { fields: fieldsOf(issued), value: toHex(sha256(issuedChallengePreimage(issued))) },
    release: { modelId: toHex(modelId), ...signed(owner, releaseMessage(modelId)) },
    listing: {
      fields: fieldsOf({ ...listing, name: manifest.name, version: Object.values(version).join('.') }),
      ...signed(owner, listingMessage({ ...listing, version })),
    },
    status: [0n, 1n, 2n].map((value) => ({
      status: String(value),
      sequence: String(value + 1n),
      ...signed(owner, releaseStatusMessage(modelId, value, value + 1n)),
    })),
    escrow: { fields: fieldsOf(escrow), id: toHex(sha256(escrowPreimage(escrow))) },
    kms: { log: toHex(log), modelId: toHex(modelId), userData: toHex(sha256(kmsPreimage(log, modelId))) },
    seeds: [0, 42, Number.MAX_SAFE_INTEGER].map((seed) => ({
      apiSeed: String(seed),
      seed: toHex(sha256(seedPreimage(seed))),
    })),
    onChainSeed: { requestId: toHex(header.requestId), seed: toHex(sha256(header.requestId)) },
  };
}

function signed(key: ReturnType<typeof testKey>, message: Uint8Array): { readonly [name: string]: Json } {
  return { message: toHex(message), signature: toHex(sign(key, message)) };
}

function fieldsOf(record: object): Json {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Uint8Array ? toHex(value) : String(value),
    ]),
  );
}
