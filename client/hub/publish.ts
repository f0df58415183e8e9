import { equalBytes, toHex, utf8 } from '../../wire/bytes.ts';
import {
  contentsPreimage,
  type StoredFile,
  storedPaths,
  uploadMessage,
  type Visibility,
} from '../../wire/message/hub.ts';
import { decodeManifest, type SignedRelease } from '../../wire/message/manifest.ts';
import type { Missing } from './answers.ts';
import type { HubApi, SentAnswer, UploadTicket } from './api.ts';
import { HubError } from './errors.ts';
import { type Persistence, persistently, severally } from './retry.ts';
import type { ReleaseSource } from './source.ts';

export interface Publishing extends Persistence {
  readonly api: HubApi;
  readonly source: ReleaseSource;
  readonly release: SignedRelease;
  readonly form: 'plain' | 'encrypted';
  readonly visibility: Visibility;
  /** With the release's own key. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

export interface Published {
  readonly modelId: Uint8Array;
  /** `namespace/name`, as the hub's operator calls it; null where the hub had the release, and said nothing of it. */
  readonly repository: string | null;
  readonly contents: readonly StoredFile[];
  /** What the hub did not have. */
  readonly sentFiles: number;
  readonly sentBytes: number;
}

/** Times that an upload is begun anew: its ticket may run out, and what arrived stays. */
const BEGINNINGS = 4;

/** Everything is hashed before anything is sent; the hub gets what it does not have. */
export async function publishRelease(publishing: Publishing): Promise<Published> {
  const { api, platform, release } = publishing;
  const modelId = await platform.suite.sha256(release.manifest);
  const stored = await hashAll(publishing);
  const contents = stored.map(({ file }) => file);
  let sentFiles = 0;
  let sentBytes = 0;
  for (let beginning = 0; beginning < BEGINNINGS; beginning++) {
    const opened = await openUpload(publishing, modelId, contents);
    if (opened.token === null) return { modelId, repository: null, contents, sentFiles, sentBytes };
    const ticket: UploadTicket = { modelId, token: opened.token };
    const outcome = await sendAll(publishing, ticket, stored, opened.missing);
    sentFiles += outcome.files;
    sentBytes += outcome.bytes;
    if (outcome.gone) continue;
    const committed = await persistently(publishing, null, () => api.commit(ticket));
    if (typeof committed === 'string') continue;
    return { modelId, repository: committed.repository, contents, sentFiles, sentBytes };
  }
  throw new HubError('upload_failed', `the hub gave up the upload ${BEGINNINGS} times`);
}

interface Stored {
  readonly file: StoredFile;
  readonly stamp: string;
}

async function hashAll({ source, release, form, platform, signal }: Publishing): Promise<readonly Stored[]> {
  const { files } = decodeManifest(release.manifest);
  const stored: Stored[] = [];
  const paths = storedPaths(
    files.map(({ path }) => path),
    form,
  );
  for (const [index, path] of paths.entries()) {
    const { size, stamp, chunks } = await source.file(path);
    const hash = platform.hash();
    for await (const chunk of chunks(0)) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
    const sha256 = hash.digest();
    const meant = files[index];
    const isMeant = form === 'encrypted' || meant === undefined || equalBytes(meant.sha256, sha256);
    if (!isMeant) throw new HubError('file_changed', `${path} is not what the manifest says`);
    stored.push({ file: { path, size, sha256 }, stamp });
  }
  return stored;
}

function openUpload(
  publishing: Publishing,
  modelId: Uint8Array,
  contents: readonly StoredFile[],
): ReturnType<HubApi['open']> {
  const { api, platform, release, visibility, sign } = publishing;
  const { suite } = platform;
  return persistently(publishing, null, async () => {
    const { nonce } = await api.challenge();
    const message = uploadMessage({
      hub: await suite.sha256(utf8(api.origin)),
      nonce,
      modelId,
      visibility,
      contents: await suite.sha256(contentsPreimage(contents)),
    });
    try {
      return await api.open({ release, visibility, contents, nonce, authorisation: await sign(message) });
    } catch (error) {
      if (!(error instanceof HubError) || error.reason !== 'nonce_unknown') throw error;
      // It began anew between the two, or took too long: another one is asked for.
      throw new HubError('upload_failed', error.message, { reason: error.reason });
    }
  });
}

