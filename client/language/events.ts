import { utf8 } from '../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ClientError } from '../errors.ts';

/** One `data:` event of a stream: its value, and the text that it adds. */
export interface StreamEvent {
  readonly value: JsonValue;
  readonly text: string;
}

export interface EventReader {
  push(piece: Uint8Array): readonly StreamEvent[];
  /** Throws where an event was cut off. */
  end(): void;
}

/** Reads what a worker streams: events of one `data:` line, each ended by an empty line. Pieces may cut anywhere. */
export function createEventReader(): EventReader {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  return {
    push(piece) {
      rest += decodePiece(decoder, piece);
      const events = rest.split('\n\n');
      rest = events.pop() as string;
      return events.map(readEvent);
    },
    end() {
      if (rest !== '' || decodePiece(decoder, undefined) !== '') throw broken('an event is cut off');
    },
  };
}

function decodePiece(decoder: TextDecoder, piece: Uint8Array | undefined): string {
  try {
    return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
  } catch {
    throw broken('malformed UTF-8');
  }
}

function readEvent(event: string): StreamEvent {
  if (!event.startsWith('data: ') || event.includes('\n')) throw broken('not an event of one line');
  try {
    const value = parseJson(utf8(event.slice(6)), limits.languageBodyBytes);
    return { value, text: textOf(value) };
  } catch (error) {
    if (error instanceof WireError) throw broken(error.message);
    throw error;
  }
}

/** What the first choice says: `delta.content` or `text` in a stream, `message.content` or `text` in a whole answer. */
export function textOf(value: JsonValue): string {
  const choice = member(member(value, 'choices'), 0);
  const said = member(member(choice, 'delta') ?? member(choice, 'message'), 'content') ?? member(choice, 'text');
  return typeof said === 'string' ? said : '';
}

export function member(value: unknown, name: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[name];
}

function broken(detail: string): ClientError {
  return new ClientError('protocol_violated', detail, { reason: 'stream_invalid' });
}
