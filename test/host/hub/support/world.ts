import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hub, type HubEvent, type HubOptions, startHub } from '../../../../host/hub/index.ts';
import { fromBase64url, toHex, utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../../../wire/crypto/node-sign.ts';
import { releaseMessage, releaseStatus, releaseStatusMessage } from '../../../../wire/message/authorisations.ts';
import {
  contentsPreimage,
  encodeSignedStatus,
  encodeUpload,
  type ReleaseStatusName,
  type StoredFile,
  type Upload,
  uploadMessage,
  type Visibility,
} from '../../../../wire/message/hub.ts';
import { encodeManifest, type Manifest, type SignedRelease } from '../../../../wire/message/manifest.ts';
import { testManifest } from '../../../support/fake-release.ts';

export interface Publisher {
  readonly namespace: string;
  readonly key: KeyObject;
  readonly owner: Uint8Array;
}

export function newPublisher(namespace: string): Publisher {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return { namespace, key, owner: publicPoint(key).subarray(1) };
}

/** A release with its files, signed; nobody has it yet. */
export interface Made {
  readonly publisher: Publisher;
  readonly manifest: Manifest;
  readonly modelId: string;
  readonly signed: SignedRelease;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly contents: readonly StoredFile[];
}

export function makeRelease(
  publisher: Publisher,
  files: ReadonlyMap<string, Uint8Array>,
  changes: Partial<Manifest> = {},
): Made {
  const contents = [...files].map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) }));
  const manifest = {
    ...testManifest([]),
    owner: publisher.owner,
    files: contents,
    entry: contents[0]?.path ?? '',
    ...changes,
  };
  return { publisher, manifest, files, contents, ...sign(publisher, manifest) };
}

export function sign(
  publisher: Publisher,
  manifest: Manifest,
): { readonly modelId: string; readonly signed: SignedRelease } {
  const encoded = encodeManifest(manifest);
  const modelId = sha256(encoded);
  const signature = signP256(publisher.key, releaseMessage(modelId));
  return { modelId: toHex(modelId), signed: { manifest: encoded, owner: manifest.owner, signature } };
}

export interface Reader {
  readonly name: string;
  readonly token: string;
  readonly namespaces: readonly string[] | 'any';
}

export interface WorldOptions extends Partial<HubOptions> {
  /** Publishers beside acme. */
  readonly others?: readonly Publisher[];
  /** What acme may store. */
  readonly bytes?: number;
  readonly readers?: readonly Reader[];
}

/** A hub on loopback and what its publishers do with it, in plain HTTP. */
export interface World {
  readonly hub: Hub;
  readonly acme: Publisher;
  readonly directory: string;
  readonly store: string;
  readonly events: HubEvent[];
  restart(changes?: Partial<HubOptions>): Promise<void>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  upload(made: Made, changes?: UploadChanges): Promise<Answer>;
  patch(
    token: string,
    made: { readonly modelId: string },
    digest: string,
    bytes: Uint8Array,
    offset?: number,
  ): Promise<Response>;
  head(token: string, made: { readonly modelId: string }, digest: string): Promise<Response>;
  commit(token: string, made: { readonly modelId: string }): Promise<Answer>;
  /** Everything at once; the release is visible after it. */
  publish(made: Made, changes?: UploadChanges): Promise<void>;
  setStatus(made: Made, status: ReleaseStatusName, sequence: bigint): Promise<Answer>;
  stop(): Promise<void>;
}

export interface UploadChanges {
  readonly visibility?: Visibility;
  readonly contents?: readonly StoredFile[];
  readonly nonce?: Uint8Array;
  readonly origin?: string;
  readonly key?: KeyObject;
  readonly change?: (upload: Upload) => Upload;
}

export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: UploadAnswer;
  readonly headers: Headers;
}

export interface UploadAnswer {
  readonly token: string;
  readonly missing: readonly { readonly sha256: string; readonly size: number; readonly received: number }[];
  readonly error?: { readonly code: string; readonly missing?: UploadAnswer['missing'] };
  readonly modelId?: string;
  readonly version?: string;
  readonly repository?: string;
  readonly nonce?: string;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-hub-'));
  const acme = newPublisher('acme');
  const { others = [], bytes, readers = [], ...changes } = options;
  writePeople(directory, [bytes === undefined ? acme : { ...acme, bytes }, ...others], readers);
  const events: HubEvent[] = [];
  const settings = (more: Partial<HubOptions>): HubOptions => ({
    store: join(directory, 'store'),
    listen: { host: '127.0.0.1', port: 0 },
    origin: 'own-address',
    publishers: join(directory, 'publishers.json'),
    storeBytes: 'any',
    rates: 'any',
    drainMs: 1_000,
    onEvent: (event) => events.push(event),
    ...changes,
    ...more,
  });
  let hub = await startHub(settings({}));

