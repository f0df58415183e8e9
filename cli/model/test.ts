import { type Client, ClientError, connect, type Proof } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeInferRequest, decodeInferResponse } from '../../wire/message/tensor.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { readPolicy } from '../commands/policy-file.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { heading, jsonLine, printable, rowLines } from '../report.ts';
import { durationText } from './amounts.ts';
import { type Comparison, compareAnswers, compareTensors, memberOf, type Tolerance } from './compare.ts';
import { hubOptions, onlyPositional, required, withHub } from './hub-options.ts';
import { isReleaseFolder, type Sample, type SampleSet, samplesOfFolder, samplesOfHub } from './sample-set.ts';

const options = {
  ...hubOptions,
  policy: { type: 'string' },
  host: { type: 'string' },
  tolerance: { type: 'string' },
} as const;

/** What became of one sample: an answer that was proven and compared, or none. */
type Tried =
  | { readonly sample: string; readonly proof: Proof; readonly comparison: Comparison; readonly ms: number }
  | { readonly sample: string; readonly failure: ClientError; readonly ms: number };

export async function modelTest(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const what = onlyPositional(parsed, 'a folder of a release, or a release on a hub');
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const tolerance = toleranceOf(parsed);
  const host = required(parsed, 'host');
  const set = (await isReleaseFolder(what))
    ? await samplesOfFolder(what, policy)
    : await withHub(context, parsed, policy.publishers, (hub) => samplesOfHub(hub, what));
  const client = connect(host, { policy });
  // The worker is proven before the first sample is timed.
  const worker = await client.worker();
  const json = parsed.values['json'] === true;
  if (!json) {
    const level = worker.level === 'simulated' ? 'simulated: nobody vouches for it' : 'attested';
    const { name, version } = set.manifest;
    context.write(heading(`${printable(name)} ${printable(version)}`, context.style));
    context.write(
      rowLines([
        ['model id', toHex(set.modelId)],
        ['worker', level],
        ['log', toHex(worker.log)],
      ]),
    );
  }
  const tried: Tried[] = [];
  for (const sample of set.samples) {
    const one = await trySample(client, set, sample, tolerance);
    tried.push(one);
    context.write(json ? jsonLine(JSON.stringify(triedJson(one))) : triedLine(one));
  }
  return exitCodeOf(tried);
}

function toleranceOf(parsed: Parsed): Tolerance {
  const text = textOption(parsed, 'tolerance');
  if (text === undefined || text === 'exact') return 'exact';
  const value = Number(text);
  if (!/^[0-9.e-]+$/i.test(text) || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`--tolerance ${text} is not "exact" or a number, as 1e-5`);
  }
  return value;
}

async function trySample(client: Client, set: SampleSet, sample: Sample, tolerance: Tolerance): Promise<Tried> {
  const ask = questionOf(client, set, sample, tolerance);
  const started = performance.now();
  try {
    const { proof, comparison } = await ask();
    return { sample: sample.name, proof, comparison, ms: performance.now() - started };
  } catch (error) {
    // Somebody was caught: nothing more is asked there.
    if (!(error instanceof ClientError) || error.action === 'stop-trusting') throw error;
    return { sample: sample.name, failure: error, ms: performance.now() - started };
  }
}

type Answered = { readonly proof: Proof; readonly comparison: Comparison };

/** Read before the clock starts: a sample that is none is the publisher's fault, and no answer. */
function questionOf(client: Client, set: SampleSet, sample: Sample, tolerance: Tolerance): () => Promise<Answered> {
  const { modelId, manifest } = set;
  try {
    if (manifest.kind === 'text-generation') {
      const call = objectOf(parseJson(sample.request, limits.languageBodyBytes));
      const expected = parseJson(sample.response, limits.languageBodyBytes);
      return async () => {
        const proof = await client.chat({ ...call, model: toHex(modelId) });
        return { proof, comparison: compareAnswers(expected, firstChoice(proof.completion)) };
      };
    }
    const body = (bytes: Uint8Array): { readonly body: Uint8Array; readonly jsonLength: number } => ({
      body: bytes,
      jsonLength: bytes.length,
    });
    const { inputs } = decodeInferRequest(body(sample.request), 'json');
    const { outputs } = decodeInferResponse(body(sample.response), 'json');
    const names = outputs.map(({ name }) => name);
    return async () => {
      const proof = await client.infer({ modelId, inputs, outputs: names, format: 'binary' });
      return { proof, comparison: compareTensors(outputs, proof.response.outputs, tolerance) };
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`the sample ${sample.name}: ${error.message}`);
  }
}

function objectOf(value: JsonValue): Readonly<Record<string, JsonValue>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, JsonValue>>;
  }
  throw new WireError('field_invalid', 'not an object', { field: 'request' });
}

function firstChoice(completion: JsonValue): JsonValue {
  const choices = memberOf(completion, 'choices');
  return Array.isArray(choices) ? ((choices as readonly JsonValue[])[0] ?? null) : null;
}

function triedLine(tried: Tried): string {
  const name = printable(tried.sample);
  const ms = durationText(tried.ms);
  if ('failure' in tried) return `  ✗ ${name}  no answer: ${printable(tried.failure.message)}  (${ms})\n`;
  const { comparison, proof } = tried;
  const { index, log } = proof.receipt;
  const receipt = `leaf ${index} of log ${toHex(log).slice(0, 16)}…`;
  return `  ${comparison.outcome === 'differs' ? '✗' : '✓'} ${name}  ${words(comparison)}  ${receipt}  ${ms}\n`;
}

function words(comparison: Comparison): string {
  if (comparison.outcome === 'differs') return `DIFFERS: ${printable(comparison.where).slice(0, 200)}`;
  return comparison.outcome === 'same'
    ? 'the same, bit for bit'
    : `within tolerance, ${comparison.farthest.toExponential(1)} off`;
}

function triedJson(tried: Tried): object {
  const { sample } = tried;
  const ms = Math.round(tried.ms * 10) / 10;
  if ('failure' in tried) {
    const { code, reason } = tried.failure;
    return { sample, verdict: 'failed', code, reason, ms };
  }
  const { comparison, proof } = tried;
  const { index, log, requestId } = proof.receipt;
  const receipt = { log: toHex(log), leaf: `${index}`, requestId: toHex(requestId) };
  const detail = comparison.outcome === 'differs' ? { where: comparison.where } : { farthest: comparison.farthest };
  return { sample, verdict: comparison.outcome, ...detail, receipt, ms };
}

/** Another answer than was promised is a verdict about the release; no answer is none. */
function exitCodeOf(tried: readonly Tried[]): number {
  if (tried.some((one) => 'comparison' in one && one.comparison.outcome === 'differs')) return exitCode.refused;
  return tried.some((one) => 'failure' in one) ? exitCode.failed : exitCode.accepted;
}