interface Outcome {
  readonly files: number;
  readonly bytes: number;
  /** The hub knows nothing of the upload any more. */
  readonly gone: boolean;
}

async function sendAll(
  publishing: Publishing,
  ticket: UploadTicket,
  stored: readonly Stored[],
  missing: readonly Missing[],
): Promise<Outcome> {
  // Two paths with the same bytes are one file to the hub.
  const byDigest = new Map(stored.map((each) => [toHex(each.file.sha256), each]));
  let files = 0;
  let bytes = 0;
  let gone = false;
  publishing.onProgress({
    event: 'plan',
    files: missing.length,
    bytes: missing.reduce((sum, { size }) => sum + size, 0),
  });
  await severally(missing, publishing.signal, async ({ sha256, received }, signal) => {
    const each = byDigest.get(toHex(sha256));
    if (each === undefined)
      throw new HubError('answer_invalid', 'the hub misses a file that the release does not have');
    if (gone) return;
    const from = Math.min(received, each.file.size);
    publishing.onProgress({ event: 'file', path: each.file.path, size: each.file.size, bytes: from });
    if ((await sendOne({ ...publishing, api: publishing.api.under(signal), signal }, ticket, each, from)) === 'gone') {
      gone = true;
      return;
    }
    files += 1;
    bytes += each.file.size - from;
    publishing.onProgress({ event: 'done', path: each.file.path });
  });
  return { files, bytes, gone };
}

async function sendOne(
  publishing: Publishing,
  ticket: UploadTicket,
  { file, stamp }: Stored,
  from: number,
): Promise<'sent' | 'gone'> {
  const { api, source } = publishing;
  let offset = from;
  // What was there before may have been wrong bytes of an earlier upload.
  let refused = false;
  let asked = true;
  return persistently(publishing, file.path, async (advanced) => {
    const is = await source.file(file.path);
    if (is.stamp !== stamp) throw changed(file.path);
    if (!asked) {
      const answer = await api.offset(ticket, file.sha256);
      if (answer.outcome === 'upload_unknown') return 'gone';
      const arrived = offsetOf(answer, file);
      if (arrived > offset) advanced();
      offset = arrived;
      // Only the answer was lost. Nothing of an empty file can arrive, so that it is sent again.
      if (offset === file.size && offset > 0) return 'sent';
    }
    asked = false;
    const chunks = counted(publishing, file, offset, is.chunks(offset));
    const answer = await api.send(ticket, file.sha256, offset, { length: file.size - offset, chunks });
    if (answer.outcome === 'upload_unknown') return 'gone';
    if ((await source.file(file.path)).stamp !== stamp) throw changed(file.path);
    if (answer.outcome === 'digest_mismatch') {
      if (refused || offset === 0)
        throw new HubError('upload_refused', `the hub got other bytes of ${file.path}`, { reason: 'digest_mismatch' });
      refused = true;
      throw new HubError('upload_failed', `what the hub had of ${file.path} was wrong`, { reason: 'digest_mismatch' });
    }
    if (answer.offset > offset) advanced();
    offset = offsetOf(answer, file);
    if (answer.outcome === 'taken' && offset === file.size) return 'sent';
    throw new HubError('upload_failed', `the hub has ${offset} bytes of ${file.path}`);
  });
}

function offsetOf(answer: SentAnswer, { path, size }: StoredFile): number {
  const offset = 'offset' in answer ? answer.offset : 0;
  if (offset <= size) return offset;
  throw new HubError('answer_invalid', `the hub has more of ${path} than there is`);
}

function changed(path: string): HubError {
  return new HubError('file_changed', `${path} was written to since it was hashed`);
}

async function* counted(
  { onProgress }: Publishing,
  { path }: StoredFile,
  from: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes = from;
  for await (const chunk of chunks) {
    yield chunk;
    bytes += chunk.length;
    onProgress({ event: 'bytes', path, bytes });
  }
}
