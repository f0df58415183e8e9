import { describe, expect, it } from 'vitest';
import { answeredText, askedText } from '../../../client/audit/language.ts';
import { utf8 } from '../../../wire/bytes.ts';

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

describe('what a report shows of a conversation', () => {
  it('is each message with its role, or the prompt', () => {
    const messages = [
      { role: 'system', content: 'be short' },
      { role: 'user', content: [{ type: 'text', text: 'hello' }] },
    ];
    expect(askedText(json({ messages }))).toEqual(['system: be short', 'user: [{"type":"text","text":"hello"}]']);
    expect(askedText(json({ prompt: 'once' }))).toEqual(['once']);
  });

  it('is the answer, whole or streamed', () => {
    expect(answeredText(json({ choices: [{ message: { content: 'hi' } }] }))).toBe('hi');
    const event = (content: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
    expect(answeredText(utf8(event('he') + event('llo')))).toBe('hello');
  });

  it('ends after two thousand characters', () => {
    expect(askedText(json({ prompt: 'x'.repeat(9_000) }))?.[0]).toBe(`${'x'.repeat(2_000)}…`);
  });

  it('is nothing where there is nothing to read', () => {
    expect(askedText(utf8('{'))).toBe(null);
    expect(askedText(json({ messages: 'none' }))).toBe(null);
    expect(answeredText(utf8('event: x\n\n'))).toBe(null);
    expect(answeredText(new Uint8Array([0xff, 0xfe]))).toBe(null);
  });

  it('reads no more of a long stream than it shows', () => {
    expect(answeredText(utf8('data: 0\n\n'.repeat(1_000_000)))).toBe('');
  });
});
