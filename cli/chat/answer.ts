import {
  type Client,
  ClientError,
  type LanguageCall,
  type LanguageResult,
  StreamLeftError,
} from '../../client/index.ts';
import type { ReceiptFacts, Verified } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { memberOf } from '../model/compare.ts';
import type { Talker } from './talker.ts';

/** What became of one question. Text is an answer in the first of them only. */
export type Outcome =
  | { readonly kind: 'verified'; readonly result: LanguageResult; readonly finish: string }
  /** With the receipt of what was generated until then, where one came that holds: it is about `text`, and maybe more. */
  | { readonly kind: 'cancelled'; readonly receipt: Verified<ReceiptFacts> | undefined; readonly text: string }
  | { readonly kind: 'failed'; readonly error: ClientError };

export async function askModel(
  client: Client,
  call: LanguageCall,
  talker: Talker,
  onText: (text: string) => void,
): Promise<Outcome> {
  const stop = new AbortController();
  const listened = talker.onInterrupt(() => stop.abort(new DOMException('interrupted', 'AbortError')));
  const stream = client.streamChat({ ...call, stream_options: { include_usage: true } }, { signal: stop.signal });
  let text = '';
  let finish = '';
  try {
    for await (const event of stream) {
      text += event.text;
      finish = finishOf(event.value) ?? finish;
      onText(event.text);
    }
    return { kind: 'verified', result: await stream.result, finish };
  } catch (error) {
    if (error instanceof ClientError) return { kind: 'failed', error };
    if (!stop.signal.aborted) throw error;
    return await leftOf(stream.result, { text, finish });
  } finally {
    listened();
  }
}

/** The interrupt is heard at once; what the answer has cost until then is known when the worker has ended. */
async function leftOf(
  result: Promise<LanguageResult>,
  { text, finish }: { readonly text: string; readonly finish: string },
): Promise<Outcome> {
  try {
    return { kind: 'verified', result: await result, finish };
  } catch (error) {
    if (error instanceof StreamLeftError) return { kind: 'cancelled', receipt: error.receipt, text };
    if (error instanceof ClientError) return { kind: 'failed', error };
    // Interrupted before anything was asked.
    if (error instanceof DOMException) return { kind: 'cancelled', receipt: undefined, text };
    throw error;
  }
}

function finishOf(event: JsonValue): string | undefined {
  const choices = memberOf(event, 'choices');
  const finish = Array.isArray(choices)
    ? memberOf((choices as readonly JsonValue[])[0] ?? null, 'finish_reason')
    : null;
  return typeof finish === 'string' ? finish : undefined;
}
