import { beforeEach, describe, expect, it } from 'vitest';
import type { LanguageCall } from '../../../../../../client/index.ts';
import {
  addText,
  ask,
  callOf,
  isWaiting,
  settle,
  type Turn,
} from '../../../../../../host/console/page/views/play/chat/conversation.ts';
import { followAnswer, type Settled, usageOf } from '../../../../../../host/console/page/views/play/chat/follow.ts';
import { noWishes, readWishes } from '../../../../../../host/console/page/views/play/chat/wishes.ts';
import { limits } from '../../../../../../wire/limits.ts';
import { createWorld, type World } from '../../../../../client/world.ts';
import { gate } from '../../../../../enclave/worker/core/harness.ts';

const { wishes: none } = readWishes(noWishes);
const options = { model: 'demo-chat', wishes: none };

describe('what is wished of an answer', () => {
  it('is what was written, or nothing', () => {
    expect(none).toEqual({ system: undefined, temperature: undefined, seed: undefined, maxTokens: undefined });
    const texts = { system: 'Be brief', temperature: '0.7', seed: ' 42 ', maxTokens: '16' };
    expect(readWishes(texts)).toEqual({
      wishes: { system: 'Be brief', temperature: 0.7, seed: 42, maxTokens: 16 },
      problems: {},
    });
  });

  it.each([
    ['temperature', '2.5', 'not a number from 0 to 2'],
    ['temperature', '-1', 'not a number from 0 to 2'],
    ['temperature', '0,7', 'not a number from 0 to 2'],
    ['seed', '9007199254740993', `not a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    ['seed', '1.5', `not a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    ['maxTokens', '0', `not a whole number from 1 to ${limits.generatedTokens}`],
    ['maxTokens', 'many', `not a whole number from 1 to ${limits.generatedTokens}`],
  ])('is told where it cannot be: %s %s', (name, text, problem) => {
    const { wishes, problems } = readWishes({ ...noWishes, [name]: text });
    expect(problems).toEqual({ [name]: problem });
    expect(wishes).toEqual(none);
  });
});

describe('a conversation', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
  });

  async function answered(question: string, turns: readonly Turn[] = []): Promise<readonly Turn[]> {
    let now = ask(turns, question, 7);
    const { id } = now.at(-1) as Turn;
    const outcome = await followAnswer(world.client(), callOf(now, options) as LanguageCall, {
      signal: new AbortController().signal,
      onText: (text) => {
        now = addText(now, id, text);
        expect(isWaiting(now)).toBe(true);
      },
    });
    return settle(now, id, outcome);
  }

  it('goes on with what was proven', async () => {
    const [turn] = await answered('Say hello');
    expect(turn).toMatchObject({ text: 'An enclave says "hello" – ✓.', state: { kind: 'verified', finish: 'stop' } });
    const turns = ask([turn as Turn], 'And now?', 8);
    expect(
      callOf(turns, { ...options, wishes: { ...none, system: 'Be brief', temperature: 1, maxTokens: 9 } }),
    ).toEqual({
      model: 'demo-chat',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Say hello' },
        { role: 'assistant', content: 'An enclave says "hello" – ✓.' },
        { role: 'user', content: 'And now?' },
      ],
      seed: 8,
      temperature: 1,
      max_tokens: 9,
      stream_options: { include_usage: true },
    });
    expect(turn?.state.kind === 'verified' ? usageOf(turn.state.result) : undefined).toEqual({
      prompt: 3,
      generated: 5,
    });
    expect(callOf([], options)).toBeUndefined();
  });

  it('keeps nothing of an answer that did not hold', async () => {
    world.onBundle = (bundle) => ({
      ...bundle,
      signature: bundle.signature.with(3, (bundle.signature[3] as number) ^ 1),
    });
    const turns = await answered('Say hello');
    expect(turns[0]).toMatchObject({ text: '', state: { kind: 'failed', error: { code: 'receipt_refused' } } });
    expect(callOf(ask(turns, 'Again', 9), options)?.['messages']).toEqual([{ role: 'user', content: 'Again' }]);
  });

  it('is stopped in the middle of an answer, which costs what was said until then', async () => {
    const held = gate();
    world.script.beforeToken = (index) => (index === 2 ? held.passed : Promise.resolve());
    const stop = new AbortController();
    // The worker goes on once it has heard of it.
    world.onPost = async (_, pass) => {
      const reply = await pass();
      if (stop.signal.aborted) held.open();
      return reply;
    };
    let turns = ask([], 'Say hello', 7);
    const outcome: Promise<Settled> = followAnswer(world.client(), callOf(turns, options) as LanguageCall, {
      signal: stop.signal,
      onText: (text) => {
        turns = addText(turns, 1, text);
        if (turns[0]?.text === 'An enclave') {
          stop.abort();
        }
      },
    });
    const settled = await outcome;
    turns = settle(turns, 1, settled);
    expect(turns[0]).toMatchObject({
      text: 'An enclave',
      state: { kind: 'stopped', receipt: { status: 'cancelled', fee: 10n } },
    });
    expect(isWaiting(turns)).toBe(false);
    const messages = callOf(ask(turns, 'Go on', 8), options)?.['messages'];
    expect(messages).toHaveLength(3);
  });

  it('is stopped before anything was asked, and costs nothing', async () => {
    const stop = new AbortController();
    stop.abort();
    const turns = ask([], 'Say hello', 7);
    const call = callOf(turns, options) as LanguageCall;
    const outcome = await followAnswer(world.client(), call, { signal: stop.signal, onText: () => {} });
    expect(outcome).toEqual({ kind: 'stopped', receipt: undefined });
    expect(world.headers).toEqual([]);
  });

  it('tells what cannot be asked', async () => {
    const call = { model: 'nobody', messages: [{ role: 'user', content: 'x' }] };
    const signal = new AbortController().signal;
    const outcome = await followAnswer(world.client(), call, { signal, onText: () => {} });
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'model_unknown' } });
  });

  it('does not change a turn that has ended', async () => {
    const turns = await answered('Say hello');
    expect(addText(turns, 1, 'more')).toEqual(turns);
    expect(settle(turns, 1, { kind: 'failed', error: 'late' })).toEqual(turns);
  });
});
