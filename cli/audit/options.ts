import { type ParseArgsConfig, parseArgs } from 'node:util';
import { parseUtc } from '../../client/audit/utc.ts';
import { type Level, levelNames } from '../../client/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { UsageError } from '../exit-codes.ts';

/** What the command line asks for. */
export type AuditRequest = SingleAudit | BatchAudit;

export interface SingleAudit {
  readonly kind: 'single';
  readonly target: string;
  readonly tee: TeeName | 'auto';
  readonly chain: readonly string[];
  readonly policies: readonly string[];
  readonly levels: LevelsWish;
  readonly purpose: 'live' | 'archive';
  /** Milliseconds since 1970; null is now. */
  readonly at: number | null;
  readonly challenge: Uint8Array | 'any';
  readonly output: Output;
}

/** Files that speak for or against levels of a saved answer. */
export interface LevelsWish {
  readonly policy: string | undefined;
  readonly required: Level | 'any';
  readonly files: readonly string[];
}

export interface BatchAudit {
  readonly kind: 'batch';
  readonly cases: string;
  /** Where the cases' files are; null is the folder of the list. */
  readonly root: string | null;
  readonly policies: readonly string[];
  readonly output: 'text' | 'json';
}

export type Output =
  | { readonly kind: 'text' }
  | { readonly kind: 'json' }
  | { readonly kind: 'html'; readonly file: string };

const options = {
  tee: { type: 'string' },
  chain: { type: 'string', multiple: true },
  policy: { type: 'string', multiple: true },
  purpose: { type: 'string' },
  at: { type: 'string' },
  challenge: { type: 'string' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  batch: { type: 'string' },
  root: { type: 'string' },
  'levels-policy': { type: 'string' },
  level: { type: 'string' },
  proof: { type: 'string', multiple: true },
  'circuit-key': { type: 'string', multiple: true },
  finding: { type: 'string', multiple: true },
} as const satisfies ParseArgsConfig['options'];

const levelOptions = ['levels-policy', 'level', 'proof', 'circuit-key', 'finding'] as const;

export function readRequest(args: readonly string[]): AuditRequest {
  const { values, chain, targets } = parsed(args);
  const policies = values.policy ?? [];
  if (values.batch !== undefined) {
    const foreign = (['tee', 'purpose', 'at', 'challenge', 'html', ...levelOptions] as const).find(
      (name) => values[name] !== undefined,
    );
    if (foreign !== undefined)
      throw new UsageError(`--${foreign} is for one piece of evidence; --batch takes it from the cases`);
    if (targets.length + chain.length > 0) throw new UsageError('--batch takes no other files');
    return {
      kind: 'batch',
      cases: values.batch,
      root: values.root ?? null,
      policies,
      output: values.json === true ? 'json' : 'text',
    };
  }
  if (values.root !== undefined) throw new UsageError('--root belongs to --batch');
  const [target, ...rest] = targets;
  if (target === undefined) throw new UsageError('name one file, - or URL, before --chain');
  if (rest.length > 0) throw new UsageError('name one file, - or URL');
  const request: SingleAudit = {
    kind: 'single',
    target,
    tee: readTee(values.tee),
    chain,
    policies,
    levels: {
      policy: values['levels-policy'],
      required: readLevel(values.level),
      files: [...(values.proof ?? []), ...(values['circuit-key'] ?? []), ...(values.finding ?? [])],
    },
    purpose: readPurpose(values.purpose),
    at: values.at === undefined ? null : readTime(values.at, '--at'),
    challenge: values.challenge === undefined ? 'any' : readChallenge(values.challenge),
    output: readOutput(values.json === true, values.html),
  };
  checkTogether(request);
  return request;
}

interface ParsedLine {
  readonly values: {
    readonly [Name in keyof typeof options]?: (typeof options)[Name] extends { readonly multiple: true }
      ? readonly string[]
      : (typeof options)[Name]['type'] extends 'boolean'
        ? boolean
        : string;
  };
  readonly chain: readonly string[];
  readonly targets: readonly string[];
}

/** Names that follow `--chain FILE` directly belong to it too, so that a shell's `*.pem` works. */
function parsed(args: readonly string[]): ParsedLine {
  try {
    const { values, tokens } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
      tokens: true,
    });
    const chain: string[] = [];
    const targets: string[] = [];
    let list = targets;
    for (const token of tokens) {
      if (token.kind === 'positional') list.push(token.value);
      else list = token.kind === 'option' && token.name === 'chain' ? chain : targets;
      if (token.kind === 'option' && token.name === 'chain' && token.value !== undefined) chain.push(token.value);
    }
    return { values, chain, targets };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function readTime(text: string, name: string): number {
  const time = parseUtc(text);
  if (time === undefined) throw new UsageError(`${name} ${text} is not a UTC time like 2026-01-31T12:00:00Z`);
  return time;
}

function readTee(text: string | undefined): SingleAudit['tee'] {
  if (text === undefined || text === 'auto') return 'auto';
  if (text === 'aws-nitro' || text === 'amd-sev-snp') return text;
  throw new UsageError('--tee is auto, aws-nitro or amd-sev-snp');
}

function readLevel(text: string | undefined): LevelsWish['required'] {
  if (text === undefined) return 'any';
  const level = levelNames.find((name) => name === text);
  if (level === undefined) throw new UsageError(`--level is one of ${levelNames.join(', ')}`);
  return level;
}

function readPurpose(text: string | undefined): SingleAudit['purpose'] {
  if (text === undefined || text === 'live') return 'live';
  if (text === 'archive') return text;
  throw new UsageError('--purpose is live or archive');
}

function readChallenge(text: string): Uint8Array {
  try {
    return fromHex(text, 32);
  } catch {
    throw new UsageError('--challenge is 64 lower-case hex digits');
  }
}

function readOutput(json: boolean, html: string | undefined): Output {
  if (json && html !== undefined) throw new UsageError('--json or --html, not both');
  if (html !== undefined) return { kind: 'html', file: html };
  return json ? { kind: 'json' } : { kind: 'text' };
}

function checkTogether({ target, purpose, at, chain, levels }: SingleAudit): void {
  if (purpose === 'archive' && at !== null) {
    throw new UsageError('--at belongs to --purpose live: an archive is judged at its own time');
  }
  if (!isUrl(target)) return;
  if (levels.files.length > 0 || levels.policy !== undefined || levels.required !== 'any') {
    throw new UsageError('a host has no levels: an answer has, in its .proofmark file');
  }
  if (purpose === 'archive') throw new UsageError('a host is audited live');
  if (chain.length > 0) throw new UsageError('a host serves its certificates itself: --chain is for files');
}

export function isUrl(target: string): boolean {
  return /^https?:\/\//.test(target);
}
