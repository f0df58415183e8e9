import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { oneQuestion, pipedQuestions, type Talker, terminalQuestions } from '../../../cli/chat/talker.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';

async function all(talker: Talker): Promise<readonly string[]> {
  const questions: string[] = [];
  for (let next = await talker.next(); next !== undefined; next = await talker.next()) questions.push(next);
  return questions;
}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? utf8(part) : part;
}

describe('questions', () => {
  it('of a command line are one', async () => {
    expect(await all(oneQuestion('What?'))).toEqual(['What?']);
  });

  it('on a pipe are its lines, wherever it cuts them, without those that say nothing', async () => {
    const [first, second] = [utf8('Wo ist Köln?').slice(0, 8), utf8('Wo ist Köln?').slice(8)];
    expect(await all(pipedQuestions(chunks('One?\r\n\n  \nTw', 'o?\n', first, second)))).toEqual([
      'One?',
      'Two?',
      'Wo ist Köln?',
    ]);
    expect(await all(pipedQuestions(chunks()))).toEqual([]);
  });

  it('on a pipe end where it is no text', async () => {
    await expect(all(pipedQuestions(chunks('a\n', Uint8Array.of(0xff))))).rejects.toThrow('not text in UTF-8');
    await expect(all(pipedQuestions(chunks('a\n', Uint8Array.of(0xc3))))).rejects.toThrow('not text in UTF-8');
  });

  it('on a pipe are no longer than a prompt may be, and what never ends is not kept', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; read < 100; read += 1) yield utf8('x'.repeat(limits.promptBytes / 4));
    }
    await expect(all(pipedQuestions(endless()))).rejects.toThrow('a question has more than');
    expect(read).toBeLessThan(10);
  });
});

describe('questions at a terminal', () => {
  function terminal(): { readonly input: PassThrough; readonly talker: Talker } {
    const input = new PassThrough();
    const output = new PassThrough();
    output.resume();
    return { input, talker: terminalQuestions(input, output) };
  }

  it.each([
    ['an empty line', 'One?\rTwo?\r\rThree?\r'],
    ['the end of the input', 'One?\rTwo?\r\u0004'],
    ['an interrupt while nothing is generated', 'One?\rTwo?\r\u0003'],
  ])('end with %s', async (_, typed) => {
    const { input, talker } = terminal();
    input.write(typed);
    expect(await all(talker)).toEqual(['One?', 'Two?']);
    talker.close();
  });

  it('go on after an interrupt of an answer', async () => {
    const { input, talker } = terminal();
    const stopped = new Promise<string>((resolve) => {
      const listened = talker.onInterrupt(() => {
        listened();
        resolve('stopped');
      });
    });
    input.write('\u0003');
    expect(await stopped).toBe('stopped');
    input.write('Next?\r');
    expect(await talker.next()).toBe('Next?');
    talker.close();
  });
});
