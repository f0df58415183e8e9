import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openRelease, type Release } from '../../host/releases.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { fileKey, sealChunk } from '../../wire/crypto/release-cipher.ts';
import {
  CHUNK_BYTES,
  chunkCount,
  ENCRYPTED_SUFFIX,
  ENVELOPE_FILE,
  encodeEncryptedRelease,
} from '../../wire/message/encrypted-release.ts';
import { CommandError } from '../exit-codes.ts';
import { bytesText } from '../model/amounts.ts';
import type { DataKey } from './data-key.ts';

/**
 * Writes a release's files encrypted into a new folder, beside its manifest and signature. Every file is held against the
 * manifest on the way: bytes that no worker would load are not worth a key. The folder appears whole or not at all.
 */
export async function encryptRelease(options: {
  readonly source: string;
  readonly out: string;
  readonly dataKey: (modelId: Uint8Array) => Promise<DataKey>;
  readonly onStep?: (what: string) => void;
}): Promise<Release> {
  const release = openRelease(options.source);
  if (release.encryption !== null) throw new CommandError(`${options.source} is encrypted already`);
  if (await exists(options.out)) throw new CommandError(`${options.out} exists`);
  const draft = `${options.out}.${process.pid}`;
  options.onStep?.('asks the key service for a data key');
  const { plaintext, ciphertextBlob, kmsKeyId } = await options.dataKey(release.modelId);
  try {
    await mkdir(draft, { recursive: true });
    for (const [file, { path, size }] of release.manifest.files.entries()) {
      options.onStep?.(`encrypts ${path}, ${bytesText(size)}`);
      await encryptFile(options.source, draft, release, file, plaintext);
    }
    const { manifest, owner, signature } = release.signed;
    await writeFile(join(draft, 'manifest.json'), manifest);
    await writeFile(join(draft, 'owner.hex'), `${toHex(owner)}\n`);
    await writeFile(join(draft, 'signature.hex'), `${toHex(signature)}\n`);
    const { modelId } = release;
    const envelope = { modelId, kmsKeyId, ciphertextBlob, chunkBytes: CHUNK_BYTES } as const;
    const schema = 'proofmark encrypted release v1';
    await writeFile(join(draft, ENVELOPE_FILE), encodeEncryptedRelease({ schema, ...envelope }));
    await rename(draft, options.out);
  } finally {
    plaintext.fill(0);
    await rm(draft, { recursive: true, force: true });
  }
  return openRelease(options.out);
}

async function encryptFile(
  source: string,
  draft: string,
  { modelId, manifest }: Release,
  file: number,
  dataKey: Uint8Array,
): Promise<void> {
  const { path, size, sha256 } = manifest.files[file] as (typeof manifest.files)[number];
  const target = join(draft, path + ENCRYPTED_SUFFIX);
  await mkdir(dirname(target), { recursive: true });
  const from = await open(join(source, path), 'r');
  const to = await open(target, 'wx');
  const key = fileKey(dataKey, modelId, file);
  const hash = createHash('sha256');
  try {
    const last = chunkCount(size) - 1;
    for (let chunk = 0; chunk <= last; chunk++) {
      const final = chunk === last;
      const plaintext = await readExactly(from, final ? size - last * CHUNK_BYTES : CHUNK_BYTES, path);
      hash.update(plaintext);
      await to.writeFile(sealChunk(key, { modelId, file, chunk, final }, plaintext));
    }
    const { bytesRead } = await from.read(new Uint8Array(1), 0, 1);
    if (bytesRead > 0) throw new CommandError(`${path} is longer than its manifest says`);
    if (!equalBytes(new Uint8Array(hash.digest()), sha256)) {
      throw new CommandError(`${path} has another digest than its manifest says`);
    }
  } finally {
    key.fill(0);
    await from.close();
    await to.close();
  }
}

async function readExactly(file: FileHandle, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at);
    if (bytesRead === 0) throw new CommandError(`${path} is shorter than its manifest says`);
    at += bytesRead;
  }
  return bytes;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
