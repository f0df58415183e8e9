import { readFile } from 'node:fs/promises';
import { toHex } from '../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { CommandError, exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { generateDataKey } from '../kms/data-key.ts';
import { encryptRelease } from '../kms/encrypt-release.ts';
import { readPolicyDocument } from '../kms/policy-document.ts';
import { type LintFinding, lintKeyPolicy } from '../kms/policy-lint.ts';
import { createSteps } from '../progress/steps.ts';
import { jsonLine } from '../report.ts';
import { type Parsed, parseArguments, portOption, textOption, withoutJson } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const kmsUsage = `proofmark kms lint POLICY.json [--json] [--strict]
  Says what in a key policy makes its attestation condition moot. Exits 30 for an error, with --strict for a warning.
proofmark kms encrypt RELEASE-DIR --key-id KEY --out DIR [--region REGION] [--endpoint URL] [--json]
  Encrypts a release under a data key that KMS wraps, for workers whose image the key's policy names.
proofmark kms stand-in --state DIR --root FILE.der --callers FILE.json [--port PORT] [--debug allow]
  Serves an imitation of AWS KMS on loopback, which verifies attestation documents and enforces key policies.`;

export async function kms(context: CommandContext): Promise<number> {
  const [action, ...args] = context.args;
  if (action === 'lint') return lint({ ...context, args });
  if (action === 'encrypt') return encrypt({ ...context, args });
  if (action === 'stand-in') return serve({ ...context, args });
  throw new UsageError(`kms ${action ?? ''}: lint, encrypt or stand-in`);
}

async function lint(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { json: { type: 'boolean' }, strict: { type: 'boolean' } });
  const path = onlyPositional(parsed, 'a policy');
  const json = await readPolicyFile(path);
  let findings: readonly LintFinding[];
  try {
    findings = lintKeyPolicy(readPolicyDocument(json));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new JudgedError(error.code, `${path}: ${error.message}`, { exit: exitCode.malformed, cause: error });
  }
  if (parsed.values['json'] === true) context.write(`${JSON.stringify(findings, null, 2)}\n`);
  else
    for (const { severity, code, where, message } of findings) {
      context.write(`${severity.padEnd(8)}${code.padEnd(23)}${where}: ${message}\n`);
    }
  const wrong = findings.some(
    ({ severity }) => severity === 'error' || (severity === 'warning' && parsed.values['strict'] === true),
  );
  return wrong ? exitCode.refused : exitCode.accepted;
}

/** A policy by itself, or what `aws kms get-key-policy` prints: the policy as text in a field. */
async function readPolicyFile(path: string): Promise<JsonValue> {
  try {
    const json = parseJson(Uint8Array.from(await readFile(path)), 2 * limits.kmsPolicyBytes);
    const inner = policyText(json);
    return typeof inner === 'string' ? parseJson(new TextEncoder().encode(inner), limits.kmsPolicyBytes) : json;
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function policyText(json: JsonValue): JsonValue | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return (json as Readonly<Record<string, JsonValue>>)['Policy'];
}

async function encrypt(context: CommandContext): Promise<number> {
  const option = { type: 'string' } as const;
  const parsed = parseArguments(context.args, {
    ...{ 'key-id': option, out: option, region: option, endpoint: option },
    json: { type: 'boolean' },
  });
  const source = onlyPositional(parsed, 'a release');
  const [keyId, out] = [required(parsed, 'key-id'), required(parsed, 'out')];
  const place = { keyId, region: textOption(parsed, 'region'), endpoint: textOption(parsed, 'endpoint') };
  const steps = createSteps(context);
  const { modelId, manifest } = await encryptRelease({
    source,
    out,
    dataKey: (model) => generateDataKey(model, place),
    onStep: steps.begin,
  }).finally(steps.end);
  if (parsed.values['json'] === true) {
    const { name, version, files } = manifest;
    context.write(jsonLine(JSON.stringify({ modelId: toHex(modelId), name, version, files: files.length, out })));
    return exitCode.accepted;
  }
  context.write(`${toHex(modelId)}\n`);
  context.warn(`${manifest.files.length} files of ${manifest.name} ${manifest.version} in ${out}\n`);
  return exitCode.accepted;
}

async function serve(context: CommandContext): Promise<number> {
  const option = { type: 'string' } as const;
  const parsed = parseArguments(withoutJson(context.args), {
    state: option,
    root: option,
    callers: option,
    port: option,
    debug: option,
  });
  if (parsed.positionals.length > 0) throw new UsageError('kms stand-in takes options only');
  const debug = textOption(parsed, 'debug') ?? 'refuse';
  if (debug !== 'refuse' && debug !== 'allow') throw new UsageError('--debug is refuse or allow');
  const [state, root, callers] = [required(parsed, 'state'), required(parsed, 'root'), required(parsed, 'callers')];
  // It builds envelopes with an optional package, which the other two commands do without.
  const { standIn } = await import('../kms/stand-in.ts');
  await standIn(context, { state, root, callers, port: portOption(parsed, 0), debug });
  return exitCode.accepted;
}

function onlyPositional(parsed: Parsed, what: string): string {
  const [path, ...more] = parsed.positionals;
  if (path === undefined || more.length > 0) throw new UsageError(`name ${what}; see proofmark --help`);
  return path;
}

function required(parsed: Parsed, name: string): string {
  const value = textOption(parsed, name);
  if (value === undefined) throw new UsageError(`--${name} is required`);
  return value;
}
