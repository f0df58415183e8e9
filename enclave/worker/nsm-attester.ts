import { connect, type Socket } from 'node:net';
import { concatBytes, readU32, u32 } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeNsmResponse, encodeNsmRequest, type NsmRequest, type NsmResponse } from '../../wire/message/nsm.ts';
import { type Attester, AttesterError } from './attester.ts';

/** The register that carries the configuration; 0 to 15 are locked before an application starts. */
const CONFIGURATION_PCR = 16;
const ENTROPY_BYTES = 32;

/**
 * AWS's Nitro Security Module, spoken to over a stream of u32 length || CBOR. The messages are the device's own; on real
 * hardware an ioctl carries the same bytes.
 */
export async function connectNsm(path: string): Promise<Attester> {
  const exchange = await openExchange(path);

  async function ask<Kind extends NsmResponse['kind']>(
    request: NsmRequest,
    kind: Kind,
  ): Promise<Extract<NsmResponse, { kind: Kind }>> {
    const response = parse(await exchange(encodeNsmRequest(request)));
    if (response.kind === 'Error') throw new AttesterError('device_refused', `${request.kind}: ${response.code}`);
    if (response.kind !== kind) throw new AttesterError('device_protocol', `${request.kind} answered ${response.kind}`);
    return response as Extract<NsmResponse, { kind: Kind }>;
  }

  return {
    tee: 'aws-nitro',
    entropy: async () => {
      const { random } = await ask({ kind: 'GetRandom' }, 'GetRandom');
      // The device gives 256 bytes; fewer than a key's worth would leave the kernel as the only source (DESIGN section 2).
      if (random.length < ENTROPY_BYTES) throw new AttesterError('device_protocol', `${random.length} random bytes`);
      return random;
    },
    bindConfiguration: async (config) => {
      await ask({ kind: 'ExtendPCR', index: CONFIGURATION_PCR, data: config }, 'ExtendPCR');
      await ask({ kind: 'LockPCR', index: CONFIGURATION_PCR }, 'LockPCR');
    },
    attest: async ({ userData, nonce, publicKey }) =>
      (await ask({ kind: 'Attestation', userData, nonce, publicKey }, 'Attestation')).document,
  };
}

function parse(response: Uint8Array): NsmResponse {
  try {
    return decodeNsmResponse(response);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new AttesterError('device_protocol', error.code);
  }
}

type Exchange = (request: Uint8Array) => Promise<Uint8Array>;

interface Waiting {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: AttesterError) => void;
}

/** The device answers in order, one response for each request. */
async function openExchange(path: string): Promise<Exchange> {
  const socket = await open(path);
  const waiting: Waiting[] = [];
  let buffered: Uint8Array = new Uint8Array(0);
  let failure: AttesterError | undefined;

  const fail = (error: AttesterError): void => {
    failure ??= error;
    socket.destroy();
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  socket.on('data', (chunk: Uint8Array) => {
    buffered = concatBytes(buffered, chunk);
    while (buffered.length >= 4) {
      const length = readU32(buffered, 0);
      if (length > limits.nsmResponseBytes) {
        fail(new AttesterError('device_protocol', `a response of ${length} bytes`));
        return;
      }
      if (buffered.length < 4 + length) return;
      const response = buffered.slice(4, 4 + length);
      buffered = buffered.slice(4 + length);
      const next = waiting.shift();
      if (next === undefined) {
        fail(new AttesterError('device_protocol', 'a response that nobody asked for'));
        return;
      }
      next.resolve(response);
    }
  });
  socket.on('error', (error) => fail(new AttesterError('device_unreachable', error.message)));
  socket.on('close', () => fail(new AttesterError('device_unreachable', 'the device closed the connection')));

  return (request) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      waiting.push({ resolve, reject });
      socket.write(concatBytes(u32(request.length), request));
    });
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const refuse = (error: Error): void => reject(new AttesterError('device_unreachable', error.message));
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}
