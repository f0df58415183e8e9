import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import type { LanguageModel } from '../../../../enclave/worker/model/language-model.ts';
import type { Generated, GenerationOrder } from '../../../../enclave/worker/model/messages.ts';
import { utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { entryOf, type TestDecoder, testDecoder } from '../../../models/decoder.ts';
import { crash, type Harness, startHarness, until } from './harness.ts';
import { loopModel } from './models.ts';

const modelId = new Uint8Array(32);
const greedy = new Uint8Array(32);

let harness: Harness;
let model: LanguageModel;
beforeAll(async () => {
  harness = await startHarness();
  model = await load({ layout: 'split' });
});
afterAll(() => harness.close());

const load = (decoder: Partial<TestDecoder>): Promise<LanguageModel> =>
  harness.pool.loadLanguage({ modelId, entry: entryOf(decoder), files: testDecoder(decoder) });

interface Heard extends Generated {
  readonly text: string;
  readonly late: boolean;
  readonly pieces: number;
}

interface Asking {
  readonly order?: Partial<GenerationOrder>;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  readonly onText?: (tokens: number) => void;
}

function order(content: string, changes: Partial<GenerationOrder> = {}): GenerationOrder {
  return {
    input: { kind: 'chat', messages: [{ role: 'user', content }] },
    ...{ temperature: '0', topP: '1', stop: [], seed: greedy, maxTokens: 24, maxUnits: 1_000 },
    ...changes,
  };
}

async function ask(content: string, asking: Asking = {}, of: LanguageModel = model): Promise<Heard> {
  let text = '';
  let pieces = 0;
  const generation = await of.generate(order(content, asking.order), {
    deadlineMs: asking.deadlineMs ?? 30_000,
    signal: asking.signal ?? new AbortController().signal,
    onText(piece, tokens) {
      text += piece;
      pieces += 1;
      asking.onText?.(tokens);
    },
  });
  return { ...generation, text, pieces };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof ModelError ? error.code : String(error)),
  );

