import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { normaliseS } from '../../wire/crypto/ecdsa.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { type Configuration, encodeConfiguration } from '../../wire/message/configuration.ts';
import { encodeExecution, encodeRuntime, type Runtime } from '../../wire/message/execution.ts';
import { encodeIdentity, logPreimage } from '../../wire/message/identity.ts';
import type { Entries, ReadyInfo } from '../../wire/message/link.ts';
import { encodeReceipt, encodeTreeHead, leafPreimage, type Receipt } from '../../wire/message/receipt.ts';
import { createFrontier } from '../../wire/tree/index.ts';

/** A log with a real signer, for tests of those who keep or relay what a worker says. Nothing attests it. */
export interface FakeLog {
  readonly ready: ReadyInfo;
  readonly log: Uint8Array;
  readonly privateKey: KeyObject;
  readonly size: number;
  /** Appends receipts and signs a head over them. */
  grow(receipts: readonly Partial<Receipt>[]): { readonly entries: Entries; readonly bundles: readonly Uint8Array[] };
  signHead(size: number, root: Uint8Array): { readonly head: Uint8Array; readonly signature: Uint8Array };
}

export const runtime: Runtime = {
  engine: 'none',
  version: '1.0.0',
  provider: 'test',
  optimisation: 'disabled',
  threads: 1,
};

export const execution: Uint8Array = encodeExecution({
  ...runtime,
  cpuFamily: 'test',
  cpuIsa: 'test',
  layout: 'release',
  schedule: 'single',
  generation: null,
});

export function testConfiguration(changes: Partial<Configuration> = {}): Uint8Array {
  return encodeConfiguration({
    version: 1,
    publishers: [new Uint8Array(64).fill(7)],
    models: 'any',
    prices: [{ model: 'any', operation: 0, unitPrice: 5n }],
    limits: {
      bodyBytes: 1_048_576,
      responseBytes: 1_048_576,
      releaseBytes: 1_048_576,
      models: 4,
      modelMemoryBytes: 2 ** 30,
      runMilliseconds: 1_000,
      pending: 64,
      sessions: 16,
      unacknowledgedLeaves: 1_024,
      channels: 0,
    },
    operator: new Uint8Array(20),
    chainId: 0n,
    registry: new Uint8Array(20),
    settlement: new Uint8Array(20),
    telemetry: 'none',
    ...changes,
  });
}

/** What a log that settles on a chain names in its identity and its heads; zeros elsewhere. */
export type ChainNames = Pick<Configuration, 'operator' | 'chainId' | 'registry' | 'settlement'>;

const offChain: ChainNames = {
  operator: new Uint8Array(20),
  chainId: 0n,
  registry: new Uint8Array(20),
  settlement: new Uint8Array(20),
};

export function createFakeLog(
  configuration: Uint8Array = testConfiguration(),
  { operator, chainId, registry, settlement }: ChainNames = offChain,
): FakeLog {
  const privateKey = createPrivateKey(
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
      publicKeyEncoding: { format: 'pem', type: 'spki' },
    }).privateKey,
  );
  const { x, y } = privateKey.export({ format: 'jwk' });
  const runtimeBytes = encodeRuntime(runtime);
  const ready: ReadyInfo = {
    identity: encodeIdentity({
      version: 1n,
      signerX: Uint8Array.from(Buffer.from(x as string, 'base64url')),
      signerY: Uint8Array.from(Buffer.from(y as string, 'base64url')),
      sealKey: random(32),
      operator,
      chainId,
      registry,
      settlement,
      config: sha256(configuration),
      runtime: sha256(runtimeBytes),
    }),
    configuration,
    runtime: runtimeBytes,
  };
  const log = sha256(logPreimage(ready.identity));
  const frontier = createFrontier();

  function signHead(size: number, root: Uint8Array): { readonly head: Uint8Array; readonly signature: Uint8Array } {
    const head = encodeTreeHead({ chainId, settlement, log, size, root });
    return { head, signature: signLowS(privateKey, head) };
  }

  return {
    ready,
    log,
    privateKey,
    get size() {
      return frontier.size;
    },
    grow(partial) {
      const from = frontier.size;
      const receipts = partial.map((fields, offset) =>
        encodeReceipt({ ...blankReceipt(), ...fields, index: BigInt(from + offset) }),
      );
      const proofs = frontier.append(receipts.map((receipt) => sha256(leafPreimage(receipt))));
      const signed = signHead(frontier.size, frontier.root());
      const bundles = receipts.map((receipt, offset) =>
        encodeBundle({ receipt, execution, proof: proofs[offset], ...signed } as ReceiptBundle),
      );
      return { entries: { from, receipts, executions: receipts.map(() => execution), ...signed }, bundles };
    },
    signHead,
  };
}

export function blankReceipt(): Receipt {
  return {
    requestId: random(32),
    channel: new Uint8Array(32),
    modelId: new Uint8Array(32).fill(9),
    requestHash: random(32),
    responseHash: random(32),
    commitment: new Uint8Array(32),
    execution: sha256(execution),
    flags: 0n,
    status: 0n,
    fee: 5n,
    cumulativeFee: 0n,
    deadline: 0n,
    index: 0n,
  };
}

export function random(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(randomBytes(length));
}

/** DESIGN section 3: every signer normalises s to the lower half. */
export function signLowS(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  return normaliseS(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
}
