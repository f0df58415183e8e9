import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTextCodec } from '../../enclave/worker/model/language/text-codec.ts';
import type { LanguageModel } from '../../enclave/worker/model/language-model.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { decodeLanguageRequest, type LanguageRequest } from '../../wire/message/language.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { env, pipeline } from '../bench/lm/transformers-js.mjs';
import { type Harness, startHarness } from '../enclave/worker/model/harness.ts';
import {
  greedy,
  mixedRequests,
  openWatchedFiles,
  runAll,
  type Watched,
} from '../enclave/worker/model/language/requests.ts';
import { cardOf, committedRelease, pathIn, readIn } from './drafts.ts';
import { heldOutProblems, type Task, tasks } from './tiny-chat/problems.ts';

const PROBLEMS = 400;
const VOCABULARY = 400;

interface Release {
  readonly name: string;
  /** What transformers.js looks for, and what a worker is told to load. */
  readonly files: Readonly<Record<'hub' | 'worker', string>>;
}

const releases: readonly Release[] = [
  { name: 'tiny-chat', files: { hub: 'onnx/model.onnx', worker: 'onnx/model_split.onnx' } },
  { name: 'tiny-chat-int8', files: { hub: 'onnx/model_quantized.onnx', worker: 'onnx/model_split_quantized.onnx' } },
];

const manifests = new Map(
  await Promise.all(releases.map(async ({ name }) => [name, (await committedRelease(name)).manifest] as const)),
);
const manifestOf = (name: string): Manifest => manifests.get(name) as Manifest;

interface Sample {
  readonly request: LanguageRequest;
  readonly text: string;
  readonly reason: string;
}

const json = (name: string, path: string): unknown => JSON.parse(new TextDecoder().decode(readIn(name, path)));

function samplesOf(name: string): readonly Sample[] {
  return manifestOf(name).samples.map(({ request, response }) => {
    const { message, finish_reason: reason } = json(name, response) as {
      readonly message: { readonly content: string };
      readonly finish_reason: string;
    };
    return { request: decodeLanguageRequest(readIn(name, request), 'chat'), text: message.content, reason };
  });
}

function filesOf(name: string): ReadonlyMap<string, Uint8Array> {
  return new Map(manifestOf(name).files.map(({ path }) => [path, readIn(name, path)]));
}

interface Judged {
  readonly count: number;
  readonly accuracy: number;
  readonly interval95: readonly [number, number];
}

/** What a sample of this size may show of a model that is right so often: the lower end of its 95 % interval. */
const leastOf = (accuracy: number): number => accuracy - 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / PROBLEMS);

const resultsOf = (name: string): Readonly<Record<Task, Judged>> =>
  (json(name, 'results.json') as { readonly heldOut: Readonly<Record<Task, Judged>> }).heldOut;

async function open(name: string, entry: string): Promise<Watched> {
  const files = filesOf(name);
  return openWatchedFiles(files, { entry, endTokens: openTextCodec(files).endTokens });
}

/** Some of every kind: the questions of the samples, and others. */
function questions(name: string): readonly (readonly number[])[] {
  const codec = openTextCodec(filesOf(name));
  const others = tasks.flatMap((task) => heldOutProblems(task, 10).map(({ prompt }) => prompt));
  return [
    ...samplesOf(name).map(({ request: { input } }) => (input.kind === 'chat' ? codec.encodeChat(input.messages) : [])),
    ...others.map((content) => codec.encodeChat([{ role: 'user', content }])),
  ];
}

