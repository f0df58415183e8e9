import { describe, expect, it } from 'vitest';
import type { TextStore } from '../../../../../../host/console/page/connection/policy.ts';
import { rememberedHeads, rememberHead } from '../../../../../../host/console/page/views/receipts/heads.ts';
import { limits } from '../../../../../../wire/limits.ts';
import { HEAD_BYTES } from '../../../../../../wire/message/receipt.ts';

function memory(first?: string): TextStore & { text: string | undefined } {
  const store = {
    text: first,
    load: () => store.text,
    save: (_: string, text: string) => {
      store.text = text;
    },
    remove: () => {
      store.text = undefined;
    },
  };
  return store;
}

const log = (at: number): Uint8Array => new Uint8Array(32).fill(at);
const head = (at: number) => ({ head: new Uint8Array(HEAD_BYTES).fill(at), signature: new Uint8Array(64).fill(at) });

describe('the heads that a browser remembers', () => {
  it('are the newest of each log', () => {
    const store = memory();
    rememberHead(store, log(1), head(1));
    rememberHead(store, log(2), head(2));
    rememberHead(store, log(1), head(3));
    expect(rememberedHeads(store, log(1))).toEqual([head(3)]);
    expect(rememberedHeads(store, log(2))).toEqual([head(2)]);
    expect(rememberedHeads(store, log(9))).toEqual([]);
  });

  it('are bounded, and those of the logs that were looked at last stay', () => {
    const store = memory();
    for (let at = 0; at < limits.watchedHeads + 3; at++) rememberHead(store, log(at), head(at));
    expect(rememberedHeads(store, log(2))).toEqual([]);
    expect(rememberedHeads(store, log(3))).toEqual([head(3)]);
  });

  it.each(['', '{}', '[{"log":"x"}]', 'null'])('are none where the storage holds something else: %s', (text) => {
    expect(rememberedHeads(memory(text), log(1))).toEqual([]);
  });
});
