import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fetchTransport } from '../../client/index.ts';
import {
  type ArchiveVerdict,
  type NitroPolicy,
  type Purpose,
  parseUnverifiedArchive,
  type Verdict,
  type Verified,
  VerifierError,
  verifyArchive,
  verifyWorker,
  type WorkerFacts,
} from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { CommandError, exitCodeOf, UsageError } from '../exit-codes.ts';
import { chainLines, checkLines, heading, notProvenLines, outcomeCounts, workerLines } from '../report.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { readPolicy } from './policy-file.ts';

const options = {
  policy: { type: 'string' },
  purpose: { type: 'string' },
  at: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const auditUsage = `proofmark audit FILE.proofmark|URL --policy FILE [--purpose live|archive] [--at ISO-TIME] [--json]
  Checks a saved answer offline, or the worker behind a host, and lists every check. Exit codes: 0 accepted,
  10 malformed, 20 untrusted, 30 refused by policy, 40 undetermined, 2 usage.`;

type Subject = ArchiveVerdict | Verdict<Verified<WorkerFacts>>;

export async function audit(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const [target, ...rest] = parsed.positionals;
  if (target === undefined || rest.length > 0) throw new UsageError('name one file or URL');
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const purpose = readPurpose(context, textOption(parsed, 'purpose'), textOption(parsed, 'at'));
  const verdict = /^https?:\/\//.test(target)
    ? await auditHost(target, policy, purpose)
    : await auditFile(target, policy, purpose);
  if (parsed.values['json'] === true) context.write(`${toJson(verdict)}\n`);
  else printVerdict(context, verdict);
  return exitCodeOf(verdict.verdict);
}

function readPurpose(context: CommandContext, kind: string | undefined, at: string | undefined): Purpose {
  if (kind !== undefined && kind !== 'live' && kind !== 'archive') throw new UsageError('--purpose is live or archive');
  if (kind === 'archive') {
    if (at !== undefined) throw new UsageError('--at belongs to --purpose live: an archive is judged at its own time');
    return { kind: 'archive' };
  }
  if (at === undefined) return { kind: 'live', now: context.now() };
  const now = Date.parse(at);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(at) || Number.isNaN(now)) {
    throw new UsageError(`--at ${at} is not a UTC time like 2026-01-31T12:00:00Z`);
  }
  return { kind: 'live', now };
}

async function auditHost(url: string, policy: NitroPolicy, purpose: Purpose): Promise<Subject> {
  if (purpose.kind !== 'live') throw new UsageError('a host is audited live');
  const challenge = new Uint8Array(randomBytes(32));
  const path = `/v1/evidence?challenge=${toHex(challenge)}`;
  const bytes = await fetchTransport({ url, timeoutMs: 30_000 }).get(path, limits.evidenceBytes);
  try {
    return await verifyWorker(decodeEvidence(bytes), { policy, now: purpose.now, challenge, suite: nodeSuite, cache: 'none' });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return malformed(error.message);
  }
}

async function auditFile(path: string, policy: NitroPolicy, purpose: Purpose): Promise<Subject> {
  const bytes = await readBounded(path, limits.archiveBytes);
  try {
    return await verifyArchive(parseUnverifiedArchive(bytes), { policy, purpose, suite: nodeSuite, cache: 'none' });
  } catch (error) {
    if (!(error instanceof VerifierError) || error.code !== 'archive_invalid') throw error;
    return malformed(error.message);
  }
}

function malformed(detail: string): Subject {
  const check = { id: 'F0', title: 'the file is a .proofmark archive', outcome: 'failed', detail } as const;
  return { verdict: 'malformed', code: 'archive_invalid', checks: [check], notProven: [] };
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new CommandError(`${path} has ${size} bytes; an archive has at most ${maxBytes}`);
      return Uint8Array.from(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function printVerdict({ style, write }: CommandContext, verdict: Subject): void {
  if (verdict.verdict === 'accepted') {
    const worker: Verified<WorkerFacts> = 'worker' in verdict.proven ? verdict.proven.worker : verdict.proven;
    write(heading('Worker', style) + workerLines(worker, style));
    write(heading('Evidence chain', style) + chainLines(worker));
  }
  write(heading('Checks', style) + checkLines(verdict.checks, style));
  write(`  ${outcomeCounts(verdict.checks)}\n`);
  if (verdict.notProven.length > 0) write(heading('Not proven', style) + notProvenLines(verdict.notProven, style));
  const code = verdict.verdict === 'accepted' ? '' : ` (${verdict.code})`;
  write(`${heading('Verdict', style)}  ${verdict.verdict}${code}\n`);
}

function toJson(verdict: Subject): string {
  const code = verdict.verdict === 'accepted' ? null : verdict.code;
  const { checks, notProven } = verdict;
  return JSON.stringify({ verdict: verdict.verdict, code, checks, notProven });
}
