import { createReadStream, existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes, fromHex } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto/node.ts';
import { limits } from '../wire/limits.ts';
import {
  decodeEncryptedRelease,
  ENCRYPTED_SUFFIX,
  ENVELOPE_FILE,
  type EncryptedRelease,
  encryptedSize,
} from '../wire/message/encrypted-release.ts';
import { encodeFilePiece, encodeRelease, encodeSealedDataKey, linkKind } from '../wire/message/link.ts';
import { decodeManifest, type Manifest, type SignedRelease } from '../wire/message/manifest.ts';
import { LinkError, StartError } from './errors.ts';
import { KeyError, type KeyService } from './kms.ts';
import { type KeptStatus, readStatus } from './release-status.ts';

/**
 * A release in a folder: `manifest.json` (canonical bytes), `owner.hex`, `signature.hex`, and its files; or, encrypted,
 * `encryption.json` and each file as `<path>.enc`. `status.json` may lie beside them.
 */
export interface Release {
  readonly modelId: Uint8Array;
  readonly signed: SignedRelease;
  readonly manifest: Manifest;
  readonly encryption: EncryptedRelease | null;
  /** The bytes of one file as they are to be sent, in pieces; nobody has checked them yet. */
  read(file: number): AsyncIterable<Uint8Array>;
  /** What its owner says of it now, where that lies beside it. */
  status(): Promise<KeptStatus>;
}

/** Reads the small parts now, and files when they are pushed. The worker checks all of it; a wrong folder fails here. */
export function openRelease(directory: string): Release {
  const encoded = Uint8Array.from(readFileSync(join(directory, 'manifest.json')));
  const manifest = decodeManifest(encoded);
  const modelId = sha256(encoded);
  const encryption = readEncryption(directory, modelId);
  const pathOf = (path: string): string => join(directory, encryption === null ? path : path + ENCRYPTED_SUFFIX);
  for (const { path, size } of manifest.files) {
    const found = lstatSync(pathOf(path));
    if (!found.isFile()) throw new StartError('release_invalid', `${path} is not a plain file`);
    if (encryption !== null && found.size !== encryptedSize(size)) {
      throw new StartError('release_invalid', `${path} is not ${encryptedSize(size)} bytes long`);
    }
  }
  return {
    modelId,
    signed: { manifest: encoded, owner: hexFile('owner.hex'), signature: hexFile('signature.hex') },
    manifest,
    encryption,
    read: (file) =>
      createReadStream(pathOf((manifest.files[file] as { readonly path: string }).path), {
        highWaterMark: limits.fileChunkBytes,
      }) as AsyncIterable<Uint8Array>,
    status: () => readStatus(directory, { modelId, manifest }),
  };

  function hexFile(name: string): Uint8Array {
    return fromHex(readFileSync(join(directory, name), 'utf8').trim(), 64);
  }
}

/** An envelope of another release would lead KMS and worker to a key of no use, so it is refused before anybody is asked. */
function readEncryption(directory: string, modelId: Uint8Array): EncryptedRelease | null {
  const path = join(directory, ENVELOPE_FILE);
  if (!existsSync(path)) return null;
  const encryption = decodeEncryptedRelease(Uint8Array.from(readFileSync(path)));
  if (!equalBytes(encryption.modelId, modelId)) {
    throw new StartError('release_invalid', `${ENVELOPE_FILE} belongs to another release`);
  }
  return encryption;
}

export type Ask = (kind: number, payload: Uint8Array) => Promise<Uint8Array>;

/**
 * Announces a release and sends its files, one piece at a time, so that answers of other requests pass between. For an
 * encrypted one the worker first gets its key, which this host carries sealed.
 */
export async function pushRelease(release: Release, ask: Ask, keys: KeyService | undefined): Promise<void> {
  const { modelId, encryption } = release;
  await ask(linkKind.release, encodeRelease(release.signed));
  if (encryption !== null) {
    if (keys === undefined) throw new KeyError('kms_not_configured', 'this host calls no KMS');
    const document = await ask(linkKind.recipient, modelId);
    const sealed = await keys.sealedKey(encryption, document);
    await ask(linkKind.dataKey, encodeSealedDataKey({ modelId, sealed }));
  }
  let complete = false;
  for (const [file, { size }] of release.manifest.files.entries()) {
    if (size === 0 && encryption === null) complete = await send(file, new Uint8Array(0));
    else for await (const bytes of release.read(file)) complete = await send(file, bytes);
  }
  if (!complete) throw new LinkError('worker_protocol', 'the worker wants more than the release has');

  async function send(file: number, bytes: Uint8Array): Promise<boolean> {
    const reply = await ask(linkKind.file, encodeFilePiece({ modelId, file, bytes }));
    return reply[0] === 1;
  }
}
