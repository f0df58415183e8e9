import { createInterface } from 'node:readline';
import { limits } from '../../wire/limits.ts';
import { CommandError } from '../exit-codes.ts';

/** Who asks: a person at a terminal, a pipe, or a command line with one question on it. */
export interface Talker {
  /** Whether somebody is there who can ask again after a failure. */
  readonly interactive: boolean;
  /** Undefined where nothing more is asked. */
  next(): Promise<string | undefined>;
  /** Has `stop` called when the person interrupts; what is returned ends that. */
  onInterrupt(stop: () => void): () => void;
  close(): void;
}

export function oneQuestion(question: string): Talker {
  const questions = [question];
  return { interactive: false, next: async () => questions.shift(), onInterrupt: onSignal, close: () => {} };
}

/** A line is a question; those without words are none. */
export function pipedQuestions(input: AsyncIterable<Uint8Array>): Talker {
  const lines = linesOf(input);
  return {
    interactive: false,
    async next() {
      for (;;) {
        const line = await lines.next();
        if (line.done === true) return undefined;
        if (line.value.trim() !== '') return line.value;
      }
    },
    onInterrupt: onSignal,
    close: () => {},
  };
}

/** An empty line or the end of the input ends the conversation, and so does an interrupt while nothing is generated. */
export function terminalQuestions(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Talker {
  const reader = createInterface({ input, output, prompt: 'you> ', terminal: true });
  const lines = reader[Symbol.asyncIterator]();
  let stop: (() => void) | undefined;
  reader.on('SIGINT', () => (stop === undefined ? reader.close() : stop()));
  return {
    interactive: true,
    async next() {
      reader.prompt();
      const line = await lines.next();
      return line.done === true || line.value.trim() === '' ? undefined : line.value;
    },
    onInterrupt(asked) {
      stop = asked;
      return () => {
        stop = undefined;
      };
    },
    close: () => reader.close(),
  };
}

/** Once: whoever interrupts again while the worker is told means the program. */
function onSignal(stop: () => void): () => void {
  process.once('SIGINT', stop);
  return () => {
    process.off('SIGINT', stop);
  };
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of input) {
    rest += decoded(decoder, chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield withinLimit(line);
    withinLimit(rest);
  }
  rest += decoded(decoder, undefined);
  if (rest !== '') yield withinLimit(rest);
}

/** What a prompt may have anyway; without it a pipe that never ends a line would fill the memory. */
function withinLimit(line: string): string {
  if (line.length > limits.promptBytes)
    throw new CommandError(`a question has more than ${limits.promptBytes} characters`);
  return line.replace(/\r$/, '');
}

function decoded(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new CommandError('standard input is not text in UTF-8');
  }
}
