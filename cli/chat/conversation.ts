import type { Client, ClientError, LanguageResult } from '../../client/index.ts';
import type { ReceiptFacts, Verified } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCodeOfClientError } from '../commands/infer.ts';
import { exitCode } from '../exit-codes.ts';
import { memberOf } from '../model/compare.ts';
import { jsonLine, mark, printable } from '../report.ts';
import { askModel, type Outcome } from './answer.ts';
import { createProvisionalText } from './provisional-text.ts';
import type { SavedAnswers } from './saved-answers.ts';
import type { Talker } from './talker.ts';

export interface Wishes {
  readonly model: string;
  readonly system: string | undefined;
  readonly seed: number;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
}

export interface Conversation {
  readonly client: Client;
  readonly talker: Talker;
  readonly wishes: Wishes;
  readonly form: 'text' | 'json';
  readonly saved: SavedAnswers | undefined;
}

interface Said {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Screen extends Pick<CommandContext, 'write' | 'style'> {
  /** Of the terminal, as wide as it is now; undefined where there is none. */
  readonly columns: () => number | undefined;
}

/** Question after question, each with what was said before. The exit code is that of the verdict that ended it. */
export async function converse(screen: Screen, conversation: Conversation): Promise<number> {
  const { talker, wishes, saved } = conversation;
  let history: readonly Said[] = wishes.system === undefined ? [] : [{ role: 'system', content: wishes.system }];
  for (;;) {
    const question = await talker.next();
    if (question === undefined) return exitCode.accepted;
    const asked: readonly Said[] = [...history, { role: 'user', content: question }];
    const outcome = await answerOnce(screen, conversation, asked);
    if (outcome.kind === 'verified') {
      history = [...asked, { role: 'assistant', content: outcome.result.text }];
      const file = await saved?.save(outcome.result.archive());
      if (file !== undefined && conversation.form === 'text') screen.write(`saved in ${printable(file)}\n`);
    } else if (outcome.kind === 'cancelled') {
      // What a receipt covers was said; a question without an answer is forgotten.
      if (outcome.receipt !== undefined && outcome.text !== '') {
        history = [...asked, { role: 'assistant', content: outcome.text }];
      }
      if (!talker.interactive) return exitCode.failed;
    } else {
      const code = exitCodeOfClientError(outcome.error);
      // Somebody was caught: nothing more is asked there.
      if (!talker.interactive || outcome.error.action === 'stop-trusting') return code;
    }
  }
}

async function answerOnce(
  screen: Screen,
  { client, talker, wishes, form }: Conversation,
  messages: readonly Said[],
): Promise<Outcome> {
  const { model, seed, maxTokens, temperature } = wishes;
  const call = {
    model,
    messages,
    seed,
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
  };
  if (form === 'json') {
    const outcome = await askModel(client, call, talker, () => {});
    screen.write(jsonLine(JSON.stringify(outcomeJson(outcome, wishes))));
    return outcome;
  }
  const text = createProvisionalText(screen.write, { ...screen.style, columns: screen.columns() });
  screen.write('provisional until its end is verified:\n');
  const outcome = await askModel(client, call, talker, text.add);
  const shown = text.end();
  screen.write(lastLine(outcome, shown, screen));
  return outcome;
}

/** Begins where no line of the model's can. */
function lastLine(outcome: Outcome, shown: boolean, { style }: Screen): string {
  if (outcome.kind === 'verified') {
    const { result, finish } = outcome;
    const cut = finish === 'length' ? '  (it ended at its limit of tokens)' : '';
    return `${mark('passed', style)} verified: ${receiptWords(result.receipt)}${cut}\n`;
  }
  if (outcome.kind === 'failed') {
    const told = printable(outcome.error.message);
    return `${mark('failed', style)} ${shown ? `NOT VERIFIED, do not rely on it: ${told}` : `NOT VERIFIED, no answer: ${told}`}\n`;
  }
  return outcome.receipt === undefined
    ? `${mark('failed', style)} NOT VERIFIED: cancelled, and no receipt came for it\n`
    : `${mark('not-asked', style)} cancelled; verified as far as it came: ${receiptWords(outcome.receipt)}\n`;
}

function receiptWords({ index, log, fee }: Verified<ReceiptFacts>): string {
  return `leaf ${index} of log ${toHex(log).slice(0, 16)}…, fee ${fee}`;
}

function outcomeJson(outcome: Outcome, { model, seed }: Wishes): object {
  if (outcome.kind === 'verified') {
    const { result, finish } = outcome;
    return {
      verdict: 'accepted',
      content: result.text,
      finish,
      usage: usageOf(result),
      model,
      seed,
      level: result.worker.level,
      receipt: receiptJson(result.receipt),
    };
  }
  if (outcome.kind === 'cancelled') {
    const { receipt } = outcome;
    return { verdict: 'cancelled', content: null, receipt: receipt === undefined ? null : receiptJson(receipt) };
  }
  return failureJson(outcome.error);
}

/** Without a word of what came: what was not verified is no content. */
function failureJson({ code, reason }: ClientError): object {
  return { verdict: 'failed', code, reason, content: null, receipt: null };
}

function receiptJson({ log, index, requestId, status, fee, responseBodyHash }: Verified<ReceiptFacts>): object {
  return {
    log: toHex(log),
    leaf: `${index}`,
    requestId: toHex(requestId),
    status,
    fee: `${fee}`,
    responseBodyHash: toHex(responseBodyHash),
  };
}

function usageOf({ completion }: LanguageResult): unknown {
  return memberOf(completion, 'usage');
}
