import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  connectHub,
  fileMemory,
  type Hub,
  type HubError,
  type HubErrorCode,
  type Publishers,
} from '../../client/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { type CommandContext, defaultStateDirectory } from '../commands/context.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { createProgress, type ProgressView, silent } from '../progress/files.ts';
import { printable } from '../report.ts';

/** What every command that asks a hub takes. */
export const hubOptions = {
  hub: { type: 'string' },
  'token-file': { type: 'string' },
  memory: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const publisherOption = { publisher: { type: 'string', multiple: true } } as const;

const TOKEN_BYTES = 512;

/** A hub as the command line names it, with lines about what is going on. */
export async function withHub<T>(
  context: CommandContext,
  parsed: Parsed,
  publishers: Publishers,
  work: (hub: Hub, progress: ProgressView) => Promise<T>,
): Promise<T> {
  const url = required(parsed, 'hub');
  const { warn: write, now, terminal } = context;
  const progress = context.progress === 'none' ? silent : createProgress({ write, now, terminal });
  const memory = textOption(parsed, 'memory') ?? join(defaultStateDirectory(), 'hub-memory.json');
  const hub = connectHub({
    url,
    token: await readToken(textOption(parsed, 'token-file')),
    publishers,
    memory: memory === 'none' ? 'none' : fileMemory(memory),
    onProgress: progress.listen,
  });
  try {
    return await work(hub, progress);
  } finally {
    progress.end();
  }
}

/** Where a hub speaks for somebody, its codes are verdicts: a script need not read text. */
const untrusted: ReadonlySet<HubErrorCode> = new Set([
  'release_untrusted',
  'version_mismatch',
  'owner_changed',
  'status_untrusted',
  'status_replayed',
  'status_equivocation',
  'contents_mismatch',
  'file_mismatch',
  'file_too_long',
]);

const refused: ReadonlySet<HubErrorCode> = new Set(['publisher_refused', 'release_yanked']);

export function exitCodeOfHubError({ code }: HubError): number {
  if (untrusted.has(code)) return exitCode.untrusted;
  if (refused.has(code)) return exitCode.refused;
  if (code === 'answer_invalid') return exitCode.malformed;
  return code === 'argument_invalid' ? exitCode.usage : exitCode.failed;
}

/** One or more keys in hex, or the word `any`; nothing is not accepted silently. */
export function publishersOf(parsed: Parsed): Publishers {
  const given = parsed.lists['publisher'] ?? [];
  if (given.length === 0) {
    throw new UsageError('--publisher HEX is required: it says whose releases you accept; "any" accepts everybody');
  }
  if (given.includes('any')) {
    if (given.length > 1) throw new UsageError('--publisher any stands alone');
    return 'any';
  }
  return given.map((text) => {
    try {
      return fromHex(text, 64);
    } catch {
      throw new UsageError(`--publisher ${printable(text)} is not 128 lower-case hex digits`);
    }
  });
}

async function readToken(path: string | undefined): Promise<string | 'none'> {
  if (path === undefined) return 'none';
  const text = (await readText(path, TOKEN_BYTES)).trim();
  if (!/^[\x21-\x7e]+$/.test(text)) throw new CommandError(`${path} is no token: one line of printable ASCII`);
  return text;
}

export async function readText(path: string, maxBytes: number): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, maxBytes));
}

export async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  let size: number;
  let bytes: Uint8Array;
  try {
    size = (await stat(path)).size;
    bytes = size > maxBytes ? new Uint8Array(0) : Uint8Array.from(await readFile(path));
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
  if (size > maxBytes || bytes.length > maxBytes) throw new CommandError(`${path} has more than ${maxBytes} bytes`);
  return bytes;
}

export function required(parsed: Parsed, name: string): string {
  const value = textOption(parsed, name);
  if (value === undefined) throw new UsageError(`--${name} is required`);
  return value;
}

export function onlyPositional(parsed: Parsed, what: string): string {
  const [given, ...more] = parsed.positionals;
  if (given === undefined || more.length > 0) throw new UsageError(`name ${what}`);
  return given;
}
