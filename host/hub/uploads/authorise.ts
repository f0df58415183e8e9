import { verifyRelease } from '../../../verifier/index.ts';
import { concatBytes, equalBytes, toHex } from '../../../wire/bytes.ts';
import { verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { releaseStatus, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import { decodeEncryptedRelease, ENVELOPE_FILE, encryptedSize } from '../../../wire/message/encrypted-release.ts';
import {
  contentsPreimage,
  type SignedStatus,
  type StoredFile,
  storedPaths,
  type Upload,
  uploadMessage,
} from '../../../wire/message/hub.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { HubError } from '../errors.ts';
import type { Publisher } from '../publishers.ts';
import type { Challenges } from './challenges.ts';

/** An upload whose release and authorisation were proven, and whose contents are the release's. */
export interface ProvenUpload extends Pick<Upload, 'release' | 'visibility' | 'contents'> {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
  readonly publisher: Publisher;
}

export interface UploadRules {
  readonly publishers: readonly Publisher[];
  /** SHA-256 of this hub's origin. */
  readonly hub: Uint8Array;
  readonly challenges: Challenges;
}

/** Cheap questions first; whoever is not listed costs no signature. */
export async function proveUpload(upload: Upload, rules: UploadRules): Promise<ProvenUpload> {
  const { release, visibility, contents, nonce, authorisation } = upload;
  const publisher = rules.publishers.find(({ owner }) => equalBytes(owner, release.owner));
  if (publisher === undefined) throw new HubError('publisher_not_listed');
  if (!rules.challenges.isIssued(nonce)) throw new HubError('nonce_unknown');
  const modelId = sha256(release.manifest);
  const digest = sha256(contentsPreimage(contents));
  const message = uploadMessage({ hub: rules.hub, nonce, modelId, visibility, contents: digest });
  if (!(await isSigned(release.owner, message, authorisation))) throw new HubError('authorisation_invalid');
  rules.challenges.redeem(nonce);
  const verdict = await verifyRelease(release, { modelId, publishers: [publisher.owner], suite: nodeSuite });
  if (verdict.verdict !== 'accepted') throw new HubError('release_invalid');
  const { manifest } = verdict.proven;
  if (!isContentOf(manifest, contents) || hasTwoSizes(contents)) throw new HubError('contents_mismatch');
  return { release, visibility, contents, modelId, manifest, publisher };
}

/** Either exactly the manifest's files, or each of them sealed and their envelope, whose digests no manifest names. */
function isContentOf({ files }: Manifest, contents: readonly StoredFile[]): boolean {
  const stored = new Map(contents.map((file) => [file.path, file]));
  if (stored.size !== contents.length) return false;
  const isPlain =
    files.length === contents.length &&
    files.every((file) => {
      const found = stored.get(file.path);
      return found !== undefined && found.size === file.size && equalBytes(found.sha256, file.sha256);
    });
  if (isPlain) return true;
  const paths = storedPaths(
    files.map(({ path }) => path),
    'encrypted',
  );
  const sizes = new Map(paths.map((path, index) => [path, files[index]?.size]));
  return (
    paths.length === contents.length &&
    contents.every(({ path, size }) => {
      if (path === ENVELOPE_FILE) return size <= limits.encryptedReleaseBytes;
      const plain = sizes.get(path);
      return plain !== undefined && size === encryptedSize(plain);
    })
  );
}

/** One digest cannot have two sizes: one of them could never be served. */
function hasTwoSizes(contents: readonly StoredFile[]): boolean {
  const sizes = new Map<string, number>();
  return contents.some(({ sha256: digest, size }) => {
    const known = sizes.get(toHex(digest)) ?? size;
    sizes.set(toHex(digest), known);
    return known !== size;
  });
}

/** The file that says how an encrypted release is opened, if this is one. */
export function envelopeOf(manifest: Manifest, contents: readonly StoredFile[]): StoredFile | undefined {
  const isOwn = manifest.files.some(({ path }) => path === ENVELOPE_FILE);
  return isOwn ? undefined : contents.find(({ path }) => path === ENVELOPE_FILE);
}

/** An envelope of another release leads whoever opens it to a key of no use. */
export function checkEnvelope(encoded: Uint8Array, modelId: Uint8Array): void {
  try {
    if (equalBytes(decodeEncryptedRelease(encoded).modelId, modelId)) return;
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
  }
  throw new HubError('contents_mismatch');
}

/** The signature alone: whose release it is about is looked up by whoever keeps releases. */
export async function proveStatus(status: SignedStatus): Promise<void> {
  const message = releaseStatusMessage(status.modelId, releaseStatus[status.status], status.sequence);
  if (!(await isSigned(status.owner, message, status.signature))) throw new HubError('status_invalid');
}

async function isSigned(owner: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(nodeSuite, concatBytes(Uint8Array.of(4), owner), message, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
