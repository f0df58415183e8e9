import { createReadStream, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto/node.ts';
import { limits } from '../wire/limits.ts';
import { encodeFilePiece, encodeRelease, linkKind } from '../wire/message/link.ts';
import { decodeManifest, type Manifest, type SignedRelease } from '../wire/message/manifest.ts';
import { LinkError, StartError } from './errors.ts';

/** A release in a folder: `manifest.json` (canonical bytes), `owner.hex`, `signature.hex`, and its files. */
export interface Release {
  readonly modelId: Uint8Array;
  readonly signed: SignedRelease;
  readonly manifest: Manifest;
  /** The bytes of one file of the manifest, in pieces; nobody has checked them yet. */
  read(file: number): AsyncIterable<Uint8Array>;
}

/** Reads the small parts now, and files when they are pushed. The worker checks all of it; a wrong folder fails here. */
export function openRelease(directory: string): Release {
  const encoded = Uint8Array.from(readFileSync(join(directory, 'manifest.json')));
  const manifest = decodeManifest(encoded);
  for (const { path } of manifest.files) {
    if (!lstatSync(join(directory, path)).isFile())
      throw new StartError('release_invalid', `${path} is not a plain file`);
  }
  return {
    modelId: sha256(encoded),
    signed: { manifest: encoded, owner: hexFile('owner.hex'), signature: hexFile('signature.hex') },
    manifest,
    read: (file) =>
      createReadStream(join(directory, (manifest.files[file] as { readonly path: string }).path), {
        highWaterMark: limits.fileChunkBytes,
      }) as AsyncIterable<Uint8Array>,
  };

  function hexFile(name: string): Uint8Array {
    return fromHex(readFileSync(join(directory, name), 'utf8').trim(), 64);
  }
}

export type Ask = (kind: number, payload: Uint8Array) => Promise<Uint8Array>;

/** Announces a release and sends its files, one piece at a time, so that answers of other requests pass between. */
export async function pushRelease(release: Release, ask: Ask): Promise<void> {
  await ask(linkKind.release, encodeRelease(release.signed));
  let complete = false;
  for (const [file, { size }] of release.manifest.files.entries()) {
    if (size === 0) complete = await send(file, new Uint8Array(0));
    else for await (const bytes of release.read(file)) complete = await send(file, bytes);
  }
  if (!complete) throw new LinkError('worker_protocol', 'the worker wants more than the release has');

  async function send(file: number, bytes: Uint8Array): Promise<boolean> {
    const reply = await ask(linkKind.file, encodeFilePiece({ modelId: release.modelId, file, bytes }));
    return reply[0] === 1;
  }
}
