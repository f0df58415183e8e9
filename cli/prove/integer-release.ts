import { join } from 'node:path';
import type { Program } from '../../contracts/integer/program.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeManifest, type Manifest } from '../../wire/message/manifest.ts';
import { CommandError } from '../exit-codes.ts';
import { DraftError } from '../model/draft-error.ts';
import { findPlainFile, readPlainFile } from '../model/plain-file.ts';
import { readProgram } from './read-program.ts';

/** A release whose model is integers from input to output. */
export interface IntegerRelease {
  readonly manifest: Manifest;
  /** 64 digits. */
  readonly modelId: string;
  readonly program: Program;
}

/**
 * A release in a folder: its id is the hash of the manifest, and the model has the digest that the manifest names. Whose it
 * is, and whether that one signed it, is what the id stands for to whoever asks for it.
 */
export async function openIntegerRelease(directory: string): Promise<IntegerRelease> {
  const encoded = await readIn(directory, 'manifest.json', limits.manifestBytes);
  const manifest = manifestOf(encoded, directory);
  const { entry, files, name, version } = manifest;
  const listed = files.find(({ path }) => path === entry);
  const onnx = await readIn(directory, entry, limits.modelFileBytes);
  if (listed === undefined || !equalBytes(sha256(onnx), listed.sha256)) {
    throw new CommandError(`${join(directory, entry)} is not the file that ${name} ${version} has`);
  }
  if (manifest.kind !== 'tensor') throw new CommandError(`${name} is a language model, and no integer program`);
  return { manifest, modelId: toHex(sha256(encoded)), program: readProgram(onnx) };
}

async function readIn(directory: string, path: string, most: number): Promise<Uint8Array> {
  try {
    return await readPlainFile(directory, await findPlainFile(directory, path, most));
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    const advice = path === 'manifest.json' ? '; a draft becomes a release by `proofmark model publish`' : '';
    throw new CommandError(`${directory}: ${error.message}${advice}`, { cause: error });
  }
}

function manifestOf(encoded: Uint8Array, directory: string): Manifest {
  try {
    return decodeManifest(encoded);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${directory}/manifest.json: ${error.message}`, { cause: error });
  }
}
