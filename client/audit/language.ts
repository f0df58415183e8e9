import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ClientError } from '../errors.ts';
import { createEventReader, member, textOf } from '../language/events.ts';

/** What a report shows of a conversation: enough to know it by. The file itself holds the whole. */
const SHOWN = 2_000;
const READ = 262_144;

/** What was asked, one line per message; null where the body says nothing that can be read. */
export function askedText(body: Uint8Array): readonly string[] | null {
  const value = jsonOf(body);
  const prompt = member(value, 'prompt');
  if (typeof prompt === 'string') return [shorten(prompt)];
  const messages = member(value, 'messages');
  if (!Array.isArray(messages)) return null;
  return messages.map((message: unknown) => {
    const content = member(message, 'content');
    const text = typeof content === 'string' ? content : JSON.stringify(content ?? null);
    return `${String(member(message, 'role'))}: ${shorten(text)}`;
  });
}

/** What was answered, whole or as a stream of events. */
export function answeredText(body: Uint8Array): string | null {
  const value = jsonOf(body);
  if (value !== undefined) return shorten(textOf(value));
  try {
    const reader = createEventReader();
    // A body may hold a million tiny events, and no more is shown than a screenful.
    const events = reader.push(body.subarray(0, READ));
    return shorten(events.map(({ text }) => text).join(''));
  } catch (error) {
    if (error instanceof ClientError) return null;
    throw error;
  }
}

function jsonOf(body: Uint8Array): ReturnType<typeof parseJson> | undefined {
  try {
    return parseJson(body, { maxBytes: limits.languageBodyBytes, maxValues: limits.languageValues });
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function shorten(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