  async function ask(
    method: string,
    path: string,
    body?: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const init = {
      method,
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    };
    return answerOf(await fetch(hub.url + path, init));
  }

  async function upload(made: Made, more: UploadChanges = {}): Promise<Answer> {
    const { visibility = 'public', contents = made.contents, change = (value) => value } = more;
    const nonce = more.nonce ?? fromBase64url((await ask('POST', '/v1/hub/challenges')).body.nonce ?? '');
    const message = uploadMessage({
      hub: sha256(utf8(more.origin ?? hub.origin)),
      nonce,
      modelId: sha256(made.signed.manifest),
      visibility,
      contents: sha256(contentsPreimage(contents)),
    });
    const authorisation = signP256(more.key ?? made.publisher.key, message);
    const body = encodeUpload(change({ release: made.signed, visibility, contents, nonce, authorisation }));
    return ask('POST', '/v1/hub/uploads', body);
  }

  const patch: World['patch'] = (token, made, digest, bytes, offset = 0) =>
    fetch(`${hub.url}/v1/hub/uploads/${made.modelId}/${digest}`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/octet-stream',
        'upload-offset': String(offset),
      },
      body: Buffer.from(bytes),
    });

  const commit: World['commit'] = (token, made) =>
    ask('POST', `/v1/hub/uploads/${made.modelId}/commit`, undefined, { authorization: `Bearer ${token}` });

  return {
    get hub() {
      return hub;
    },
    acme,
    directory,
    store: join(directory, 'store'),
    events,
    async restart(more = {}) {
      await hub.close();
      hub = await startHub(settings(more));
    },
    get: (path, headers = {}) => fetch(hub.url + path, { headers }),
    upload,
    patch,
    head: (token, made, digest) =>
      fetch(`${hub.url}/v1/hub/uploads/${made.modelId}/${digest}`, {
        method: 'HEAD',
        headers: { authorization: `Bearer ${token}` },
      }),
    commit,
    async publish(made, more) {
      const { status, code, body } = await upload(made, more);
      if (status === 200) return;
      if (status !== 201) throw new Error(`refused: ${code}`);
      const bytes = new Map([...made.files.values()].map((file) => [toHex(sha256(file)), file]));
      for (const { sha256: digest, received, size } of body.missing) {
        if (received === size) continue;
        const answer = await patch(
          body.token,
          made,
          digest,
          bytes.get(digest)?.subarray(received) ?? new Uint8Array(0),
          received,
        );
        if (answer.status !== 204) throw new Error(`refused: ${answer.status} ${await answer.text()}`);
      }
      const committed = await commit(body.token, made);
      if (committed.status !== 201) throw new Error(`refused: ${committed.code}`);
    },
    setStatus(made, status, sequence) {
      return ask('PUT', `/v1/hub/releases/${made.modelId}/status`, signedStatus(made, status, sequence));
    },
    async stop() {
      await hub.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function signedStatus(
  made: Made,
  status: ReleaseStatusName,
  sequence: bigint,
  by: Publisher = made.publisher,
): Uint8Array {
  const modelId = sha256(made.signed.manifest);
  const signature = signP256(by.key, releaseStatusMessage(modelId, releaseStatus[status], sequence));
  return encodeSignedStatus({ modelId, status, sequence, owner: by.owner, signature });
}

export function writePeople(
  directory: string,
  people: readonly (Publisher & { readonly bytes?: number })[],
  readers: readonly Reader[],
): void {
  const file = {
    version: 1,
    publishers: people.map(({ namespace, owner, bytes = 'any' }) => ({ namespace, owner: toHex(owner), bytes })),
    readers: readers.map(({ name, token, namespaces }) => ({ name, sha256: toHex(sha256(utf8(token))), namespaces })),
  };
  writeFileSync(join(directory, 'publishers.json'), JSON.stringify(file));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const body = (text === '' ? {} : JSON.parse(text)) as UploadAnswer;
  return { status: response.status, code: body.error?.code, body, headers: response.headers };
}

export function digestOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes));
}
