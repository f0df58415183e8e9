import { readFile, writeFile } from 'node:fs/promises';
import { levelWords } from '../../client/audit/level-words.ts';
import {
  type ClientError,
  connect,
  type InferResult,
  type Level,
  type LevelGain,
  levelNames,
  type PaymentOptions,
  type Reach,
  type Tensor,
} from '../../client/index.ts';
import type { WorkerPolicy } from '../../verifier/index.ts';
import { fromHex, utf8 } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { encodeApprovalRecord } from '../../wire/message/finding-record.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { decodeInferRequest, encodeInferResponse } from '../../wire/message/tensor.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { answerLines, checkLines, heading, jsonLine, outcomeCounts, printable } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { readPolicy } from './policy-file.ts';

const options = {
  policy: { type: 'string' },
  model: { type: 'string' },
  input: { type: 'string' },
  save: { type: 'string' },
  channel: { type: 'string' },
  level: { type: 'string' },
  'levels-policy': { type: 'string' },
  auditor: { type: 'string', multiple: true },
  release: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const inferUsage = `proofmark infer URL --policy FILE [--model HEX] [--input FILE.json] [--save FILE.proofmark] [--json]
                [--channel DIR] [--level LEVEL --levels-policy FILE [--auditor URL=KEY...] [--release DIR]]
  One sealed call; the answer is printed only if every check passed. The input is an Open Inference Protocol request;
  without one, zeros of the model's shape are sent. Without --model, the one model that the policy lists.
  --channel pays with a channel of this machine: proofmark chain channel.
  --level replayed asks the auditors, recomputed computes the release in --release again, and proved proves it with the
  circuit there; whose word and which setups count, the levels policy says. An answer that does not reach its level is not
  printed. --save writes what it was checked by beside the file, for proofmark audit.`;

export async function infer(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const [url, ...rest] = parsed.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('name one host URL');
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const modelId = chooseModel(policy, textOption(parsed, 'model'));
  const input = textOption(parsed, 'input');
  const given = input === undefined ? undefined : await readInputs(input);
  const channel = textOption(parsed, 'channel');
  const payment = channel === undefined ? undefined : await paymentIn(channel);
  const level = levelOption(textOption(parsed, 'level'));
  const reach = level === undefined ? undefined : await reachIn(parsed);
  const client = connect(url, {
    policy,
    ...(payment === undefined ? {} : { payment }),
    ...(reach === undefined ? {} : { reach }),
  });
  const inputs = given ?? zeros((await client.release(modelId)).manifest);
  const call = { modelId, inputs, outputs: 'all', format: 'binary' } as const;
  const result = await client.infer(call, level === undefined ? {} : { level });
  const save = textOption(parsed, 'save');
  const shown = save === undefined ? [] : await saved(save, result);
  if (parsed.values['json'] === true) {
    context.write(jsonLine(new TextDecoder().decode(encodeInferResponse(result.response, 'json').body)));
    return exitCode.accepted;
  }
  context.write(heading('Answer', context.style) + answerLines(result));
  context.write(heading('Checks', context.style) + checkLines(result.checks, context.style));
  context.write(`  ${outcomeCounts(result.checks)}\n`);
  if (result.gained !== 'none-asked') {
    context.write(heading('Level', context.style) + levelLines(result.gained));
    for (const path of shown) context.write(`  ${path}\n`);
  }
  return exitCode.accepted;
}

/** The level that was asked for: who vouches, what has to be believed, what it cost. */
function levelLines({ asked, result }: LevelGain): string {
  const words = levelWords(result).find(({ level }) => level === asked);
  return (words === undefined ? [] : [`${asked}: ${words.word}`, ...words.lines]).map((line) => `  ${line}\n`).join('');
}

function levelOption(word: string | undefined): Level | undefined {
  if (word === undefined) return undefined;
  const level = levelNames.find((name) => name === word);
  if (level === undefined) throw new UsageError(`--level ${word} is none of ${levelNames.join(', ')}`);
  return level;
}

async function reachIn(parsed: Parsed): Promise<Reach> {
  const [{ reachOf }, { readLevelsPolicy }] = await Promise.all([
    import('../levels/reach.ts'),
    import('../levels/policy.ts'),
  ]);
  return reachOf({
    policy: await readLevelsPolicy(textOption(parsed, 'levels-policy')),
    auditors: parsed.lists['auditor'] ?? [],
    release: textOption(parsed, 'release'),
  });
}

/** The archive, and beside it what its level was checked by: a file for each, as `proofmark audit` takes them. */
async function saved(path: string, { archive, gained }: InferResult): Promise<readonly string[]> {
  await writeFile(path, archive());
  if (gained === 'none-asked') return [];
  const { proofs, circuitKeys, approvals } = gained.evidence;
  const files: readonly (readonly [string, Uint8Array])[] = [
    ...proofs.map((bytes) => ['proof', bytes] as const),
    ...circuitKeys.map((bytes) => ['circuit.key', bytes] as const),
    ...approvals.map(({ key: auditor, words: approval, signature }, place) => {
      const record = encodeApprovalRecord({ format: 'proofmark approval v1', auditor, approval, signature });
      return [`approval-${place + 1}.json`, record] as const;
    }),
  ];
  const stem = path.replace(/\.proofmark$/, '');
  for (const [end, bytes] of files) await writeFile(`${stem}.${end}`, bytes);
  return files.map(([end]) => `${stem}.${end}`);
}

/** The chain's library is needed to open a channel, and not to pay from one. */
async function paymentIn(folder: string): Promise<PaymentOptions> {
  const { paymentOf, readChannel } = await import('../chain/channel-file.ts');
  return paymentOf(await readChannel(folder));
}

/** Which of the policy's models is meant: the client says so, never the host. */
export function chooseModel(policy: WorkerPolicy, text: string | undefined): Uint8Array {
  if (text !== undefined) {
    try {
      return fromHex(text, 32);
    } catch {
      throw new UsageError('--model is 64 lower-case hex digits');
    }
  }
  if (policy.models === 'any' || policy.models.length !== 1) {
    throw new UsageError('--model HEX is required: the policy does not list exactly one model');
  }
  return policy.models[0] as Uint8Array;
}

/** One row of nothing, in the shape that the owner of the model states. */
function zeros({ name, kind, inputs }: Manifest): readonly Tensor[] {
  if (kind !== 'tensor') throw new UsageError(`${printable(name)} is asked for text: proofmark infer sends tensors`);
  const written = inputs.map(({ name: input, datatype, shape }) => {
    const sizes = shape.map((size) => (typeof size === 'number' ? size : 1));
    const count = sizes.reduce((product, size) => product * size, 1);
    const zero = datatype === 'BOOL' ? false : 0;
    return { name: input, datatype, shape: sizes, data: new Array(Math.min(count, MOST_ZEROS)).fill(zero) };
  });
  const body = utf8(JSON.stringify({ inputs: written }));
  try {
    return decodeInferRequest({ body, jsonLength: body.length }, 'json').inputs;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new UsageError(`--input FILE.json is required for ${printable(name)}`);
  }
}

const MOST_ZEROS = 65_536;

async function readInputs(path: string): Promise<readonly Tensor[]> {
  try {
    const body = Uint8Array.from(await readFile(path));
    return decodeInferRequest({ body, jsonLength: body.length }, 'json').inputs;
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`${path}: ${error.message}`);
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** A refused answer or worker has the exit code of its verdict, so that scripts need not read text. */
export function exitCodeOfClientError(error: ClientError): number {
  const { verdict } = error;
  if (typeof verdict === 'object' && verdict !== null && 'verdict' in verdict) {
    const name = String(verdict.verdict);
    if (name === 'malformed' || name === 'untrusted' || name === 'refused') return exitCode[name];
  }
  const lied = error.code === 'protocol_violated' || error.code === 'log_forked';
  return lied ? exitCode.untrusted : exitCode.failed;
}