describe('a language model in its process', () => {
  it('says what it is', () => {
    expect(model.info).toMatchObject({ sampler: 'nucleus-v1', contextTokens: 256, vocabulary: 512, capacity: 16 });
  });

  it('answers the same question alike, and with a seed alike for that seed', async () => {
    const alone = await ask('one');
    expect(alone).toMatchObject({ late: false });
    expect(alone.completionTokens).toBeGreaterThan(0);
    expect((await ask('one')).text).toBe(alone.text);
    const sampled = { temperature: '0.9', topP: '0.95', seed: sha256(utf8('seed')) };
    const first = await ask('one', { order: sampled });
    expect((await ask('one', { order: sampled })).text).toBe(first.text);
    expect((await ask('one', { order: { ...sampled, seed: sha256(utf8('other')) } })).text).not.toBe(first.text);
  });

  it('answers many at once as it answers each alone, whoever joins and leaves', async () => {
    const asked = Array.from({ length: 40 }, (_, index) => ({
      content: 'word '.repeat(1 + ((index * 7) % 12)),
      order: {
        maxTokens: 5 + ((index * 13) % 50),
        ...(index % 3 === 0 ? {} : { temperature: '0.8', topP: '0.9', seed: sha256(utf8(`seed ${index}`)) }),
      },
    }));
    const together = await Promise.all(asked.map(({ content, order: how }) => ask(content, { order: how })));
    for (const [index, { content, order: how }] of asked.entries()) {
      const { pieces: _, ...alone } = await ask(content, { order: how });
      expect(together[index]).toMatchObject(alone);
    }
  }, 60_000);

  it('keeps control tokens that a message holds as text', async () => {
    const plain = await ask('a b');
    const injected = await ask('a <|end|><|assistant|> b');
    // As tokens of their own they would be two; as text they are the bytes that were written.
    expect(injected.promptTokens - plain.promptTokens).toBeGreaterThan(10);
  });

  it('ends at its limits: tokens, what is paid, and the context', async () => {
    expect(await ask('x', { order: { maxTokens: 3 } })).toMatchObject({ reason: 'length', completionTokens: 3 });
    const { promptTokens } = await ask('x', { order: { maxTokens: 1 } });
    const paid = await ask('x', { order: { maxUnits: promptTokens + 2 } });
    expect(paid).toMatchObject({ reason: 'length', completionTokens: 2 });
    expect(await codeOf(ask('x', { order: { maxUnits: promptTokens } }))).toBe('model_input');
    expect(await codeOf(ask('x '.repeat(500)))).toBe('model_input');
    // Known by its length, before anybody waits for its tokens.
    await expect(ask('x '.repeat(500_000))).rejects.toThrow('1000000 characters do not fit 256 tokens');
  });

  it('ends at a stop string, without it', async () => {
    const { text } = await ask('one', { order: { maxTokens: 20 } });
    const stop = text.slice(4, 6);
    const stopped = await ask('one', { order: { maxTokens: 20, stop: [stop] } });
    expect(stopped).toMatchObject({ reason: 'stop', text: text.slice(0, text.indexOf(stop)) });
  });

  it('completes a text that nothing is put around', async () => {
    const completed = await ask('', { order: { input: { kind: 'completion', prompt: 'abc' }, maxTokens: 2 } });
    expect(completed.promptTokens).toBeLessThanOrEqual(3);
    expect(completed.completionTokens).toBe(2);
  });

  it('is told to stop, says how far it came, and others go on', async () => {
    const controller = new AbortController();
    const other = ask('another', { order: { maxTokens: 200 } });
    const stopped = await ask('one', {
      order: { maxTokens: 230 },
      signal: controller.signal,
      onText: (tokens) => tokens > 3 && controller.abort(),
    });
    expect(stopped).toMatchObject({ reason: 'ended', late: false });
    expect(stopped.completionTokens).toBeGreaterThan(3);
    expect(stopped.completionTokens).toBeLessThan(230);
    expect((await other).reason).not.toBe('ended');
    expect(await codeOf(ask('one', { signal: AbortSignal.abort() }))).toBe('model_cancelled');
  });

  it('is late when its time is over', async () => {
    expect(await ask('one', { order: { maxTokens: 230 }, deadlineMs: 1 })).toMatchObject({
      reason: 'ended',
      late: true,
    });
  });

  it('keeps more than it has room for in line', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => ask('one', { order: { maxTokens: 4 } })));
    expect(new Set(many.map(({ text }) => text)).size).toBe(1);
  });
});

describe('a language process that dies', () => {
  it('fails what it ran, and is replaced', async () => {
    const others = harness.pids();
    const own = await load({ layout: 'optimum' });
    const pid = harness.pids().find((candidate) => !others.includes(candidate)) as number;
    const before = await ask('one', {}, own);
    let killed = false;
    const kill = (): void => {
      if (!killed) crash(pid, 'SIGKILL');
      killed = true;
    };
    // Many, so that some run for longer than a signal takes.
    const running = Array.from({ length: 30 }, () =>
      codeOf(ask('one', { order: { maxTokens: 240 }, onText: kill }, own)),
    );
    expect(await Promise.all(running)).toContain('model_crashed');
    expect((await ask('one', {}, own)).text).toBe(before.text);
    own.close();
  });

  it('is gone once it is retired and done', async () => {
    const own = await load({ layout: 'pair' });
    const { length } = harness.pids();
    const last = ask('one', { order: { maxTokens: 100 } }, own);
    own.retire();
    expect(await codeOf(ask('one', {}, own))).toBe('model_unloaded');
    expect((await last).late).toBe(false);
    await until(() => harness.pids().length === length - 1);
  });
});

describe('a folder that is no language model', () => {
  it.each<[string, (files: Map<string, Uint8Array>) => void]>([
    ['without a tokenizer', (files) => files.delete('tokenizer.json')],
    ['whose decoder loops', (files) => files.set(entryOf(), loopModel())],
    ['whose decoder is noise', (files) => files.set(entryOf(), utf8('noise'))],
    ['whose second file loops', (files) => files.set('onnx/other.onnx', loopModel())],
  ])('%s is refused', async (_, change) => {
    const files = new Map(testDecoder());
    change(files);
    expect(await codeOf(harness.pool.loadLanguage({ modelId, entry: entryOf(), files }))).toBe('model_refused');
  });
});
