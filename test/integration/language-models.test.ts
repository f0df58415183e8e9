import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { type Client, connect } from '../../client/index.ts';
import { openTextCodec } from '../../enclave/worker/model/language/text-codec.ts';
import { openTokenEngine } from '../../enclave/worker/model/language/token-engine.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { entryOf, type TestDecoder, testDecoder } from '../models/decoder.ts';
import { committedRelease, readIn } from '../models/drafts.ts';
import { type LanguageFiles, writeLanguageRelease } from '../support/language-release.ts';

/** Folders of decoders all the way: signed as releases, served by one stack, asked by a client that verifies receipts. */
interface Served {
  readonly client: Client;
  readonly modelIds: ReadonlyMap<string, Uint8Array>;
  stop(): Promise<void>;
}

async function serve(releases: readonly LanguageFiles[]): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-models-'));
  const modelIds = new Map<string, Uint8Array>();
  const hostArguments: string[] = [];
  for (const release of releases) {
    const { directory, modelId } = await writeLanguageRelease(folder, release);
    modelIds.set(release.name, modelId);
    hostArguments.push('--release', directory);
  }
  const { releaseDirectory } = await writeDemoFiles(folder);
  const stack: Stack = await startStack({
    stateDirectory: folder,
    port: 0,
    tier: 'sim-process',
    platform: { tee: 'aws-nitro', role: null },
    instead: { release: releaseDirectory, hostArguments, hostEnvironment: {} },
    onEvent: () => {},
  });
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as { readonly [rule: string]: JsonValue };
  const policy = parseWorkerPolicy({ ...rules, models: 'any', runtimes: 'any' });
  return {
    client: connect(stack.url, { policy, models: Object.fromEntries(modelIds) }),
    modelIds,
    async stop() {
      await stack.supervisor.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const question = (content: string): readonly { readonly role: 'user'; readonly content: string }[] => [
  { role: 'user', content },
];

/** What the files say by themselves, without worker, host and client around them. */
async function saidAlone({ files, entry }: LanguageFiles, content: string, maxTokens: number): Promise<string> {
  const codec = openTextCodec(files);
  const options = { entry, optimisation: 'all', threads: 1, endTokens: codec.endTokens, capacity: 1 } as const;
  const engine = await openTokenEngine(files, options);
  const stream = codec.openStream([]);
  engine.start(0, codec.encodeChat(question(content)), {
    maxTokens,
    temperature: 0,
    topP: 1,
    seed: new Uint8Array(32),
  });
  let text = '';
  while (engine.running > 0) {
    for (const event of await engine.step()) if (event.kind === 'token') text += stream.push(event.token).text;
  }
  return text + stream.end();
}

/** Whole and streamed, each with a receipt that names the release. */
async function expectServed({ client, modelIds }: Served, release: LanguageFiles): Promise<void> {
  const content = 'What is 12 + 30?';
  const expected = await saidAlone(release, content, 24);
  const body = { model: release.name, messages: question(content), max_tokens: 24, temperature: 0 };
  const { text, receipt } = await client.chat(body);
  expect(text).toBe(expected);
  expect(text.length).toBeGreaterThan(0);
  expect(receipt).toMatchObject({ status: 'ok', sealed: true });
  expect(receipt.modelId).toEqual(modelIds.get(release.name));
  const stream = client.streamChat(body);
  let streamed = '';
  for await (const piece of stream) streamed += piece.text;
  expect(streamed).toBe(expected);
  expect((await stream.result).receipt.modelId).toEqual(modelIds.get(release.name));
}

const decoders: readonly (readonly [string, Partial<TestDecoder>])[] = [
  ['llama-split', { architecture: 'llama', layout: 'split', seed: 12 }],
  ['gpt2-optimum', { architecture: 'gpt2', layout: 'optimum', seed: 13 }],
  ['gpt2-pair', { architecture: 'gpt2', layout: 'pair', folder: '', seed: 14 }],
];

describe('a folder of a decoder with random weights', () => {
  const releases = decoders.map(([name, decoder]): LanguageFiles => {
    return { name, entry: entryOf(decoder), files: testDecoder(decoder) };
  });
  let served: Served;
  beforeAll(async () => {
    served = await serve(releases);
  }, 240_000);
  afterAll(() => served.stop());

  it.each(releases)(
    'becomes a release whose answers have a receipt: $name',
    (release) => expectServed(served, release),
    120_000,
  );
});

const chats = await Promise.all(
  ['tiny-chat', 'tiny-chat-int8'].map(async (name) => ({ name, ...(await committedRelease(name)) })),
);

describe('a committed chat', () => {
  const releases = chats.map(({ manifest, name }): LanguageFiles => {
    const files = new Map(manifest.files.map(({ path }) => [path, readIn(name, path)]));
    return { name, entry: manifest.entry, files };
  });
  let served: Served;
  beforeAll(async () => {
    served = await serve(releases);
  }, 240_000);
  afterAll(() => served.stop());

  it.each(releases)(
    'becomes a release whose answers have a receipt: $name',
    (release) => expectServed(served, release),
    120_000,
  );

  it.each(chats)(
    'answers its samples under receipts: $name',
    async ({ name, manifest }) => {
      const json = (path: string): unknown => JSON.parse(new TextDecoder().decode(readIn(name, path)));
      for (const { request, response } of manifest.samples) {
        const asked = json(request) as Parameters<Client['chat']>[0];
        const { message } = json(response) as { readonly message: { readonly content: string } };
        const { text, receipt } = await served.client.chat({ ...asked, model: name });
        expect(text).toBe(message.content);
        expect(receipt.status).toBe('ok');
      }
    },
    120_000,
  );
});
