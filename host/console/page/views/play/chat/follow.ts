import type { Client } from '../../../../../../client/client.ts';
import { ClientError, StreamLeftError } from '../../../../../../client/errors.ts';
import { member } from '../../../../../../client/language/events.ts';
import type { LanguageCall, LanguageResult } from '../../../../../../client/types.ts';
import type { TurnState } from './conversation.ts';

export type Settled = Exclude<TurnState, { kind: 'provisional' }>;

export interface FollowOptions {
  /** Aborted where the person stops the answer: the worker is told, under the seal. */
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

/** Follows one answer to its end, whatever that is. */
export async function followAnswer(client: Client, call: LanguageCall, options: FollowOptions): Promise<Settled> {
  const { signal, onText } = options;
  let finish = '';
  try {
    const stream = client.streamChat(call, { signal });
    try {
      for await (const { text, value } of stream) {
        const said = member(member(member(value, 'choices'), 0), 'finish_reason');
        if (typeof said === 'string') finish = said;
        onText(text);
      }
    } catch (error) {
      // The stop is heard at once; what the answer has cost until then is known when the worker has ended.
      if (error instanceof ClientError || !signal.aborted) throw error;
    }
    return { kind: 'verified', result: await stream.result, finish };
  } catch (error) {
    if (error instanceof StreamLeftError) return { kind: 'stopped', receipt: error.receipt };
    // Stopped before anything was asked.
    if (!(error instanceof ClientError) && signal.aborted) return { kind: 'stopped', receipt: undefined };
    return { kind: 'failed', error };
  }
}

export interface Usage {
  readonly prompt: number;
  readonly generated: number;
}

/** As the worker counted, which is what it charges for. */
export function usageOf({ completion }: LanguageResult): Usage | undefined {
  const usage = member(completion, 'usage');
  const [prompt, generated] = [member(usage, 'prompt_tokens'), member(usage, 'completion_tokens')];
  return typeof prompt === 'number' && typeof generated === 'number' ? { prompt, generated } : undefined;
}
