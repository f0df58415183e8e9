import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { intermediatesOf } from '../../cli/auditor/intermediates.ts';
import { computeAgain } from '../../cli/replay/replay.ts';
import { readStatement, type Statement } from '../../cli/replay/statement.ts';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { connect } from '../../client/index.ts';
import { openRelease, type Release } from '../../host/releases.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { committedRelease, readIn } from '../models/drafts.ts';
import { word } from '../support/findings.ts';
import { writeLanguageRelease } from '../support/language-release.ts';
import { demoCall } from '../support/stack.ts';

let folder: string;
let stack: Stack;
let tensorRelease: Release;
let chatRelease: Release;
let tensors: Statement;
let nudged: Statement;
let chat: Statement;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-steps-'));
  const { manifest } = await committedRelease('tiny-chat');
  const files = new Map(manifest.files.map(({ path }) => [path, readIn('tiny-chat', path)]));
  const language = await writeLanguageRelease(folder, { name: 'tiny-chat', entry: manifest.entry, files });
  const { releaseDirectory } = await writeDemoFiles(folder);
  stack = await startStack({
    ...{ stateDirectory: folder, port: 0, tier: 'sim-process', platform: { tee: 'aws-nitro', role: null } },
    instead: { release: releaseDirectory, hostArguments: ['--release', language.directory], hostEnvironment: {} },
    onEvent: () => undefined,
  });
  const policy = parseWorkerPolicy({
    ...(JSON.parse(await readFile(stack.policyFile, 'utf8')) as object),
    models: 'any',
  });
  const client = connect(stack.url, { policy });
  tensors = statementOf((await client.infer(demoCall(stack, 1, 0.5))).archive());
  nudged = statementOf((await client.infer(demoCall(stack, 1, 0.50001))).archive());
  const question = { model: toHex(language.modelId), messages: [{ role: 'user', content: 'Hello' }], temperature: 0 };
  chat = statementOf((await client.chat({ ...question, max_tokens: 8 })).archive());
  tensorRelease = openRelease(releaseDirectory);
  chatRelease = openRelease(language.directory);
}, 240_000);

afterAll(async () => {
  await stack.supervisor.stop();
  await rm(folder, { recursive: true, force: true });
});

function statementOf(archive: Uint8Array): Statement {
  const reading = readStatement(decodeArchive(archive));
  if (!('statement' in reading)) throw new Error(reading.detail);
  return reading.statement;
}

async function stepsOf(statement: Statement, release: Release, leaf: Uint8Array): Promise<string> {
  const { report, inputs } = await computeAgain(statement, { release, tolerance: 'exact' });
  expect(report.verdict).toBe('replayed');
  return toHex(await intermediatesOf(statement, { release, leaf, inputs }));
}

describe('what lies between input and answer', () => {
  it('is the same twice of a graph, another for another input, and another for another leaf', async () => {
    const first = await stepsOf(tensors, tensorRelease, word(1));
    expect(await stepsOf(tensors, tensorRelease, word(1))).toBe(first);
    expect(await stepsOf(nudged, tensorRelease, word(1))).not.toBe(first);
    expect(await stepsOf(tensors, tensorRelease, word(2))).not.toBe(first);
  }, 120_000);

  it('is the same twice of a language model, and another for another leaf', async () => {
    const first = await stepsOf(chat, chatRelease, word(1));
    expect(await stepsOf(chat, chatRelease, word(1))).toBe(first);
    expect(await stepsOf(chat, chatRelease, word(2))).not.toBe(first);
  }, 120_000);
});
