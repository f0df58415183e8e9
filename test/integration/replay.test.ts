import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../cli/run.ts';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { connect } from '../../client/index.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { type Archive, decodeArchive, encodeArchive } from '../../wire/message/archive.ts';
import { decodeExecution, type Execution, encodeExecution } from '../../wire/message/execution.ts';
import { decodeReceipt, encodeReceipt, type Receipt, status } from '../../wire/message/receipt.ts';
import { responsePreimage } from '../../wire/message/request.ts';
import { committedRelease, readIn } from '../models/drafts.ts';
import type { Outcome } from '../support/command.ts';
import { writeLanguageRelease } from '../support/language-release.ts';
import { demoCall } from '../support/stack.ts';

let folder: string;
let stack: Stack;
let policyFile: string;
let tensorRelease: string;
let chatRelease: string;
/** What a worker answered, as its caller kept it. */
let tensors: Archive;
let chat: Archive;
let streamed: Archive;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-replay-'));
  const { manifest } = await committedRelease('tiny-chat');
  const files = new Map(manifest.files.map(({ path }) => [path, readIn('tiny-chat', path)]));
  const release = await writeLanguageRelease(folder, { name: 'tiny-chat', entry: manifest.entry, files });
  chatRelease = release.directory;
  tensorRelease = (await writeDemoFiles(folder)).releaseDirectory;
  stack = await startStack({
    stateDirectory: folder,
    port: 0,
    tier: 'sim-process',
    platform: { tee: 'aws-nitro', role: null },
    instead: { release: tensorRelease, hostArguments: ['--release', chatRelease], hostEnvironment: {} },
    onEvent: () => {},
  });
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
  policyFile = join(folder, 'any-model.json');
  const written = JSON.stringify({ ...rules, models: 'any', runtimes: 'any' });
  await writeFile(policyFile, written);
  const client = connect(stack.url, { policy: parseWorkerPolicy(new TextEncoder().encode(written)) });
  tensors = decodeArchive((await client.infer(demoCall(stack))).archive());
  const question = {
    model: toHex(release.modelId),
    messages: [{ role: 'user', content: 'What is 457 + 268?' }],
    ...{ temperature: 0.8, top_p: 0.9, seed: 7, max_tokens: 40 },
  };
  chat = decodeArchive((await client.chat(question)).archive());
  const stream = client.streamChat({ ...question, stream_options: { include_usage: true } });
  for await (const _ of stream);
  streamed = decodeArchive((await stream.result).archive());
}, 240_000);

afterAll(async () => {
  await stack.supervisor.stop();
  await rm(folder, { recursive: true, force: true });
});

async function replayed(archive: Archive, ...args: readonly string[]): Promise<Outcome> {
  const file = join(folder, 'replayed.proofmark');
  await writeFile(file, encodeArchive(archive));
  let [out, err] = ['', ''];
  const code = await run({
    args: ['replay', file, ...args],
    style: { colours: false },
    write: (text) => {
      out += text;
    },
    warn: (text) => {
      err += text;
    },
    now: () => Date.now(),
    terminal: 'none',
  });
  return { code, out, err };
}

async function report(archive: Archive, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out } = await replayed(archive, ...args, '--json');
  return { exit: code, ...(JSON.parse(out) as Record<string, unknown>) };
}

const withReceipt = (archive: Archive, change: (receipt: Receipt) => Receipt): Archive => ({
  ...archive,
  receipt: encodeReceipt(change(decodeReceipt(archive.receipt))),
});

/** As a worker would have signed it that computed by another record. */
function computedBy(archive: Archive, change: Partial<Execution>): Archive {
  const execution = encodeExecution({ ...decodeExecution(archive.execution), ...change });
  return withReceipt({ ...archive, execution }, (receipt) => ({ ...receipt, execution: sha256(execution) }));
}

/** As a worker would have signed it that answered with another body: the planted lie. */
function answering(archive: Archive, change: (body: Uint8Array) => void): Archive {
  return answeringWith(archive, (body) => {
    change(body);
    return body;
  });
}

