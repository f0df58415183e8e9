import { readFile, writeFile } from 'node:fs/promises';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { configurationFromJson, configurationToJson } from '../configuration/json.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const configurationUsage = `proofmark configuration encode FILE.json --out FILE.cbor
proofmark configuration show FILE.cbor
  Writes the one frame that tells a worker what it may do, and prints its SHA-256: what the worker attests, and what
  policies list under "configurations". The form of the text: attestations/schemas/proofmark-configuration.schema.json`;

export async function configuration(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { out: { type: 'string' } });
  const [action, path, ...rest] = parsed.positionals;
  const out = textOption(parsed, 'out');
  if (path === undefined || rest.length > 0) throw new UsageError('name one file; see proofmark --help');
  if (action === 'encode') {
    if (out === undefined) throw new UsageError('--out FILE.cbor is required');
    const encoded = await reading(path, configurationFromJson);
    await writeFile(out, encoded);
    context.write(`${toHex(sha256(encoded))}\n`);
    return exitCode.accepted;
  }
  if (action === 'show') {
    if (out !== undefined) throw new UsageError('--out is for encode');
    const { text, digest } = await reading(path, (bytes) => ({
      text: JSON.stringify(configurationToJson(bytes), null, 2),
      digest: toHex(sha256(bytes)),
    }));
    context.write(`${text}\n`);
    context.warn(`sha256 ${digest}\n`);
    return exitCode.accepted;
  }
  throw new UsageError(`configuration ${action ?? ''}: encode or show`);
}

async function reading<T>(path: string, read: (bytes: Uint8Array) => T): Promise<T> {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(await readFile(path));
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`${path}: ${error.message}`);
    throw error;
  }
}
