import { toHex } from '../../wire/bytes.ts';
import { array, base64urlBytes, hexBytes, integer, object, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { HEAD_BYTES } from '../../wire/message/receipt.ts';
import { ClientError } from '../errors.ts';
import type { HostTransport } from '../transport.ts';
import { violation } from '../violation.ts';

/** What a host shows of a log. All of it is checked by whoever asked. */
export interface LogSource {
  newest(log: Uint8Array): Promise<ShownHead>;
  consistency(log: Uint8Array, first: number, second: number): Promise<readonly Uint8Array[]>;
  receipt(requestId: Uint8Array): Promise<ReceiptBundle>;
}

export interface ShownHead {
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

const size: Reader<number> = integer({ min: 0, max: limits.treeSize });

const headReader: Reader<ShownHead & { readonly log: Uint8Array; readonly size: number }> = object({
  log: hexBytes(32),
  size,
  head: base64urlBytes(HEAD_BYTES),
  signature: base64urlBytes(64),
});

interface ShownProof {
  readonly log: Uint8Array;
  readonly first: number;
  readonly second: number;
  readonly proof: readonly Uint8Array[];
}

const proofReader: Reader<ShownProof> = object<ShownProof>({
  log: hexBytes(32),
  first: size,
  second: size,
  proof: array(base64urlBytes(32), { min: 0, max: limits.treeProofHashes }),
});

export function createLogSource(host: HostTransport): LogSource {
  const ask = async (path: string): Promise<Uint8Array> => {
    try {
      return await host.get(path, limits.bundleBytes);
    } catch (error) {
      // A host that is away or busy hides nothing. One that says that there is nothing to show does.
      if (!(error instanceof ClientError) || !/_unknown$|^not_found$/.test(error.reason)) throw error;
      throw new ClientError('log_withheld', 'the host does not show what the log must hold', { reason: error.reason });
    }
  };
  const read = async <T>(path: string, reader: Reader<T>): Promise<T> => {
    const answer = await ask(path);
    return violation(() => reader(parseJson(answer, limits.bundleBytes), 'log'));
  };
  return {
    newest: (log) => read(`/v1/log/head?log=${toHex(log)}`, headReader),
    consistency: async (log, first, second) =>
      (await read(`/v1/log/consistency?log=${toHex(log)}&first=${first}&second=${second}`, proofReader)).proof,
    receipt: async (requestId) => {
      const answer = await ask(`/v1/receipts/${toHex(requestId)}`);
      return violation(() => decodeBundle(answer));
    },
  };
}
