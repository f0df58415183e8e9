import { concatBytes, equalBytes, toHex, utf8 } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEncryptedRelease, ENVELOPE_FILE } from '../../wire/message/encrypted-release.ts';
import { decodeSignedStatus, encodeSignedStatus, type StoredFile } from '../../wire/message/hub.ts';
import { type Download, download, isWhole } from './download.ts';
import { HubError } from './errors.ts';
import type { DraftFolder, ReleaseFolder } from './folder.ts';
import type { KnownStatus } from './memory.ts';
import { type ProvenRelease, proveStatus } from './release.ts';
import { findRelease, holdStatus, type Looking, resolveReference, type Standing } from './resolve.ts';
import { severally } from './retry.ts';

export interface Pulling extends Looking {
  readonly folder: ReleaseFolder;
  /** Whether a release that its owner took back is pulled all the same. */
  readonly yanked: 'refuse' | 'allow';
}

export interface Pulled {
  readonly release: ProvenRelease;
  readonly standing: Standing;
  /** Bytes that came from the hub, or an earlier run; and files that were there and right. */
  readonly fetchedFiles: number;
  readonly keptFiles: number;
}

const MANIFEST = 'manifest.json';
const STATUS = 'status.json';
const OWNER = 'owner.hex';
const SIGNATURE = 'signature.hex';

/** A release from a hub that nobody needs to believe, into a folder that a host serves from (host/releases.ts). */
export async function pullRelease(pulling: Pulling, reference: string): Promise<Pulled> {
  const wanted = await resolveReference(pulling, reference);
  const release = await findRelease(pulling, wanted);
  checkNames(release);
  const there = await takenBy(pulling.folder, release);
  const known = there === 'this-release' ? await knownStatus(pulling, release) : undefined;
  const standing = await holdStatus(pulling, release, known);
  if (standing === 'yanked' && pulling.yanked === 'refuse') {
    // A host that serves the folder tells its clients what stands there: so that is the owner's last word.
    if (there === 'this-release') await besidesOnly(pulling, release);
    const { name, version } = release.facts.manifest;
    throw new HubError('release_yanked', `${name} ${version} was taken back by its owner`);
  }
  const counts = await intoPlace(pulling, release, there);
  return { release, standing, ...counts };
}

/** What is written beside a release's files, and what a file system that does not tell A from a would confuse. */
function checkNames({ contents, form }: ProvenRelease): void {
  const own = [MANIFEST, STATUS, OWNER, SIGNATURE, ...(form === 'plain' ? [ENVELOPE_FILE] : [])];
  const seen = new Set(own);
  const paths = contents.map(({ path }) => path.toLowerCase());
  for (const path of paths) {
    if (seen.has(path)) throw new HubError('contents_mismatch', `${path} is the name of something else here`);
    seen.add(path);
  }
  for (const path of paths) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      if (!seen.has(path.slice(0, at))) continue;
      throw new HubError('contents_mismatch', `${path.slice(0, at)} is a file and a folder`);
    }
  }
}

type There = 'nothing' | 'this-release';

async function takenBy(folder: ReleaseFolder, { facts, signed }: ProvenRelease): Promise<There> {
  const state = await folder.state();
  if (state !== 'occupied') return 'nothing';
  const manifest = await folder.small(MANIFEST, limits.manifestBytes);
  if (manifest !== undefined && equalBytes(manifest, signed.manifest)) return 'this-release';
  throw new HubError('folder_taken', `something else than ${toHex(facts.modelId)} stands there, and stays`);
}

/** What the folder says was seen. A file that is no status of this release is nobody's word, and is replaced. */
async function knownStatus({ folder, platform }: Pulling, { facts }: ProvenRelease): Promise<KnownStatus | undefined> {
  const encoded = await folder.small(STATUS, limits.signedStatusBytes);
  if (encoded === undefined) return undefined;
  try {
    const status = decodeSignedStatus(encoded);
    const { modelId, manifest } = facts;
    await proveStatus(status, { modelId, owner: manifest.owner, suite: platform.suite, seen: 'nothing' });
    return status;
  } catch (error) {
    if (error instanceof WireError || (error instanceof HubError && error.code === 'status_untrusted'))
      return undefined;
    throw error;
  }
}

interface Counts {
  readonly fetchedFiles: number;
  readonly keptFiles: number;
}

async function intoPlace(pulling: Pulling, release: ProvenRelease, there: There): Promise<Counts> {
  const draft = await pulling.folder.draft(release.facts.modelId);
  try {
    const counts =
      there === 'nothing' ? await wholeFolder(pulling, release, draft) : await mended(pulling, release, draft);
    await draft.remove();
    return counts;
  } catch (error) {
    await draft.leave();
    throw error;
  }
}

