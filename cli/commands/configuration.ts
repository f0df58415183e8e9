import { readFile, writeFile } from 'node:fs/promises';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { configurationFromJson, configurationToJson } from '../configuration/json.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine } from '../report.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const configurationUsage = `proofmark configuration encode FILE.json --out FILE.cbor [--json]
proofmark configuration show FILE.cbor [--json]
  Writes the one frame that tells a worker what it may do, and prints its SHA-256: what the worker attests, and what
  policies list under "configurations". The form of the text: attestations/schemas/proofmark-configuration.schema.json`;

export async function configuration(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { out: { type: 'string' }, json: { type: 'boolean' } });
  const [action, path, ...rest] = parsed.positionals;
  const out = textOption(parsed, 'out');
  const isJson = parsed.values['json'] === true;
  if (path === undefined || rest.length > 0) throw new UsageError('name one file; see proofmark --help');
  if (action === 'encode') {
    if (out === undefined) throw new UsageError('--out FILE.cbor is required');
    const encoded = await reading(path, configurationFromJson);
    await writeFile(out, encoded);
    const digest = toHex(sha256(encoded));
    context.write(isJson ? jsonLine(JSON.stringify({ out, sha256: digest })) : `${digest}\n`);
    return exitCode.accepted;
  }
  if (action === 'show') {
    if (out !== undefined) throw new UsageError('--out is for encode');
    const { shown, digest } = await reading(path, (bytes) => ({
      shown: configurationToJson(bytes),
      digest: toHex(sha256(bytes)),
    }));
    if (isJson) {
      context.write(jsonLine(JSON.stringify({ sha256: digest, configuration: shown })));
      return exitCode.accepted;
    }
    context.write(`${JSON.stringify(shown, null, 2)}\n`);
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
