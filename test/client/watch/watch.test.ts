import { decodeFunctionData, parseAbi, toHex as viemHex } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import { ClientError, type HeadStore, type KeptHead, type LogWatch, watchLog } from '../../../client/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeTreeHead } from '../../../wire/message/receipt.ts';
import { createWorld, refusalOf } from '../world.ts';
import { createShownLog, type ShownLog } from './shown-log.ts';

const contracts = parseAbi([
  'struct SignedHead { bytes32 log; uint256 size; bytes32 root; bytes32 r; bytes32 s; }',
  'function revokeTwoRoots(bytes32[10] words, SignedHead one, SignedHead other)',
  'function postHead(SignedHead head) returns (bool)',
]);

let shown: ShownLog;
let watch: LogWatch;
beforeEach(() => {
  shown = createShownLog();
  watch = watchLog({ host: shown.host, suite: nodeSuite });
});

async function failureOf(work: Promise<unknown>): Promise<ClientError> {
  const failure: unknown = await work.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClientError);
  return failure as ClientError;
}

const elsewhere = new Uint8Array(32).fill(7);

describe('a log that only grows', () => {
  it('passes, however its heads come', async () => {
    for (const count of [1, 2, 5, 1, 9]) {
      const seen = shown.grow(count);
      for (const proof of seen) await watch.see(proof);
      await watch.check();
    }
    // Older heads, too, and the same again.
    const [first] = shown.grow(3);
    shown.grow(4);
    await watch.see(first as NonNullable<typeof first>);
    await watch.check();
    await watch.check();
  });

  it('passes beside others', async () => {
    const other = createShownLog();
    const [mine] = shown.grow(1);
    await watch.see(mine as NonNullable<typeof mine>);
    other.grow(1);
    await watch.check();
  });

  it('is joined before more heads are held than there is room for', async () => {
    for (let i = 0; i < limits.watchedHeads; i++) {
      const [proof] = shown.grow(1);
      await watch.see(proof as NonNullable<typeof proof>);
    }
    shown.onGet = () => {
      throw new ClientError('host_unreachable', 'gone');
    };
    // Nothing is left that would have to be asked about before the newest head.
    expect(await refusalOf(watch.check())).toBe('host_unreachable/host_unreachable');
  });
});

