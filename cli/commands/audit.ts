import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  type AuditReport,
  type Chain,
  type InputFacts,
  joinChains,
  judge,
  judgeHost,
  type Question,
  type Recognised,
  readChain,
  recognise,
  renderHtml,
  renderJson,
} from '../../client/audit/index.ts';
import { tooLarge } from '../../client/audit/input.ts';
import { rejected } from '../../client/audit/outcome.ts';
import { verdictLine } from '../../client/audit/words.ts';
import { fetchTransport } from '../../client/index.ts';
import type { Purpose } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { runBatch } from '../audit/batch.ts';
import { readLevelsAsked } from '../audit/levels.ts';
import { type BatchAudit, isUrl, readRequest, type SingleAudit } from '../audit/options.ts';
import { givenChoice, shippedChoice } from '../audit/policies.ts';
import { renderText } from '../audit/render-text.ts';
import { readSmallFile, readSource } from '../audit/source.ts';
import { CommandError, exitCode, exitCodeOf, UsageError } from '../exit-codes.ts';
import { jsonLine, printable } from '../report.ts';
import type { CommandContext } from './context.ts';

export const auditUsage = `proofmark audit FILE|-|URL [--policy FILE] [--tee auto|aws-nitro|amd-sev-snp] [--chain FILE...]
    [--at ISO-TIME] [--challenge HEX] [--purpose live|archive] [--json|--html FILE]
    [--levels-policy FILE] [--level LEVEL] [--proof FILE]... [--circuit-key FILE]... [--finding FILE]...
  Checks a saved answer (.proofmark), a raw attestation document or report (binary, hex or base64), or the worker behind
  a host, and lists every check. Offline unless given a URL. Without --policy the shipped default is asked, which
  accepts no image. Of a saved answer it tells which levels it has: a proof with its circuit key, and findings and approvals
  of auditors, add to what the hardware says; the levels policy names whom you believe. An answer that one of them disputes,
  or that lacks the --level asked for, is refused. Exit codes: 0 accepted, 10 malformed, 20 untrusted, 30 refused by policy, 40 undetermined, 2 usage.

proofmark audit --batch CASES.json [--root DIR] [--policy FILE] --json
  One line {id, verdict, code} for each case. Without --policy any image and age is accepted: for looking, not relying.`;

export async function audit(context: CommandContext): Promise<number> {
  const request = readRequest(context.args);
  return request.kind === 'batch' ? auditMany(context, request) : auditOne(context, request);
}

async function auditOne(context: CommandContext, request: SingleAudit): Promise<number> {
  const { target, tee, challenge, output } = request;
  const question: Question = {
    suite: nodeSuite,
    tee,
    chain: await readChains(request.chain),
    policies: (await givenChoice(request.policies)) ?? shippedChoice,
    levels: await readLevelsAsked(request.levels),
    purpose: purposeOf(request, context.now()),
    challenge,
    challengedAt: 'unknown',
    readAt: context.now(),
  };
  const report = isUrl(target) ? await auditHost(target, question) : await judge(await readTarget(request), question);
  switch (output.kind) {
    case 'json':
      context.write(renderJson(report));
      break;
    case 'html':
      await save(output.file, await renderHtml(report, nodeSuite));
      context.write(`${verdictLine(report)}\n`);
      break;
    case 'text':
      context.write(renderText(report, context.style));
      break;
  }
  return exitCodeOf(report.verdict);
}

async function auditMany(context: CommandContext, request: BatchAudit): Promise<number> {
  const folder = request.root ?? dirname(request.cases);
  const list = await readSmallFile(request.cases, limits.auditCasesBytes);
  const given = await givenChoice(request.policies);
  for await (const { id, verdict, code } of runBatch(list, { folder, given, warn: context.warn })) {
    context.write(
      request.output === 'json'
        ? jsonLine(JSON.stringify({ id, verdict, code }))
        : `${printable(id)}  ${verdict}${code === null ? '' : ` (${code})`}\n`,
    );
  }
  return exitCode.accepted;
}

function purposeOf({ purpose, at }: SingleAudit, now: number): Purpose {
  return purpose === 'archive' ? { kind: 'archive' } : { kind: 'live', now: at ?? now };
}

async function readTarget({ target, tee }: SingleAudit): Promise<Recognised> {
  const name = target === '-' ? 'standard input' : basename(target);
  const bytes = await readSource(target, limits.archiveBytes);
  return bytes === 'too-large'
    ? tooLarge(name, limits.archiveBytes)
    : recognise(bytes, { name, tee, suite: nodeSuite });
}

async function readChains(paths: readonly string[]): Promise<Chain> {
  if (paths.length > limits.auditChainFiles)
    throw new UsageError(`at most ${limits.auditChainFiles} files of certificates`);
  const chains: Chain[] = [];
  for (const path of paths) {
    const chain = readChain(await readSmallFile(path, limits.snpTableBytes));
    if (chain === undefined)
      throw new CommandError(`${path} holds no certificate in DER, and no PEM of certificates only`);
    chains.push(chain);
  }
  return joinChains(chains);
}

/** A fresh challenge unless the person has one: a host cannot have an answer to it in store. */
async function auditHost(url: string, question: Question): Promise<AuditReport> {
  const challenge = question.challenge === 'any' ? new Uint8Array(randomBytes(32)) : question.challenge;
  const path = `/v1/evidence?challenge=${toHex(challenge)}`;
  const bytes = await fetchTransport({ url, timeoutMs: 30_000 }).get(path, limits.evidenceBytes);
  const input: InputFacts = {
    name: url,
    kind: 'host-evidence',
    encoding: 'json',
    bytes: bytes.length,
    sha256: toHex(nodeSuite.sha256(bytes)),
  };
  try {
    // A challenge of the person's own may be an old one.
    const challengedAt =
      question.challenge === 'any' && question.purpose.kind === 'live' ? question.purpose.now : 'unknown';
    return await judgeHost(decodeEvidence(bytes), input, { ...question, challenge, challengedAt });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return rejected(input, { code: 'evidence_invalid', detail: error.message });
  }
}

async function save(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
