import { canonicalJson, type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';

/** A streamed answer without its cuts: how much text is in one event depends on when it was sent, and on nothing else. */
export interface StreamedText {
  readonly text: string;
  /** Each kind of event once, with its text taken out, in the order in which they first came. */
  readonly events: readonly string[];
}

/** Undefined for bytes that no worker's answer writer writes. */
export function readStream(body: Uint8Array): StreamedText | undefined {
  const lines = new TextDecoder().decode(body).split('\n\n');
  // Each event ends with an empty line.
  if (lines.pop() !== '') return undefined;
  let text = '';
  const events = new Set<string>();
  for (const line of lines) {
    const event = line.startsWith('data: ') ? parsed(line.slice('data: '.length)) : undefined;
    if (event === undefined) return undefined;
    const taken = withoutText(event);
    text += taken.text;
    events.add(new TextDecoder().decode(canonicalJson(taken.event)));
  }
  return { text, events: [...events] };
}

type JsonObject = Readonly<Record<string, JsonValue>>;

function withoutText(event: JsonObject): { readonly event: JsonObject; readonly text: string } {
  const [choice] = Array.isArray(event['choices']) ? (event['choices'] as readonly JsonValue[]) : [];
  if (!isObject(choice)) return { event, text: '' };
  const delta = choice['delta'];
  const holder = isObject(delta) ? delta : choice;
  const name = isObject(delta) ? 'content' : 'text';
  const text = holder[name];
  if (typeof text !== 'string') return { event, text: '' };
  const emptied = { ...holder, [name]: '' };
  return { event: { ...event, choices: [isObject(delta) ? { ...choice, delta: emptied } : emptied] }, text };
}

function parsed(json: string): JsonObject | undefined {
  try {
    const value = parseJson(new TextEncoder().encode(json), limits.languageBodyBytes);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
