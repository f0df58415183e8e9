import { beforeEach, describe, expect, it } from 'vitest';
import { watchGrowth } from '../../../../../host/console/page/fleet/growth.ts';
import type { Verified, WorkerFacts } from '../../../../../verifier/index.ts';
import { toBase64url, toHex, utf8 } from '../../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../../wire/crypto/node.ts';
import { createShownLog, type ShownLog } from '../../../../client/watch/shown-log.ts';
import { refusalOf } from '../../../../client/world.ts';

let shown: ShownLog;
let watch: ReturnType<typeof watchGrowth>;

beforeEach(() => {
  shown = createShownLog();
  const [{ worker }] = shown.grow(1) as [ReturnType<ShownLog['grow']>[number]];
  // The log is a fake one, and so is its worker: what is tested comes after a worker was proven.
  watch = watchGrowth({ transport: shown.host, suite: nodeSuite, worker: worker as Verified<WorkerFacts> });
});

const isHead = (path: string): boolean => path.startsWith('/v1/log/head');

function showHead(size: number, root: Uint8Array, changes: object = {}): void {
  const { head, signature } = shown.log.signHead(size, root);
  const said = {
    log: toHex(shown.log.log),
    size,
    head: toBase64url(head),
    signature: toBase64url(signature),
    ...changes,
  };
  shown.onGet = (path, pass) => (isHead(path) ? utf8(JSON.stringify(said)) : pass());
}

describe('the growth of a log', () => {
  it('is what its worker signed, and what each head proves to have grown out of the one before', async () => {
    for (const count of [1, 3, 7]) {
      const before = shown.log.size;
      expect((await watch.sample()).size).toBe(before);
      shown.grow(count);
    }
    expect((await watch.sample()).size).toBe(12);
    expect((await watch.sample()).size).toBe(12);
  });

  it('is refused where a head is older than one that was seen', async () => {
    const old = shown.head(1);
    shown.grow(4);
    await watch.sample();
    showHead(old.size, old.root);
    expect(await refusalOf(watch.sample())).toBe('log_withheld/head_stale');
  });

  it('is a fork where two roots are signed for one size', async () => {
    await watch.sample();
    showHead(1, new Uint8Array(32).fill(7));
    expect(await refusalOf(watch.sample())).toBe('log_forked/log_forked');
  });

  it('is refused where nothing shows that the later head continues the earlier', async () => {
    await watch.sample();
    shown.grow(2);
    showHead(3, new Uint8Array(32).fill(7));
    expect(await refusalOf(watch.sample())).toBe('log_withheld/consistency_proof');
  });

  it('is refused where somebody else signed, or another log', async () => {
    const { size, root } = shown.head(1);
    showHead(size, root, { signature: toBase64url(new Uint8Array(64).fill(1)) });
    expect(await refusalOf(watch.sample())).toBe('protocol_violated/head_signature');
    const other = createShownLog();
    other.grow(1);
    const bytes = await other.host.get('/v1/log/head', 0);
    shown.onGet = () => bytes;
    expect(await refusalOf(watch.sample())).toBe('protocol_violated/head_of_other_log');
  });
});
