import { join } from 'node:path';
import { ClientError } from '../../client/errors.ts';
import { clientSuite, nodeTransport } from '../../client/index.ts';
import type { Asker } from '../../client/receipts/prove-worker.ts';
import { fromHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import {
  type CommitRecord,
  decodeFindingOrCommit,
  encodeFindingRecord,
  type FindingRecord,
} from '../../wire/message/finding-record.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { readPolicy } from '../commands/policy-file.ts';
import { exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { readBytes, required } from '../model/hub-options.ts';
import { createApprover } from './approve.ts';
import { type Audit, auditLog } from './audit.ts';
import { compareFindings } from './compare.ts';
import { createAuditorKey, readAuditorKey } from './key.ts';
import { auditorAt } from './named.ts';
import { openReleaseSource, type ReleaseSource } from './release-source.ts';
import { auditJson, auditText, comparisonJson, comparisonText, keyJson, keyText, leafLine } from './render.ts';
import { serveAuditor } from './server.ts';
import { openFindingStore } from './store.ts';

const json = { type: 'boolean' } as const;
const text = { type: 'string' } as const;
const many = { type: 'string', multiple: true } as const;

const LINKS = 65_536;

export async function auditorKey(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { out: text, links: text, json });
  refusePositionals(parsed);
  const links = countOption(parsed, 'links', LINKS, { min: 1, max: limits.auditorLinks });
  const key = await createAuditorKey(required(parsed, 'out'), links);
  context.write(parsed.values['json'] === true ? keyJson(key) : keyText(key));
  return exitCode.accepted;
}

const releaseOptions = { release: many, hub: text, 'token-file': text, memory: text } as const;

function releasesOf(context: CommandContext, parsed: Parsed): ReleaseSource {
  const directories = parsed.lists['release'] ?? [];
  const hub = textOption(parsed, 'hub');
  if (directories.length === 0 && hub === undefined) throw new UsageError('--release DIR or --hub URL, or both');
  const pullOptions = ['token-file', 'memory'].flatMap((name) => {
    const value = textOption(parsed, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  return openReleaseSource(context, { directories, hub, pullOptions });
}

const DEADLINE_SECONDS = 120;

export async function auditorServe(context: CommandContext): Promise<number> {
  const options = { ...releaseOptions, key: text, listen: text, state: text, policy: text, deadline: text } as const;
  const parsed = parseArguments(context.args, { ...options, json });
  refusePositionals(parsed);
  const listen = addressOf(required(parsed, 'listen'));
  const state = required(parsed, 'state');
  const deadlineMs = 1_000 * countOption(parsed, 'deadline', DEADLINE_SECONDS, { min: 1, max: 3_600 });
  const key = await readAuditorKey(required(parsed, 'key'));
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const releases = releasesOf(context, parsed);
  const directory = join(state, 'approvals');
  const server = await serveAuditor({
    ...{ key, listen, deadlineMs },
    approver: createApprover({ key, policy, releases, directory, now: context.now, deadlineMs }),
    store: openFindingStore(state),
    onAnswered: (what, code) => context.warn(`${JSON.stringify({ event: 'answered', what, code })}\n`),
  });
  context.write(`${JSON.stringify({ ready: true, url: server.url })}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await server.close();
  await releases.close();
  return exitCode.accepted;
}

const SAMPLES = 16;
const WAIT_SECONDS = 60;
const TIMEOUT_MS = 60_000;

export async function auditorAudit(context: CommandContext): Promise<number> {
  const options = { key: text, host: text, state: text, policy: text, log: text, sample: text, wait: text } as const;
  const parsed = parseArguments(context.args, { ...releaseOptions, ...options, index: many, peer: many, json });
  refusePositionals(parsed);
  const url = required(parsed, 'host');
  const host = nodeTransport({ url, timeoutMs: TIMEOUT_MS });
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const asker: Asker = { host, policy, suite: clientSuite, now: context.now };
  const log = textOption(parsed, 'log');
  const releases = releasesOf(context, parsed);
  const isQuiet = parsed.values['json'] === true;
  try {
    const audit = await auditLog({
      ...{ asker, releases, hostName: new URL(url).host },
      key: await readAuditorKey(required(parsed, 'key')),
      log: log === undefined ? undefined : hexOption('--log', log, 32),
      look: lookOf(parsed),
      store: openFindingStore(required(parsed, 'state')),
      peers: (parsed.lists['peer'] ?? []).map((word) => auditorAt(word, '--peer', TIMEOUT_MS)),
      waitMs: 1_000 * countOption(parsed, 'wait', WAIT_SECONDS, { min: 0, max: 86_400 }),
      onSample: (leaf) => {
        if (!isQuiet) context.write(leafLine(leaf, context.style));
      },
    });
    const told = await tell(host, audit.findings);
    context.write(isQuiet ? auditJson({ audit, told }) : auditText({ audit, told }, context.style));
    return exitOf(audit);
  } finally {
    await releases.close();
  }
}

function exitOf({ leaves }: Audit): number {
  if (leaves.some(({ verdict }) => verdict === 'other')) return exitCode.untrusted;
  return leaves.some(({ verdict }) => verdict === 'missing') ? exitCode.undetermined : exitCode.accepted;
}

/** A host that does not name this auditor takes nothing from it: what was found is published all the same. */
async function tell(host: Asker['host'], findings: readonly FindingRecord[]): Promise<string> {
  try {
    for (const finding of findings) await host.post('/v1/findings', encodeFindingRecord(finding), limits.findingBytes);
    return findings.length === 0 ? 'nothing to tell' : 'told';
  } catch (error) {
    if (error instanceof ClientError) return `not told: ${error.reason}`;
    throw error;
  }
}

function lookOf(parsed: Parsed): { readonly samples: number } | { readonly indexes: readonly number[] } {
  const named = parsed.lists['index'] ?? [];
  if (named.length === 0)
    return { samples: countOption(parsed, 'sample', SAMPLES, { min: 1, max: limits.auditSamples }) };
  if (textOption(parsed, 'sample') !== undefined) throw new UsageError('--sample or --index, not both');
  if (named.length > limits.auditSamples) throw new UsageError(`at most ${limits.auditSamples} of --index`);
  return {
    indexes: [...new Set(named)].map((word) => {
      if (!/^(0|[1-9][0-9]{0,14})$/.test(word)) throw new UsageError(`--index ${word} is not the place of a leaf`);
      return Number(word);
    }),
  };
}

export async function auditorCompare(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { json });
  if (parsed.positionals.length === 0) throw new UsageError('name files of findings');
  const documents: (FindingRecord | CommitRecord)[] = [];
  for (const path of parsed.positionals) documents.push(readDocument(path, await readBytes(path, limits.findingBytes)));
  const comparison = await compareFindings(documents);
  const isJson = parsed.values['json'] === true;
  context.write(isJson ? comparisonJson(comparison) : comparisonText(comparison, context.style));
  const { exposed, refused, leaves } = comparison;
  const isClean = exposed.length === 0 && refused.length === 0;
  return isClean && leaves.every(({ wrong, standing }) => !wrong && standing !== 'disputed')
    ? exitCode.accepted
    : exitCode.untrusted;
}

function readDocument(path: string, bytes: Uint8Array): FindingRecord | CommitRecord {
  try {
    return decodeFindingOrCommit(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new JudgedError('finding_malformed', `${path}: ${error.message}`, { exit: exitCode.malformed });
  }
}

function refusePositionals({ positionals }: Parsed): void {
  if (positionals.length > 0) throw new UsageError(`${positionals[0]} is no option`);
}

function countOption(
  parsed: Parsed,
  name: string,
  standard: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const given = textOption(parsed, name);
  if (given === undefined) return standard;
  const value = Number(given);
  if (!/^(0|[1-9][0-9]{0,8})$/.test(given) || value < min || value > max) {
    throw new UsageError(`--${name} ${given} is not a whole number from ${min} to ${max}`);
  }
  return value;
}

function hexOption(what: string, given: string, bytes: number): Uint8Array {
  try {
    return fromHex(given, bytes);
  } catch {
    throw new UsageError(`${what} is ${2 * bytes} lower-case hex digits`);
  }
}

function addressOf(given: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9A-Za-z.-]+)):([0-9]{1,5})$/.exec(given);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) throw new UsageError(`--listen ${given} is not HOST:PORT`);
  return { host, port };
}
