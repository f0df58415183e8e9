import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Attestation, AttestationRequest, Attester } from '../../../../enclave/worker/attester.ts';
import type { MakeRecipient } from '../../../../enclave/worker/kms/recipient.ts';
import type { LanguageModel } from '../../../../enclave/worker/model/language-model.ts';
import type { ModelPool } from '../../../../enclave/worker/model/pool.ts';
import type { RunOptions, TensorModel } from '../../../../enclave/worker/model/tensor-model.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { concatBytes, fromBase64url } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { signP256 } from '../../../../wire/crypto/node-sign.ts';
import { releaseMessage } from '../../../../wire/message/authorisations.ts';
import { type Configuration, decodeConfiguration, type WorkerLimits } from '../../../../wire/message/configuration.ts';
import type { Runtime } from '../../../../wire/message/execution.ts';
import {
  encodeManifest,
  type Manifest,
  type ManifestTensor,
  type SignedRelease,
} from '../../../../wire/message/manifest.ts';
import { encodeRequestHeader, type RequestHeader } from '../../../../wire/message/request.ts';
import { type EncodedBody, encodeInferRequest, floatTensor, type Tensor } from '../../../../wire/message/tensor.ts';
import { random, testConfiguration } from '../../../support/fake-log.ts';
import { testManifest } from '../../../support/fake-release.ts';

/** The parts that surround the worker's core, in this process: a publisher, releases, models that compute nothing. */
export interface Publisher {
  readonly privateKey: KeyObject;
  readonly owner: Uint8Array;
}

/** By way of PEM: in Node 20 a key that is exported while its generator is collected can block for ever. */
export function signingKey(namedCurve: 'P-256' | 'P-384' = 'P-256'): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return createPrivateKey(privateKey);
}

export function createPublisher(): Publisher {
  const privateKey = signingKey();
  const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, owner: concatBytes(fromBase64url(x as string), fromBase64url(y as string)) };
}

export const publisher: Publisher = createPublisher();

export const signature: Pick<Manifest, 'inputs' | 'outputs'> = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: ['batch', 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: ['batch', 2] }],
};

export interface TestRelease {
  readonly signed: SignedRelease;
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
  readonly files: readonly Uint8Array[];
}

export function release(
  files: readonly Uint8Array[] = [Uint8Array.of(1, 2, 3)],
  changes: Partial<Manifest> = {},
  by: Publisher = publisher,
): TestRelease {
  const { optimisation, threads } = runtime;
  const manifest = testManifest(files, {
    owner: by.owner,
    execution: { engine: 'onnxruntime', optimisation, threads, batchRows: 1 },
    ...signature,
    ...changes,
  });
  const encoded = encodeManifest(manifest);
  const modelId = sha256(encoded);
  const made = signP256(by.privateKey, releaseMessage(modelId));
  return { signed: { manifest: encoded, owner: by.owner, signature: made }, modelId, manifest, files };
}

export type ConfigurationChanges = Partial<Omit<Configuration, 'limits'>> & { readonly limits?: Partial<WorkerLimits> };

export function configurationBytes(changes: ConfigurationChanges = {}): Uint8Array {
  const usual = decodeConfiguration(testConfiguration()).limits;
  return testConfiguration({ publishers: [publisher.owner], ...changes, limits: { ...usual, ...changes.limits } });
}

export function configuration(changes: ConfigurationChanges = {}): Configuration {
  return decodeConfiguration(configurationBytes(changes));
}

export type Run = (inputs: readonly Tensor[], deadlineMs: number, options?: RunOptions) => Promise<readonly Tensor[]>;

/** Loads whatever it is given, and answers with what `run` says. */
export interface FakePool extends ModelPool {
  readonly loads: { readonly modelId: Uint8Array; readonly bytes: Uint8Array; readonly batchRows: number }[];
  closed: number;
  retired: number;
  /** What a language model turns out to be; without it none can be loaded. */
  language: LanguageModel | undefined;
  /** What the model turns out to be. */
  inputs: readonly ManifestTensor[];
  outputs: readonly ManifestTensor[];
  engine: Runtime;
  beforeLoad: () => Promise<void>;
  /** Told of each run, as the worker asked to be. */
  onRun: (requests: number) => void;
  run: Run;
}

export function createFakePool(): FakePool {
  const pool: FakePool = {
    loads: [],
    closed: 0,
    retired: 0,
    language: undefined,
    ...signature,
    engine: runtime,
    beforeLoad: async () => {},
    onRun: () => undefined,
    run: async (inputs) => inputs.map((tensor) => ({ ...tensor, name: 'y' })),
    async loadLanguage() {
      await pool.beforeLoad();
      if (pool.language === undefined) throw new TypeError('no language model here');
      return pool.language;
    },
    async load({ modelId, bytes, batchRows }): Promise<TensorModel> {
      pool.loads.push({ modelId, bytes, batchRows });
      await pool.beforeLoad();
      return {
        modelId,
        inputs: pool.inputs,
        outputs: pool.outputs,
        engine: pool.engine,
        remembered: {},
        async run(inputs, _outputs, options) {
          pool.onRun(1);
          return { outputs: await pool.run(inputs, options.deadlineMs, options), together: 1 };
        },
        retire: () => {
          pool.retired += 1;
        },
        close: () => {
          pool.closed += 1;
        },
      };
    },
  };
  return pool;
}

/** For releases that are not encrypted. */
export const noRecipients: MakeRecipient = async () => {
  throw new TypeError('nobody asks for a key here');
};

export interface FakeAttester extends Attester {
  readonly asked: AttestationRequest[];
  readonly bound: Uint8Array[];
  onBind: () => Promise<void>;
  onAttest: (request: AttestationRequest) => Promise<Attestation>;
}

export function createFakeAttester(): FakeAttester {
  const attester: FakeAttester = {
    tee: 'aws-nitro',
    asked: [],
    bound: [],
    onBind: async () => {},
    onAttest: async ({ nonce }) => ({
      document: concatBytes(Uint8Array.of(0xd0), nonce ?? new Uint8Array(0)),
      certificateTable: null,
    }),
    entropy: async () => random(256),
    async bindConfiguration(config) {
      attester.bound.push(config);
      await attester.onBind();
    },
    async attest(request) {
      attester.asked.push(request);
      return attester.onAttest(request);
    },
  };
  return attester;
}

export const x: Tensor = floatTensor('x', [1, 2], Float32Array.of(1, 2));

export const body: EncodedBody = encodeInferRequest({ id: 'mine', inputs: [x], outputs: 'all' }, 'binary');

export function header(changes: Partial<RequestHeader> = {}): RequestHeader {
  return {
    requestId: random(32),
    modelId: new Uint8Array(32),
    operation: 0n,
    format: 0n,
    jsonLength: BigInt(body.jsonLength),
    flags: 0n,
    salt: random(32),
    channel: new Uint8Array(32),
    unitPrice: 5n,
    maxFee: 5n,
    deadline: 0n,
    seed: new Uint8Array(32),
    ...changes,
  };
}

export function requestBytes(changes: Partial<RequestHeader> = {}, content: Uint8Array = body.body): Uint8Array {
  return concatBytes(encodeRequestHeader(header(changes)), content);
}

/** A promise and the two ways to end it. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
  break(error: unknown): void;
}

export function gate(): Gate {
  let open = (): void => {};
  let fail = (_error: unknown): void => {};
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  passed.catch(() => {});
  return { passed, open: () => open(), break: (error) => fail(error) };
}

/** The code that a piece of work is refused with. */
export async function codeOf(work: Promise<unknown> | (() => Promise<unknown>)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
    return 'accepted';
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
}