function answeringWith(archive: Archive, change: (body: Uint8Array) => Uint8Array): Archive {
  const { request, response: answered } = archive;
  if (request === null || answered?.body == null) throw new Error('an archive with its payloads');
  const body = change(Uint8Array.from(answered.body));
  const json = answered.format === 1;
  const response = { ...answered, jsonLength: json ? body.length : answered.jsonLength };
  const bodyHash = sha256(body);
  const facts = { status: 0n, format: BigInt(response.format), jsonLength: BigInt(response.jsonLength), bodyHash };
  const responseHash = sha256(responsePreimage({ salt: request.header.slice(192, 224), ...facts }));
  return withReceipt({ ...archive, response: { ...response, body, bodyHash } }, (receipt) => ({
    ...receipt,
    responseHash,
  }));
}

/** The same answer as a worker sends it that has time for every letter. */
function letterByLetter(stream: string): Uint8Array {
  const pieces = /"delta":\{"content":"((?:[^"\\]|\\.)*)"\}/;
  const events = stream.split('\n\n');
  const cut = events.flatMap((event) => {
    const text = pieces.exec(event)?.[1];
    if (text === undefined) return [event];
    const letters = JSON.parse(`"${text}"`) as string;
    return [...letters].map((letter) => event.replace(pieces, `"delta":{"content":${JSON.stringify(letter)}}`));
  });
  return new TextEncoder().encode(cut.join('\n\n'));
}

/** The last output of the demo model, by a change in its lowest bits. */
const nudge = (body: Uint8Array): void => {
  const at = body.length - 4;
  body[at] = (body[at] as number) ^ 1;
};

const elsewhere: Partial<Execution> = { cpuFamily: 'GenuineOther/6/1', cpuIsa: 'avx' };

