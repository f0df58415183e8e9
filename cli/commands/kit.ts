import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseWorkerPolicy, VerifierError } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { encodeConfiguration } from '../../wire/message/configuration.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { shippedPolicyPath } from '../audit/policies.ts';
import { readSmallFile } from '../audit/source.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine } from '../report.ts';
import { type DemoFiles, writeDemoFiles } from '../stack/demo-files.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

/**
 * What a first worker needs around it: a release key, a signed demo model, a configuration, and a policy that accepts
 * just them and the measured image. For trying things; what it writes is a start and no recommendation.
 */
const DAY_MS = 86_400_000;
const LIFETIME_DAYS = 30;

export async function kit(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    measurements: { type: 'string' },
    out: { type: 'string' },
    template: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [measurementsFile, out] = [textOption(parsed, 'measurements'), textOption(parsed, 'out')];
  if (parsed.positionals.length > 0) throw new UsageError('kit takes options only');
  if (measurementsFile === undefined || out === undefined) {
    throw new UsageError('--measurements FILE and --out DIR are required');
  }
  const measured = await readMeasured(measurementsFile);
  const template = await readObject(textOption(parsed, 'template') ?? shippedPolicyPath(measured.tee));
  if (template['tee'] !== measured.tee) throw new CommandError(`the template is not for ${measured.tee}`);
  try {
    await mkdir(out);
  } catch (error) {
    throw new CommandError(`cannot make ${out}: ${(error as Error).message}`);
  }
  const files = await writeDemoFiles(out);
  await rename(files.releaseDirectory, join(out, 'release'));
  const policy = { ...template, ...measured.rules, ...around(files, context.now()) };
  checkPolicy(policy);
  await writeFile(join(out, 'policy.json'), `${JSON.stringify(policy, null, 2)}\n`);
  const modelId = toHex(files.modelId);
  if (parsed.values['json'] === true) {
    const names = ['policy.json', 'configuration.cbor', 'release', 'publisher.pem'];
    context.write(jsonLine(JSON.stringify({ out, modelId, files: names })));
    return exitCode.accepted;
  }
  context.write(`${out}: policy.json, configuration.cbor, release/ (${modelId}), publisher.pem\n`);
  return exitCode.accepted;
}

interface Measured {
  readonly tee: TeeName;
  readonly rules: { readonly [rule: string]: JsonValue };
}

/** What `proofmark image build` and `proofmark image measure --snp --json` write; the policy's own reader judges the values. */
async function readMeasured(path: string): Promise<Measured> {
  const value = await readObject(path);
  const { tee, images, measurements } = value as { readonly [name: string]: JsonValue | undefined };
  if (tee === 'aws-nitro' && images !== undefined) return { tee, rules: { images } };
  if (tee === 'amd-sev-snp' && measurements !== undefined) return { tee, rules: { measurements } };
  if (tee === 'amd-sev-snp') {
    throw new CommandError(`${path} holds no launch digest: \`proofmark image measure --snp ... --json\` computes it`);
  }
  throw new CommandError(`${path} holds no measurements`);
}

async function readObject(path: string): Promise<{ readonly [name: string]: JsonValue }> {
  const bytes = await readSmallFile(path, limits.policyBytes);
  try {
    const value = parseJson(bytes, limits.policyBytes);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as { readonly [name: string]: JsonValue };
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${path}: ${error.message}`);
  }
  throw new CommandError(`${path} is no JSON object`);
}

function around(files: DemoFiles, now: number): { readonly [rule: string]: JsonValue } {
  const nobody = toHex(new Uint8Array(20));
  return {
    name: `kit of ${dirname(files.configurationFile)}`,
    expires: `${new Date(now + LIFETIME_DAYS * DAY_MS).toISOString().slice(0, 19)}Z`,
    configurations: [toHex(sha256(encodeConfiguration(files.configuration)))],
    operators: [nobody],
    chain: { chainId: '0', registry: nobody, settlement: nobody },
    publishers: [toHex(files.owner)],
    models: [toHex(files.modelId)],
  };
}

function checkPolicy(policy: JsonValue): void {
  try {
    parseWorkerPolicy(policy);
  } catch (error) {
    if (error instanceof VerifierError) throw new CommandError(`no policy can be made of it: ${error.message}`);
    throw error;
  }
}