describe.each(releases)('the release $name', ({ name, files }) => {
  it('names a file for transformers.js and one for the worker, and a card with the digest of both', () => {
    const manifest = manifestOf(name);
    expect(manifest).toMatchObject({ kind: 'text-generation', entry: files.worker });
    for (const path of Object.values(files)) {
      expect(manifest.files.map((file) => file.path)).toContain(path);
      expect(cardOf(name)).toContain(toHex(sha256(readIn(name, path))));
      expect(scanOnnx(readIn(name, path), { kind: 'text-generation' }).operators.size).toBeGreaterThan(0);
    }
  });

  it('has a card that says what was measured', () => {
    for (const { count, accuracy, interval95 } of Object.values(resultsOf(name))) {
      expect(count).toBeGreaterThanOrEqual(2_000);
      const percent = [accuracy, ...interval95].map((share) => (100 * share).toFixed(2));
      expect(cardOf(name)).toContain(`${percent[0]} % (${percent[1]} to ${percent[2]})`);
    }
  });

  it('says the same tokens from both files', async () => {
    const prompts = questions(name).map((prompt) => ({ prompt, options: greedy(64) }));
    const [worker, hub] = await Promise.all([open(name, files.worker), open(name, files.hub)]);
    expect([worker.engine.info.layout, hub.engine.info.layout]).toEqual(['split-v1', 'concat-canon-v1']);
    const tokens = (await runAll(worker, prompts, 8)).map((answer) => answer.tokens);
    expect((await runAll(hub, prompts, 8)).map((answer) => answer.tokens)).toEqual(tokens);
    expect(new Set(tokens.map((list) => list.join())).size).toBeGreaterThan(prompts.length / 2);
  }, 120_000);

  it.each(['worker', 'hub'] as const)(
    'keeps every bit of the logits whoever joins and leaves: the file for the %s',
    async (file) => {
      const requests = mixedRequests(24, { vocabulary: VOCABULARY });
      const watched = await open(name, files[file]);
      const alone = await runAll(watched, requests, 1);
      expect(new Set(alone.map(({ logits }) => logits)).size).toBe(requests.length);
      expect(await runAll(watched, requests, 8)).toEqual(alone);
    },
    120_000,
  );

  it('says in transformers.js what its samples say', async () => {
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = pathIn(name, '..');
    // As anybody would: which file and how many bits is for the folder to say.
    const generator = await pipeline('text-generation', name, { device: 'cpu', local_files_only: true });
    for (const { request, text } of samplesOf(name)) {
      const messages = request.input.kind === 'chat' ? request.input.messages : [];
      const [{ generated_text: said }] = await generator(messages, { max_new_tokens: 64, do_sample: false });
      expect(said.at(-1)).toEqual({ role: 'assistant', content: text });
    }
  }, 120_000);
});

describe('in a model process of the worker', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(() => harness.close());

  async function load({ name }: Release): Promise<LanguageModel> {
    const manifest = manifestOf(name);
    const { memoryBytes } = manifest.limits;
    const pool = harness.poolWith({ memoryBytes, loadMilliseconds: 60_000 });
    return pool.loadLanguage({ modelId: new Uint8Array(32), entry: manifest.entry, files: filesOf(name) });
  }

  async function ask(model: LanguageModel, { input, maxTokens }: Pick<LanguageRequest, 'input' | 'maxTokens'>) {
    let text = '';
    const order = { input, temperature: '0', topP: '1', stop: [], seed: new Uint8Array(32), maxUnits: 1_000 };
    const { reason } = await model.generate(
      { ...order, maxTokens: maxTokens ?? 64 },
      {
        deadlineMs: 60_000,
        signal: new AbortController().signal,
        onText: (piece) => {
          text += piece;
        },
      },
    );
    return { text, reason };
  }

  it.each(releases)(
    '$name is loaded within its limits and answers its samples',
    async (release) => {
      const model = await load(release);
      try {
        expect(model.info).toMatchObject({ layout: 'split-v1', vocabulary: VOCABULARY, contextTokens: 512 });
        for (const { request, text, reason } of samplesOf(release.name)) {
          expect(await ask(model, request)).toEqual({ text, reason });
        }
      } finally {
        model.close();
      }
    },
    120_000,
  );

  it.each(releases)(
    '$name solves as many unseen problems as its card says',
    async (release) => {
      const model = await load(release);
      try {
        for (const task of tasks) {
          const problems = heldOutProblems(task, PROBLEMS);
          const right = await Promise.all(
            problems.map(async ({ prompt, answer }) => {
              const input = { kind: 'chat', messages: [{ role: 'user', content: prompt }] } as const;
              const said = await ask(model, { input, maxTokens: 64 });
              return said.text === answer && said.reason === 'stop';
            }),
          );
          const share = right.filter(Boolean).length / PROBLEMS;
          expect(share, task).toBeGreaterThanOrEqual(leastOf(resultsOf(release.name)[task].accuracy));
        }
      } finally {
        model.close();
      }
    },
    180_000,
  );
});
