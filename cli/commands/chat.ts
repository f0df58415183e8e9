import { randomInt } from 'node:crypto';
import { type Client, connect } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { converse, type Wishes } from '../chat/conversation.ts';
import { saveAnswersAs } from '../chat/saved-answers.ts';
import { oneQuestion, pipedQuestions, type Talker, terminalQuestions } from '../chat/talker.ts';
import { UsageError } from '../exit-codes.ts';
import { printable, rowLines } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { chooseModel } from './infer.ts';
import { readPolicy } from './policy-file.ts';

const options = {
  policy: { type: 'string' },
  model: { type: 'string' },
  system: { type: 'string' },
  'max-tokens': { type: 'string' },
  temperature: { type: 'string' },
  seed: { type: 'string' },
  save: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const chatUsage = `proofmark chat URL --policy FILE [--model HEX] [--system TEXT] [--max-tokens N] [--temperature X] [--seed N]
               [--save FILE.proofmark] [--json] [PROMPT...]
  A conversation with a language model. One question and its answer with a PROMPT; without one each line of standard
  input, and on a terminal until an empty line. Lines of the model begin with a bar, and are provisional until a line
  without one says "verified" behind them; Ctrl-C ends an answer, which charges what came of it. With --json one line for
  each answer, and none of what was not verified. Without --seed one is drawn and shown. --save writes an archive of each
  answer, numbered where there are several, and over no other file.`;

/** Until the next piece: the first comes when a whole prompt was read, which takes a large model minutes. */
const TIMEOUT_MS = 120_000;

export async function chat(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const [url, ...prompt] = parsed.positionals;
  if (url === undefined) throw new UsageError('name one host URL');
  const policy = await readPolicy(textOption(parsed, 'policy'));
  const modelId = chooseModel(policy, textOption(parsed, 'model'));
  const wishes = readWishes(parsed, modelId);
  const form = parsed.values['json'] === true ? 'json' : 'text';
  const save = textOption(parsed, 'save');
  const client = connect(url, { policy, timeoutMs: TIMEOUT_MS });
  await introduce(context, client, { modelId, seed: wishes.seed, form });
  const talker = talkerOf(prompt);
  const saved = save === undefined ? undefined : saveAnswersAs(save, prompt.length > 0 ? 'one' : 'several');
  try {
    return await converse({ ...context, columns: columnsOfOutput }, { client, talker, wishes, form, saved });
  } finally {
    talker.close();
  }
}

function talkerOf(prompt: readonly string[]): Talker {
  if (prompt.length > 0) return oneQuestion(prompt.join(' '));
  return process.stdin.isTTY && process.stdout.isTTY
    ? terminalQuestions(process.stdin, process.stdout)
    : pipedQuestions(process.stdin);
}

function columnsOfOutput(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

function readWishes(parsed: Parsed, modelId: Uint8Array): Wishes {
  const seed = numberOption(parsed, 'seed', { pattern: /^\d{1,16}$/, range: [0, Number.MAX_SAFE_INTEGER] });
  return {
    model: toHex(modelId),
    system: textOption(parsed, 'system'),
    seed: seed ?? randomInt(MOST_DRAWN),
    maxTokens: numberOption(parsed, 'max-tokens', { pattern: /^\d{1,7}$/, range: [1, limits.generatedTokens] }),
    temperature: numberOption(parsed, 'temperature', { pattern: /^\d(\.\d{1,6})?$/, range: [0, 2] }),
  };
}

/** As much as `randomInt` draws at once. */
const MOST_DRAWN = 2 ** 48 - 1;

function numberOption(
  parsed: Parsed,
  name: string,
  { pattern, range }: { readonly pattern: RegExp; readonly range: readonly [least: number, most: number] },
): number | undefined {
  const text = textOption(parsed, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  const [least, most] = range;
  if (!pattern.test(text) || value < least || value > most) {
    throw new UsageError(`--${name} ${text} is not a number from ${least} to ${most}`);
  }
  return value;
}

/** Proves worker and release before anything is asked of them, and says whom the words come from. */
async function introduce(
  context: CommandContext,
  client: Client,
  { modelId, seed, form }: { readonly modelId: Uint8Array; readonly seed: number; readonly form: 'text' | 'json' },
): Promise<void> {
  const { manifest } = await client.release(modelId);
  if (manifest.kind !== 'text-generation') {
    throw new UsageError(`${printable(manifest.name)} is asked for tensors: proofmark chat sends text`);
  }
  if (form === 'json') return;
  const worker = await client.worker();
  context.write(
    rowLines([
      ['model', `${manifest.name} ${manifest.version}`],
      ['worker', worker.level === 'simulated' ? 'simulated: nobody vouches for it' : 'attested'],
      ['seed', String(seed)],
    ]),
  );
}
