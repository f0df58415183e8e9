import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import {
  decodeHubRelease,
  decodeHubVersions,
  encodeSignedStatus,
  encodeUpload,
  type HubRelease,
  type HubVersions,
  type RepositoryName,
  type SignedStatus,
  type Upload,
} from '../../wire/message/hub.ts';
import {
  answered,
  type Challenge,
  type Committed,
  challengeReader,
  committedReader,
  drain,
  type Opened,
  openedReader,
  readAnswer,
  readWhole,
  refusalOf,
} from './answers.ts';
import { HubError } from './errors.ts';
import type { HubBody, HubRequest, HubResponse, HubTransport } from './platform.ts';

export interface HubApiOptions {
  readonly transport: HubTransport;
  /** A reader's token for private releases. */
  readonly token: string | 'none';
  readonly signal: AbortSignal | undefined;
}

/** One upload that a hub has agreed to. */
export interface UploadTicket {
  readonly modelId: Uint8Array;
  readonly token: string;
}

export type FileAnswer =
  /** The bytes from `start` on. */
  | { readonly start: number; readonly chunks: AsyncIterable<Uint8Array> }
  /** The hub has another opinion about what is where, and is to be asked for all of it. */
  | 'from-the-start';

/** How far a file has come at the hub; the bytes themselves may have been refused. */
export type SentAnswer =
  | { readonly outcome: 'taken' | 'elsewhere'; readonly offset: number }
  | { readonly outcome: 'digest_mismatch' }
  | { readonly outcome: 'upload_unknown' };

/** The native part of a hub's HTTP interface, a method for each of its questions. Nothing is repeated here. */
export interface HubApi {
  readonly origin: string;
  /** The same under another signal. */
  under(signal: AbortSignal): HubApi;
  release(modelId: Uint8Array): Promise<HubRelease>;
  versions(name: RepositoryName): Promise<HubVersions>;
  file(
    modelId: Uint8Array,
    file: { readonly path: string; readonly sha256: Uint8Array },
    from: number,
  ): Promise<FileAnswer>;
  challenge(): Promise<Challenge>;
  open(upload: Upload): Promise<Opened>;
  offset(ticket: UploadTicket, sha256: Uint8Array): Promise<SentAnswer>;
  send(ticket: UploadTicket, sha256: Uint8Array, from: number, body: HubBody): Promise<SentAnswer>;
  commit(ticket: UploadTicket): Promise<Committed | 'files_missing' | 'upload_unknown'>;
  state(status: SignedStatus): Promise<void>;
}

const JSON_TYPE = 'application/json';

