import type { LanguageCall, LanguageResult } from '../../../../../../client/types.ts';
import type { ReceiptFacts, Verified } from '../../../../../../verifier/index.ts';
import type { ChatMessage } from '../../../../../../wire/message/language.ts';
import type { Wishes } from './wishes.ts';

/** What became of one question. Text is an answer in `verified` only; before that nobody has proven who said it. */
export type TurnState =
  | { readonly kind: 'provisional' }
  | { readonly kind: 'verified'; readonly result: LanguageResult; readonly finish: string }
  /** With a receipt of what was generated until then, where one came that holds. */
  | { readonly kind: 'stopped'; readonly receipt: Verified<ReceiptFacts> | undefined }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface Turn {
  readonly id: number;
  readonly question: string;
  readonly seed: number;
  readonly text: string;
  readonly state: TurnState;
}

export function ask(turns: readonly Turn[], question: string, seed: number): readonly Turn[] {
  const id = (turns.at(-1)?.id ?? 0) + 1;
  return [...turns, { id, question, seed, text: '', state: { kind: 'provisional' } }];
}

export function addText(turns: readonly Turn[], id: number, text: string): readonly Turn[] {
  return changed(turns, id, (turn) => ({ ...turn, text: turn.text + text }));
}

/** What is verified is what the receipt covers; of what failed nothing is kept, so that nobody relies on it. */
export function settle(
  turns: readonly Turn[],
  id: number,
  state: Exclude<TurnState, { kind: 'provisional' }>,
): readonly Turn[] {
  return changed(turns, id, (turn) => {
    if (state.kind === 'verified') return { ...turn, state, text: state.result.text };
    return state.kind === 'failed' ? { ...turn, state, text: '' } : { ...turn, state };
  });
}

function changed(turns: readonly Turn[], id: number, change: (turn: Turn) => Turn): readonly Turn[] {
  return turns.map((turn) => (turn.id === id && turn.state.kind === 'provisional' ? change(turn) : turn));
}

export function isWaiting(turns: readonly Turn[]): boolean {
  return turns.some(({ state }) => state.kind === 'provisional');
}

export interface CallTerms {
  readonly model: string;
  readonly wishes: Wishes;
  /** What the conversation begins with, where that is a publisher's sample. */
  readonly before?: readonly ChatMessage[];
}

/** The next question with what was proven to have been said before it. */
export function callOf(turns: readonly Turn[], { model, wishes, before = [] }: CallTerms): LanguageCall | undefined {
  const asked = turns.at(-1);
  if (asked === undefined) return undefined;
  const said: readonly ChatMessage[] = turns.slice(0, -1).flatMap(({ question, text, state }) => {
    const proven = state.kind === 'verified' || (state.kind === 'stopped' && state.receipt !== undefined);
    if (!proven || text === '') return [];
    return [
      { role: 'user', content: question },
      { role: 'assistant', content: text },
    ] as const;
  });
  const { system, temperature, maxTokens } = wishes;
  const messages: readonly ChatMessage[] = [
    ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
    ...before,
    ...said,
    { role: 'user', content: asked.question },
  ];
  return {
    model,
    messages,
    seed: asked.seed,
    stream_options: { include_usage: true },
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
  };
}