describe('a log with two histories', () => {
  it('is caught with two roots for one size, by words that the registry takes', async () => {
    const [proof] = shown.grow(3);
    await watch.see(proof as NonNullable<typeof proof>);
    const failure = await failureOf(watch.see(shown.sign(3, elsewhere)));
    expect(failure).toMatchObject({ code: 'log_forked', action: 'stop-trusting' });
    const { call, heads } = failure.evidence as NonNullable<typeof failure.evidence>;
    expect(call.contract).toBe('registry');
    const { functionName, args } = decodeFunctionData({ abi: contracts, data: viemHex(call.data) });
    expect(functionName).toBe('revokeTwoRoots');
    const [words, one, other] = args as unknown as readonly [
      readonly string[],
      { readonly size: bigint; readonly root: string },
      { readonly size: bigint; readonly root: string; readonly log: string },
    ];
    expect(words.map((word) => word.slice(2)).join('')).toBe(toHex(shown.log.ready.identity));
    expect([one.size, other.size]).toEqual([3n, 3n]);
    expect([one.root, other.root]).toEqual(heads.map(({ root }) => `0x${toHex(root)}`));
    expect(other.log).toBe(`0x${toHex(shown.log.log)}`);
  });

  it('is caught where the host shows the other one', async () => {
    const [proof] = shown.grow(3);
    await watch.see(proof as NonNullable<typeof proof>);
    const fork = createShownLog(shown.log);
    const { head, signature } = fork.log.signHead(3, elsewhere);
    shown.onGet = (path, pass) => {
      if (!path.startsWith('/v1/log/head')) return pass();
      const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
      return utf8(JSON.stringify({ log: toHex(shown.log.log), size: 3, head: text(head), signature: text(signature) }));
    };
    expect(await refusalOf(watch.check())).toBe('log_forked/log_forked');
  });

  it('of different sizes has no proof to show: an alarm', async () => {
    const [proof] = shown.grow(3);
    await watch.see(proof as NonNullable<typeof proof>);
    await watch.see(shown.sign(2, elsewhere));
    expect(await refusalOf(watch.check())).toBe('log_withheld/consistency_proof');
  });

  it.each([
    ['size_unknown', 'log_withheld/size_unknown'],
    ['log_unknown', 'log_withheld/log_unknown'],
    ['not_found', 'log_withheld/not_found'],
    ['busy', 'host_error/busy'],
  ])('is hidden by a host that says %s: %s', async (reason, expected) => {
    const [proof] = shown.grow(3);
    await watch.see(proof as NonNullable<typeof proof>);
    shown.grow(2);
    shown.onGet = (path, pass) => {
      if (path.startsWith('/v1/log/consistency')) throw new ClientError('host_error', '', { reason });
      return pass();
    };
    expect(await refusalOf(watch.check())).toBe(expected);
  });

  it.each([
    ['another signature', (text: string) => text.replace(/"signature":"./, '"signature":"_')],
    ['no JSON', () => '<html>'],
  ])('is not made up by a host: a head with %s is a violation', async (_, change) => {
    const [proof] = shown.grow(1);
    await watch.see(proof as NonNullable<typeof proof>);
    shown.onGet = (path, pass) =>
      path.startsWith('/v1/log/head') ? utf8(change(Buffer.from(pass()).toString())) : pass();
    expect(await refusalOf(watch.check())).toMatch(/^protocol_violated\//);
  });

  it('of another log is none of this one', async () => {
    const [proof] = shown.grow(1);
    const other = createShownLog();
    const [theirs] = other.grow(1);
    const mixed = {
      worker: (proof as NonNullable<typeof proof>).worker,
      bundle: (theirs as NonNullable<typeof theirs>).bundle,
    };
    expect(await refusalOf(watch.see(mixed))).toBe('protocol_violated/head_signature');
  });
});

describe('a receipt', () => {
  it('that is not shown any more is an alarm', async () => {
    const [proof] = shown.grow(2);
    await watch.see(proof as NonNullable<typeof proof>);
    shown.onGet = (path, pass) => {
      if (path.startsWith('/v1/receipts/')) throw new ClientError('host_error', '', { reason: 'receipt_unknown' });
      return pass();
    };
    expect(await refusalOf(watch.check())).toBe('log_withheld/receipt_unknown');
  });

  it('that another leaf stands for is an alarm', async () => {
    const [first, second] = shown.grow(2);
    const changed = Uint8Array.from((first as NonNullable<typeof first>).bundle.receipt);
    changed[100] = (changed[100] as number) ^ 1;
    const { worker, bundle } = first as NonNullable<typeof first>;
    await watch.see({ worker, bundle: { ...bundle, receipt: changed } });
    expect(second).toBeDefined();
    expect(await refusalOf(watch.check())).toBe('log_withheld/inclusion_proof');
  });
});

describe('heads on chain', () => {
  const onChain =
    (...heads: readonly { readonly size: number; readonly root: Uint8Array }[]) =>
    async () =>
      heads;

  it('that are of the same history pass, smaller, equal and larger ones', async () => {
    const [proof] = shown.grow(6);
    shown.grow(3);
    const heads = [shown.head(2), shown.head(6), shown.head(9)];
    const both = watchLog({ host: shown.host, suite: nodeSuite, onChain: onChain(...heads) });
    await both.see(proof as NonNullable<typeof proof>);
    await both.check();
  });

  it('with another root for a size that was seen are evidence, by words that the settlement takes', async () => {
    const [proof] = shown.grow(6);
    const both = watchLog({ host: shown.host, suite: nodeSuite, onChain: onChain({ size: 6, root: elsewhere }) });
    await both.see(proof as NonNullable<typeof proof>);
    const failure = await failureOf(both.check());
    expect(failure.code).toBe('log_forked');
    const { call } = failure.evidence as NonNullable<typeof failure.evidence>;
    expect(call.contract).toBe('settlement');
    const { functionName, args } = decodeFunctionData({ abi: contracts, data: viemHex(call.data) });
    expect(functionName).toBe('postHead');
    expect(args).toMatchObject([{ size: 6n, root: `0x${toHex(shown.head(6).root)}` }]);
  });

  it('of another size that nobody can join are an alarm', async () => {
    const [proof] = shown.grow(6);
    const both = watchLog({ host: shown.host, suite: nodeSuite, onChain: onChain({ size: 4, root: elsewhere }) });
    await both.see(proof as NonNullable<typeof proof>);
    expect(await refusalOf(both.check())).toBe('log_withheld/consistency_proof');
  });
});

describe('what is remembered', () => {
  it('outlives the process: a log that was rewritten meanwhile is noticed', async () => {
    const kept = new Map<string, KeptHead>();
    const store: HeadStore = {
      load: async () => [...kept.values()],
      save: async (head) => {
        kept.set(toHex(head.identity), head);
      },
    };
    const [proof] = shown.grow(5);
    const before = watchLog({ host: shown.host, suite: nodeSuite, store });
    await before.see(proof as NonNullable<typeof proof>);
    await before.check();
    expect(decodeTreeHead((kept.values().next().value as KeptHead).head).size).toBe(5);
    const after = watchLog({ host: shown.host, suite: nodeSuite, store });
    expect(await refusalOf(after.see(shown.sign(5, elsewhere)))).toBe('log_forked/log_forked');
  });
});

describe('with a client', () => {
  it('takes its answers as they are', async () => {
    const world = await createWorld();
    const real = watchLog({ host: world.host, suite: nodeSuite });
    await real.see(await world.client().infer(world.call));
    // This host shows no log at all, which is what is said of it.
    expect(await refusalOf(real.check())).toBe('log_withheld/not_found');
  });
});