describe('proofmark replay', () => {
  it('finds the bits of tensors again, and says who signed them', async () => {
    const found = await report(tensors, '--release', tensorRelease, '--policy', policyFile);
    expect(found).toMatchObject({ exit: 0, verdict: 'replayed', receipt: { verdict: 'accepted', code: null } });
    expect(found['execution']).toContainEqual({ name: 'version', worker: '1.30.0', here: '1.30.0' });
  });

  it.each([
    ['whole', () => chat],
    ['streamed', () => streamed],
  ])('finds a drawn answer of a language model again, token by token: %s', async (_, archive) => {
    expect(await report(archive(), '--release', chatRelease)).toMatchObject({ exit: 0, verdict: 'replayed' });
  });

  it('needs no answer in the file, only its hash', async () => {
    const hashed: Archive = { ...tensors, response: tensors.response && { ...tensors.response, body: null } };
    expect(await report(hashed, '--release', tensorRelease)).toMatchObject({ exit: 0, verdict: 'replayed' });
    expect(await report({ ...chat, response: null }, '--release', chatRelease)).toMatchObject({ verdict: 'replayed' });
  });

  it('compares a stream by its text, however it was cut, and needs it for that', async () => {
    const recut = answeringWith(streamed, (body) => letterByLetter(new TextDecoder().decode(body)));
    expect(recut.response?.body).not.toEqual(streamed.response?.body);
    expect(await report(recut, '--release', chatRelease)).toMatchObject({ exit: 0, verdict: 'replayed' });
    const hashed: Archive = { ...recut, response: null };
    expect(await report(hashed, '--release', chatRelease)).toMatchObject({ exit: 40, code: 'stream_missing' });
  });

  it('catches a stream in which one letter is another', async () => {
    const lied = answeringWith(streamed, (body) => {
      const text = new TextDecoder().decode(body);
      return new TextEncoder().encode(text.replace(/("content":")[^"\\]/, '$1Z'));
    });
    const found = await report(lied, '--release', chatRelease);
    expect(found).toMatchObject({
      exit: 20,
      verdict: 'differs',
      where: expect.stringContaining('the worker goes on "Z'),
    });
  });

  it('catches a worker that signed another value, by place', async () => {
    const found = await report(answering(tensors, nudge), '--release', tensorRelease);
    expect(found).toMatchObject({ exit: 20, verdict: 'differs', where: expect.stringMatching(/^logits\[9\] is /) });
  });

  it('catches a worker that signed another token, and shows where they part', async () => {
    const lied = answering(chat, (body) => {
      const at = Buffer.from(body).indexOf('"content":"') + '"content":"'.length;
      body[at] = 'Z'.charCodeAt(0);
    });
    const found = await report(lied, '--release', chatRelease);
    expect(found).toMatchObject({
      exit: 20,
      verdict: 'differs',
      where: expect.stringContaining('the worker goes on "Z'),
    });
  });

  it('catches a worker that charged for more units', async () => {
    const dearer = withReceipt(tensors, (receipt) => ({ ...receipt, fee: receipt.fee + 1n }));
    expect(await report(dearer, '--release', tensorRelease)).toMatchObject({
      exit: 20,
      verdict: 'differs',
      where: 'the fee is 0 instead of 1',
    });
  });

  it('never passes what was computed on another class of processor for the same thing', async () => {
    const same = computedBy(tensors, elsewhere);
    const other = answering(same, nudge);
    const at = ['--release', tensorRelease] as const;
    expect(await report(same, ...at)).toMatchObject({ exit: 0, verdict: 'replayed-elsewhere', sameClass: false });
    expect(await report(other, ...at)).toMatchObject({ exit: 40, verdict: 'differs-elsewhere' });
    expect(await report(other, ...at, '--tolerance', '1e-5')).toMatchObject({
      exit: 40,
      verdict: 'near',
      tolerance: 1e-5,
      farthest: expect.any(Number),
    });
    expect(await report(other, ...at, '--tolerance', '1e-12')).toMatchObject({
      exit: 40,
      verdict: 'differs-elsewhere',
    });
  });

  it('gives no tolerance to the worker’s own class of processor', async () => {
    const found = await report(answering(tensors, nudge), '--release', tensorRelease, '--tolerance', '1');
    expect(found).toMatchObject({ exit: 20, verdict: 'differs' });
  });

  it('runs nothing by another engine, and says which', async () => {
    const older = computedBy(tensors, { version: '1.18.0' });
    expect(await report(older, '--release', tensorRelease)).toMatchObject({
      exit: 40,
      verdict: 'not-replayable',
      ...{ detail: 'version was 1.18.0, and is 1.30.0 here', milliseconds: null },
    });
  });

  it('has no verdict on a language model whose cache was laid out otherwise', async () => {
    const laid = answering(computedBy(chat, { layout: 'another' }), nudge);
    expect(await report(laid, '--release', chatRelease)).toMatchObject({ exit: 40, code: 'other_layout' });
  });

  it.each([
    ['request_missing', (): Archive => ({ ...tensors, request: null })],
    ['no_result', (): Archive => withReceipt(tensors, (receipt) => ({ ...receipt, status: status.stopped }))],
  ])('says why an answer cannot be computed again: %s', async (code, archive) => {
    expect(await report(archive(), '--release', tensorRelease)).toMatchObject({
      ...{ code, verdict: 'not-replayable', milliseconds: null },
    });
  });

  it('refuses a file whose parts are not of one answer', async () => {
    const mixed = { ...tensors, request: chat.request };
    const { code, err } = await replayed(mixed, '--release', tensorRelease);
    expect([code, err]).toEqual([20, expect.stringContaining('the request is not the one that the receipt is about')]);
  });

  it('runs no other release than the receipt names', async () => {
    const { code, err } = await replayed(tensors, '--release', chatRelease);
    expect([code, err]).toEqual([1, expect.stringContaining('the receipt is about')]);
  });

  it('runs no file that was changed since it was published', async () => {
    const changed = join(folder, 'changed');
    const { cp, open } = await import('node:fs/promises');
    await cp(tensorRelease, changed, { recursive: true });
    const file = await open(join(changed, 'model.onnx'), 'r+');
    await file.write(Uint8Array.of(0xff), 0, 1, 400);
    await file.close();
    const { code, err } = await replayed(tensors, '--release', changed);
    expect([code, err]).toEqual([1, expect.stringContaining('another digest')]);
  });

  it('lets the bits of a receipt that nobody vouches for count for nothing', async () => {
    const unsigned = withReceipt(tensors, (receipt) => ({ ...receipt, deadline: 1n }));
    const found = await report(unsigned, '--release', tensorRelease, '--policy', policyFile);
    expect(found).toMatchObject({ exit: 20, verdict: 'replayed', receipt: { verdict: 'untrusted' } });
  });

  it('tells a person what it shows and what it does not', async () => {
    const { out } = await replayed(tensors, '--release', tensorRelease);
    expect(out).toContain('the same bits, by the same engine on the same class of processor');
    expect(out).toContain('nobody was asked who signed it');
    expect(out).toContain('The processor is as each machine reports it.');
  });
});
