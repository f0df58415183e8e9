import { createHash } from 'node:crypto';
import { equalBytes } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeNsmResponse, encodeNsmRequest, type NsmRequest, type NsmResponse } from '../../wire/message/nsm.ts';
import { type Attester, AttesterError } from './attester.ts';
import { connectExchange, type Exchange, oneAtATime, openDevice } from './attester-exchange.ts';

/** The register that carries the configuration; 0 to 15 are locked before an application starts. */
const CONFIGURATION_PCR = 16;
const PCR_BYTES = 48;
const ENTROPY_BYTES = 32;

/** The driver's one call: writes the device's answer into `response` and gives its length. */
export type NsmIoctl = (fd: number, request: Uint8Array, response: Uint8Array) => Promise<number>;

/** A software device: the messages of the real one over a unix stream. */
export async function connectNsm(path: string): Promise<Attester> {
  return createNsmAttester(await connectExchange(path, limits.nsmResponseBytes));
}

/** AWS's device, `/dev/nsm`: the same messages through the driver's ioctl. */
export async function openNsmDevice(path: string, ioctl: NsmIoctl): Promise<Attester> {
  const device = openDevice(path);
  return createNsmAttester(
    oneAtATime(async (request) => {
      const response = new Uint8Array(limits.nsmResponseBytes);
      const length = await ioctl(device, request, response);
      if (!Number.isInteger(length) || length < 0 || length > response.length) {
        throw new AttesterError('device_protocol', `a response of ${length} bytes`);
      }
      return response.subarray(0, length);
    }),
  );
}

/** AWS's Nitro Security Module, whatever carries its messages. */
export function createNsmAttester(exchange: Exchange): Attester {
  let bound = false;

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
      if (bound) throw new AttesterError('configuration_bound', `PCR${CONFIGURATION_PCR}`);
      bound = true;
      const index = CONFIGURATION_PCR;
      await ask({ kind: 'ExtendPCR', index, data: config }, 'ExtendPCR');
      await ask({ kind: 'LockPCR', index }, 'LockPCR');
      // What verifiers will look for. Somebody who extended the register first would make every document worthless.
      const { lock, data } = await ask({ kind: 'DescribePCR', index }, 'DescribePCR');
      const expected = createHash('sha384').update(new Uint8Array(PCR_BYTES)).update(config).digest();
      if (!lock) throw new AttesterError('register_unexpected', `PCR${index} is not locked`);
      if (!equalBytes(data, expected))
        throw new AttesterError('register_unexpected', `PCR${index} holds something else`);
    },
    attest: async ({ userData, nonce, publicKey }) => {
      const { document } = await ask({ kind: 'Attestation', userData, nonce, publicKey }, 'Attestation');
      // Its certificates are inside.
      return { document, certificateTable: null };
    },
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
