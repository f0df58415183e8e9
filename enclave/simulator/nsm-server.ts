import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeNsmRequest, encodeNsmResponse, type NsmResponse } from '../../wire/message/nsm.ts';
import { type DeviceServer, serveDevice } from './device-server.ts';
import type { Nsm } from './nsm.ts';

/** Serves one software NSM: its CBOR in messages of a stream. */
export function serveNsm(options: { readonly socketPath: string; readonly nsm: Nsm }): Promise<DeviceServer> {
  return serveDevice({
    socketPath: options.socketPath,
    maxRequestBytes: limits.nsmRequestBytes,
    respond: (request) => respond(options.nsm, request),
  });
}

function respond(nsm: Nsm, message: Uint8Array): Uint8Array {
  try {
    return encodeNsmResponse(nsm(decodeNsmRequest(message)));
  } catch (error) {
    const code: NsmResponse = { kind: 'Error', code: error instanceof WireError ? 'InvalidArgument' : 'InternalError' };
    return encodeNsmResponse(code);
  }
}