export function createHubApi({ transport, token, signal }: HubApiOptions): HubApi {
  const reading: Readonly<Record<string, string>> = token === 'none' ? {} : { authorization: `Bearer ${token}` };

  async function ask(
    method: HubRequest['method'],
    path: string,
    rest: { readonly headers?: Readonly<Record<string, string>>; readonly body?: HubBody | Uint8Array } = {},
  ): Promise<HubResponse> {
    const { headers = {}, body = null } = rest;
    const given = body instanceof Uint8Array ? { length: body.length, chunks: [body] } : body;
    return transport.ask({ method, path, headers, body: given, signal });
  }

  const blob = (modelId: Uint8Array, sha256: Uint8Array): string =>
    `/v1/hub/uploads/${toHex(modelId)}/${toHex(sha256)}`;
  const bearer = (ticket: UploadTicket): Readonly<Record<string, string>> => ({
    authorization: `Bearer ${ticket.token}`,
  });

  async function question(path: string, maxBytes: number): Promise<Uint8Array> {
    const response = await ask('GET', path, { headers: reading });
    if (response.status !== 200) throw await refusalOf(response);
    return readWhole(response, maxBytes);
  }

  return {
    origin: transport.origin,
    under: (other) => createHubApi({ transport, token, signal: other }),
    async release(modelId) {
      const bytes = await question(`/v1/hub/releases/${toHex(modelId)}`, limits.hubReleaseBytes);
      return answered(() => decodeHubRelease(bytes));
    },
    async versions({ namespace, name }) {
      const bytes = await question(`/v1/hub/models/${namespace}/${name}`, limits.hubVersionsBytes);
      return answered(() => decodeHubVersions(bytes));
    },
    async file(modelId, { path, sha256 }, from) {
      // Where the file is another one by now, all of it comes instead of a piece that fits to nothing.
      const range = from === 0 ? {} : { range: `bytes=${from}-`, 'if-range': `"${toHex(sha256)}"` };
      const headers = { ...reading, ...range };
      const response = await ask('GET', `/v1/hub/releases/${toHex(modelId)}/files/${path}`, { headers });
      if (response.status === 200) return { start: 0, chunks: response.chunks };
      if (response.status === 416) {
        await drain(response);
        return 'from-the-start';
      }
      if (response.status !== 206) throw await refusalOf(response);
      const start = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(response.headers['content-range'] ?? '')?.[1];
      if (from === 0 || Number(start) !== from) {
        throw new HubError('answer_invalid', `asked for ${path} from ${from} on, and told of another range`);
      }
      return { start: from, chunks: response.chunks };
    },
    async challenge() {
      const response = await ask('POST', '/v1/hub/challenges');
      if (response.status !== 200) throw await refusalOf(response);
      return readAnswer(response, challengeReader, SMALL_BYTES);
    },
    async open(upload) {
      const body = encodeUpload(upload);
      const response = await ask('POST', '/v1/hub/uploads', { headers: { 'content-type': JSON_TYPE }, body });
      if (response.status !== 200 && response.status !== 201) throw await refusalOf(response);
      return readAnswer(response, openedReader, limits.hubReleaseBytes);
    },
    async offset(ticket, sha256) {
      return sentAnswer(await ask('HEAD', blob(ticket.modelId, sha256), { headers: bearer(ticket) }));
    },
    async send(ticket, sha256, from, body) {
      const headers = {
        ...bearer(ticket),
        'content-type': 'application/octet-stream',
        'upload-offset': String(from),
      };
      return sentAnswer(await ask('PATCH', blob(ticket.modelId, sha256), { headers, body }));
    },
    async commit(ticket) {
      const response = await ask('POST', `/v1/hub/uploads/${toHex(ticket.modelId)}/commit`, {
        headers: bearer(ticket),
      });
      if (response.status === 201) {
        return readAnswer(response, committedReader, SMALL_BYTES);
      }
      const refusal = await refusalOf(response);
      if (refusal.reason === 'files_missing' || refusal.reason === 'upload_unknown') return refusal.reason;
      throw refusal;
    },
    async state(status) {
      const response = await ask('PUT', `/v1/hub/releases/${toHex(status.modelId)}/status`, {
        headers: { 'content-type': JSON_TYPE },
        body: encodeSignedStatus(status),
      });
      if (response.status === 204) return drain(response);
      const refusal = await refusalOf(response);
      if (refusal.reason === 'status_replayed') throw new HubError('status_replayed', refusal.message, refusal);
      throw refusal;
    },
  };
}

const SMALL_BYTES = 4_096;

/** A HEAD has no body that could say why: there the status alone has to. */
async function sentAnswer(response: HubResponse): Promise<SentAnswer> {
  const offset = Number(/^\d{1,15}$/.exec(response.headers['upload-offset'] ?? '')?.[0] ?? Number.NaN);
  if (response.status === 204) {
    await drain(response);
    if (Number.isNaN(offset)) throw new HubError('answer_invalid', 'no Upload-Offset');
    return { outcome: 'taken', offset };
  }
  const refusal = await refusalOf(response);
  if (response.status === 409 && !Number.isNaN(offset)) return { outcome: 'elsewhere', offset };
  if (response.status === 404) return { outcome: 'upload_unknown' };
  if (refusal.reason === 'digest_mismatch') return { outcome: 'digest_mismatch' };
  throw refusal;
}
