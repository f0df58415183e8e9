import { toBase64url, toHex } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeSignedStatus, decodeUpload, type SignedStatus } from '../../../wire/message/hub.ts';
import { mediaType } from '../../http/body.ts';
import type { Entry } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import { bearerToken } from '../publishers.ts';
import type { Serial } from '../serial.ts';
import { DIGEST } from '../store/layout.ts';
import { proveStatus, proveUpload } from '../uploads/authorise.ts';
import type { Access } from '../uploads/uploads.ts';
import { send, sendJson } from './answer.ts';
import type { Call, HubContext, HubHandler } from './context.ts';
import { readJson } from './exchange.ts';
import { paced } from './pace.ts';

const FILE_TYPES = ['application/octet-stream', 'application/offset+octet-stream'];

export function challengeRoute({ challenges }: HubContext): HubHandler {
  return ({ response }) => {
    const nonce = toBase64url(challenges.issue());
    sendJson(response, 200, {}, { nonce, seconds: limits.hubNonceMilliseconds / 1_000 });
    return Promise.resolve();
  };
}

export function openRoute(context: HubContext): HubHandler {
  return async ({ exchange, response }) => {
    const upload = decodeUpload(await readJson(exchange, limits.hubReleaseBytes, context.bodyMs));
    const { challenges, hub } = context;
    const proven = await proveUpload(upload, { publishers: context.people().publishers, hub, challenges });
    const { token, missing } = await context.uploads.open(proven);
    sendJson(response, token === null ? 200 : 201, {}, { token, missing: missing.map((blob) => ({ ...blob })) });
  };
}

export function offsetRoute({ uploads }: HubContext): HubHandler {
  return async (call) => {
    const offset = await uploads.received(accessOf(call), digestOf(call));
    send(call.response, 204, { 'Upload-Offset': String(offset) }, undefined);
  };
}

export function appendRoute({ uploads, paceMs }: HubContext): HubHandler {
  return async (call) => {
    const { request, response } = call;
    if (!FILE_TYPES.includes(mediaType(request)) || request.headers['content-encoding'] !== undefined) {
      throw new HubError('media_type_unsupported');
    }
    const offset = offsetOf(request.headers['upload-offset']);
    const received = await uploads.receive(accessOf(call), digestOf(call), {
      offset,
      bytes: paced(request, paceMs),
      cut: () => request.socket.destroy(),
    });
    send(response, 204, { 'Upload-Offset': String(received) }, undefined);
  };
}

export function commitRoute({ uploads }: HubContext): HubHandler {
  return async (call) => {
    const { namespace, name, version, modelId } = await uploads.commit(accessOf(call));
    sendJson(call.response, 201, {}, { repository: `${namespace}/${name}`, version, modelId });
  };
}

export function statusRoute(context: HubContext, serial: Serial): HubHandler {
  return async ({ exchange, response, parameters: [modelId = ''] }) => {
    const status = readStatus(await readJson(exchange, limits.signedStatusBytes, context.bodyMs));
    if (toHex(status.modelId) !== modelId) throw new HubError('status_invalid');
    await proveStatus(status);
    await serial(() => setStatus(context, status));
    send(response, 204, {}, undefined);
  };
}

function readStatus(encoded: Uint8Array): SignedStatus {
  try {
    return decodeSignedStatus(encoded);
  } catch (cause) {
    if (cause instanceof WireError) throw new HubError('status_invalid', { cause });
    throw cause;
  }
}

/** To whoever is not the owner, a release that is not here and one that is somebody else's look the same. */
async function setStatus({ store, onEvent }: HubContext, status: SignedStatus): Promise<void> {
  const entry: Entry | undefined = store.catalogue.find(toHex(status.modelId));
  if (entry === undefined || entry.owner !== toHex(status.owner)) throw new HubError('release_unknown');
  const kept = entry.status;
  if (kept !== null && status.sequence <= kept.sequence) {
    // ECDSA signs the same words in many ways: what counts is what was said.
    if (status.sequence === kept.sequence && status.status === kept.status) return;
    throw new HubError('status_replayed');
  }
  await store.setStatus(entry, status);
  onEvent({ event: 'status_set', modelId: entry.modelId, status: status.status });
}

function accessOf({ request, parameters: [modelId = ''] }: Call): Access {
  if (!DIGEST.test(modelId)) throw new HubError('upload_unknown');
  return { modelId, token: bearerToken(request.headers.authorization) };
}

function digestOf({ parameters: [, digest = ''] }: Call): string {
  if (!DIGEST.test(digest)) throw new HubError('file_unknown');
  return digest;
}

function offsetOf(header: string | readonly string[] | undefined): number {
  if (typeof header !== 'string' || !/^(0|[1-9][0-9]{0,14})$/.test(header)) throw new HubError('request_invalid');
  return Number(header);
}
