import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClientError, type HostTransport } from '../../../../../../client/index.ts';
import { type FromHost, readCard, readSample } from '../../../../../../host/console/page/views/models/samples.ts';
import { requireAccepted, verifyRelease } from '../../../../../../verifier/index.ts';
import { utf8 } from '../../../../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../../../../wire/crypto/node.ts';
import type { Manifest } from '../../../../../../wire/message/manifest.ts';
import { tensorValues } from '../../../../../../wire/message/tensor.ts';
import { release as makeRelease } from '../../../../../enclave/worker/core/harness.ts';

async function showing(
  files: Readonly<Record<string, Uint8Array>>,
  changes: Partial<Manifest>,
  hidden: readonly string[] = [],
): Promise<FromHost> {
  const { signed, modelId } = makeRelease([], {
    entry: Object.keys(files)[0] as string,
    files: Object.entries(files).map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
    ...changes,
  });
  const host = {
    get: async (path: string) => {
      const name = path.split('/files/')[1] ?? '';
      const bytes = files[name];
      if (bytes === undefined || hidden.includes(name)) {
        throw new ClientError('host_error', 'no', { reason: 'file_unknown' });
      }
      return bytes;
    },
  } as unknown as HostTransport;
  const verdict = await verifyRelease(signed, { modelId, publishers: 'any', suite: nodeSuite });
  return { host, release: requireAccepted(verdict), suite: nodeSuite };
}

const file = (path: string): Uint8Array => Uint8Array.from(readFileSync(path));
const samples = [{ request: 'in.json', response: 'out.json' }];

describe('what a publisher put beside its model', () => {
  it('is a card', async () => {
    const from = await showing({ 'README.md': utf8('# Hello') }, {});
    expect(await readCard(from)).toBe('# Hello');
    expect(
      await readCard({ ...from, host: (await showing({ 'README.md': utf8('# Hello') }, {}, ['README.md'])).host }),
    ).toBeUndefined();
    expect(await readCard(await showing({ 'model.onnx': utf8('x') }, {}))).toBeUndefined();
  });

  it('is an input with the answer that belongs to it', async () => {
    const files = {
      'in.json': file('models/volatility-1h/samples/one.request.json'),
      'out.json': file('models/volatility-1h/samples/one.response.json'),
    };
    const sample = await readSample(await showing(files, { samples }), 0);
    expect(sample).toMatchObject({ kind: 'tensor', inputs: [{ name: 'changes', shape: [1, 16] }] });
    const expected = sample.kind === 'tensor' ? sample.expected?.outputs[0] : undefined;
    expect(expected === undefined ? [] : tensorValues(expected)).toHaveLength(1);
    const alone = await readSample(await showing(files, { samples }, ['out.json']), 0);
    expect(alone).toMatchObject({ kind: 'tensor', expected: undefined });
    expect(await readSample(await showing(files, { samples }, ['in.json']), 0)).toEqual({
      kind: 'none',
      why: 'the host does not show it',
    });
    expect(await readSample(await showing(files, { samples }), 1)).toMatchObject({ kind: 'none' });
  });

  it('is a conversation with its end', async () => {
    const files = {
      'in.json': file('models/tiny-chat/samples/greeting.request.json'),
      'out.json': file('models/tiny-chat/samples/greeting.response.json'),
    };
    const sample = await readSample(await showing(files, { samples, kind: 'text-generation' }), 0);
    expect(sample).toMatchObject({
      kind: 'text-generation',
      request: { input: { messages: [{ role: 'user', content: 'Hello!' }] }, maxTokens: 64 },
    });
    expect(sample.kind === 'text-generation' ? sample.expected : '').toMatch(/^I add and subtract/);
  });

  it('is nothing where it is no request, which is no lie', async () => {
    const files = { 'in.json': utf8('{"inputs":1}'), 'out.json': utf8('{}') };
    expect(await readSample(await showing(files, { samples }), 0)).toMatchObject({ kind: 'none' });
    const odd = { 'in.json': file('models/volatility-1h/samples/one.request.json'), 'out.json': utf8('x') };
    expect(await readSample(await showing(odd, { samples }), 0)).toMatchObject({ kind: 'tensor', expected: undefined });
  });
});
