import { describe, expect, it } from 'vitest';
import { createChainReader } from '../../../../host/console/page/connection/chain.ts';
import { browserStore, dropPolicy, firstPolicy, keepPolicy } from '../../../../host/console/page/connection/policy.ts';
import { parseSettings } from '../../../../host/console/page/connection/settings.ts';
import { VerifierError } from '../../../../verifier/index.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { WireError } from '../../../../wire/errors.ts';
import { policyJson } from '../../../support/nitro-evidence.ts';

const settings = {
  servedBy: 'package',
  base: '/host',
  policy: true,
  chain: false,
  target: 'http://host.example',
  version: '1.2.3',
  digest: 'ab'.repeat(32),
};

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text),
    removeItem: (name: string) => void kept.delete(name),
  } as unknown as Storage;
}

describe('what the page is told of itself', () => {
  it('is read whole', () => {
    expect(parseSettings(settings)).toEqual({ ...settings, hub: null });
    expect(parseSettings({ ...settings, hub: true })).toEqual({ ...settings, hub: true });
  });

  it.each([
    { servedBy: 'nobody' },
    { base: 'http://elsewhere.example' },
    { base: '//elsewhere.example' },
    { digest: 'short' },
    { more: 1 },
  ])('is refused with %o', (change) => {
    expect(() => parseSettings({ ...settings, ...change })).toThrow(WireError);
  });
});

describe('the policy of the page', () => {
  const text = JSON.stringify(policyJson());
  const other = JSON.stringify({ ...(policyJson() as object), name: 'another' });

  it('is none until the user names one', () => {
    expect(firstPolicy(undefined, browserStore(storage))).toEqual({ kind: 'none' });
  });

  it('is that of the package where one was named, whatever this browser kept', () => {
    const kept = storage();
    const store = browserStore(() => kept);
    keepPolicy(other, store);
    expect(firstPolicy(undefined, store)).toMatchObject({ source: 'this browser', text: other });
    expect(firstPolicy(text, store)).toMatchObject({ source: 'user package', text });
    dropPolicy(store);
    expect(firstPolicy(undefined, store)).toEqual({ kind: 'none' });
  });

  it('is not taken, and not kept, where the text is no policy', () => {
    const kept = storage();
    const store = browserStore(() => kept);
    expect(() => keepPolicy('{"tee":"aws-nitro"}', store)).toThrow(VerifierError);
    expect(firstPolicy(undefined, store)).toEqual({ kind: 'none' });
    store.save('proofmark.policy', 'of another program');
    expect(firstPolicy(undefined, store)).toEqual({ kind: 'none' });
    expect(store.load('proofmark.policy')).toBeUndefined();
  });

  it('lasts as long as the page where a browser keeps nothing', () => {
    const store = browserStore(() => {
      throw new TypeError('switched off');
    });
    expect(keepPolicy(text, store)).toMatchObject({ kind: 'chosen' });
    expect(firstPolicy(undefined, store)).toEqual({ kind: 'none' });
  });
});

describe('the chain behind the page', () => {
  const asked: unknown[] = [];
  const answering = (answer: JsonValue) =>
    createChainReader(async (body) => {
      asked.push(JSON.parse(new TextDecoder().decode(body)));
      return answer;
    });

  it('is asked one question at a time, and answers values', async () => {
    expect(await answering({ jsonrpc: '2.0', id: 1, result: '0x7a69' }).chainId()).toBe(31_337n);
    const called = await answering({ result: '0x00ff' }).call(new Uint8Array(20), Uint8Array.of(1, 2));
    expect(called).toEqual(Uint8Array.of(0, 255));
    expect(asked.at(-1)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'eth_call',
      params: [{ to: `0x${'00'.repeat(20)}`, data: '0x0102' }, 'latest'],
    });
  });

  it.each([{ error: { code: 3 } }, {}, null, [], 'text', { result: 'x' }, { result: '0xg' }, { result: 5 }])(
    'is refused with the answer %j',
    async (answer) => {
      const failure = await answering(answer as JsonValue)
        .blockNumber()
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'host_error', reason: 'chain_error' });
    },
  );
});