async function wholeFolder(pulling: Pulling, release: ProvenRelease, draft: DraftFolder): Promise<Counts> {
  const kept = await fetchAll(pulling, release, draft, (path) => draft.file(path));
  const own = besides(release);
  for (const [path, bytes] of own) await draft.write(path, bytes);
  const all = [...release.contents.map(({ path }) => path), ...own.map(([path]) => path)];
  if ((await draft.publish(all)) === 'published')
    return { fetchedFiles: release.contents.length - kept, keptFiles: kept };
  // Somebody else was quicker. If that is this release, what it lacks is put in; if not, it says so.
  await takenBy(pulling.folder, release);
  return mended(pulling, release, draft);
}

/** What is right stays where it is; every other file is replaced by itself, once its digest holds. */
async function mended(pulling: Pulling, release: ProvenRelease, draft: DraftFolder): Promise<Counts> {
  const { folder } = pulling;
  const kept = await fetchAll(pulling, release, draft, async (path) => (await folder.file(path)) ?? draft.file(path));
  for (const { path } of release.contents) if ((await draft.file(path)) !== undefined) await draft.mend(path);
  await mendBesides(folder, release, draft);
  return { fetchedFiles: release.contents.length - kept, keptFiles: kept };
}

async function mendBesides(folder: ReleaseFolder, release: ProvenRelease, draft: DraftFolder): Promise<void> {
  for (const [path, bytes] of besides(release)) {
    const before = await folder.small(path, bytes.length);
    if (before !== undefined && equalBytes(before, bytes)) continue;
    await draft.write(path, bytes);
    await draft.mend(path);
  }
}

async function besidesOnly({ folder }: Pulling, release: ProvenRelease): Promise<void> {
  const draft = await folder.draft(release.facts.modelId);
  try {
    await mendBesides(folder, release, draft);
  } finally {
    await draft.remove();
  }
}

function besides({ signed, status }: ProvenRelease): readonly (readonly [path: string, bytes: Uint8Array])[] {
  return [
    [MANIFEST, signed.manifest],
    [OWNER, utf8(`${toHex(signed.owner)}\n`)],
    [SIGNATURE, utf8(`${toHex(signed.signature)}\n`)],
    ...(status === null ? [] : [[STATUS, encodeSignedStatus(status)] as const]),
  ];
}

async function fetchAll(
  pulling: Pulling,
  release: ProvenRelease,
  draft: DraftFolder,
  find: (path: string) => ReturnType<DraftFolder['file']>,
): Promise<number> {
  const { modelId } = release.facts;
  let kept = 0;
  const bytes = release.contents.reduce((sum, { size }) => sum + size, 0);
  pulling.onProgress({ event: 'plan', files: release.contents.length, bytes });
  await severally(release.contents, pulling.signal, async (file, signal) => {
    const how: Download = { ...pulling, api: pulling.api.under(signal), modelId, signal };
    const found = await find(file.path);
    if (found !== undefined && (await isWhole(how, found, file))) {
      kept += 1;
      pulling.onProgress({ event: 'file', path: file.path, size: file.size, bytes: file.size });
    } else {
      await fetchOne(how, file, draft);
    }
    pulling.onProgress({ event: 'done', path: file.path });
  });
  if (release.form === 'encrypted') await checkEnvelope(pulling.folder, draft, modelId);
  return kept;
}

async function fetchOne(how: Download, file: StoredFile, draft: DraftFolder): Promise<void> {
  const part = await draft.part(file.path);
  try {
    await download(how, file, part);
  } finally {
    await part.close();
  }
}

/** Nobody signs it, but one of another release leads to a key of no use, and hosts refuse it. */
async function checkEnvelope(folder: ReleaseFolder, draft: DraftFolder, modelId: Uint8Array): Promise<void> {
  const kept = await draft.file(ENVELOPE_FILE);
  const bytes =
    kept === undefined ? await folder.small(ENVELOPE_FILE, limits.encryptedReleaseBytes) : await collect(kept);
  try {
    if (bytes !== undefined && equalBytes(decodeEncryptedRelease(bytes).modelId, modelId)) return;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  throw new HubError('contents_mismatch', `${ENVELOPE_FILE} is none of this release`);
}

async function collect({
  size,
  chunks,
}: NonNullable<Awaited<ReturnType<DraftFolder['file']>>>): Promise<Uint8Array | undefined> {
  if (size > limits.encryptedReleaseBytes) return undefined;
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return concatBytes(...parts);
}
