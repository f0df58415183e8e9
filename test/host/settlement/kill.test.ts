import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf } from '../../contracts/support/settlement.ts';
import { type RpcProxy, startRpcProxy } from '../../support/rpc-proxy.ts';
import type { ChildAnswer, ChildQuestion, ChildStart } from './support/child.ts';
import { eventually, temporaryFolder } from './support/settling.ts';
import { books, openEscrow, type PaidLog, type PaidWorld, PRICE, paidLog, paidWorld } from './support/world.ts';

/** SIGKILL at every kind of moment between a journal and a chain, which are those at which a node is asked something. */
let world: PaidWorld;
let proxy: RpcProxy;
let paid: PaidLog;
let folder: ReturnType<typeof temporaryFolder>;
let child: ChildProcess | undefined;
let fromBlock: bigint;

beforeAll(async () => {
  world = await paidWorld();
}, 120_000);
afterAll(() => world.stop());

beforeEach(async () => {
  proxy = await startRpcProxy(world.chain.url);
  paid = await paidLog(world);
  folder = temporaryFolder();
  fromBlock = BigInt(await world.rpc<Hex>('eth_blockNumber'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await proxy.close();
  folder.remove();
});

async function start(): Promise<void> {
  const started = fork(join(import.meta.dirname, 'support/child.ts'), {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child = started;
  started.on('message', (question: ChildQuestion) => {
    const { number } = question;
    const answer: ChildAnswer =
      'attest' in question
        ? { number, attested: paid.attest(question.attest) }
        : { number, ...paid.plain(question.plain) };
    if (started.connected) started.send(answer);
  });
  const { account, serves } = world.options([]);
  const beginning: ChildStart = {
    ...{ directory: folder.path, url: proxy.url, account, served: await serves(), fromBlock, chainId: world.chainId },
    settlement: bytesOf(world.settlement.address.toLowerCase() as Hex),
    ...{ ready: paid.log.ready, log: paid.log.log, channels: paid.channels.map(({ fields }) => fields) },
    ...{ entries: paid.entries, vouchers: paid.vouchers },
  };
  started.send(beginning);
}

/** Ends the child when that method is asked for the nth time: before the chain hears of it, or after. */
async function killAt(method: string, nth: number, when: 'before' | 'after'): Promise<void> {
  let seen = 0;
  const killed = new Promise<void>((resolve) => {
    proxy.decide = (asked) => {
      if (asked !== method) return 'answer';
      seen += 1;
      if (seen !== nth) return 'answer';
      child?.once('exit', () => resolve());
      if (when === 'before') child?.kill('SIGKILL');
      else setTimeout(() => child?.kill('SIGKILL'), 30);
      return when === 'before' ? 'cut' : 'lose-answer';
    };
  });
  await start();
  await killed;
  proxy.decide = () => 'answer';
}

const SEND = 'eth_sendRawTransaction';
/** Two processes are started from source meanwhile, each of which takes seconds of a busy machine. */
const PATIENCE_MS = 60_000;
/** A registration, a head, a claim and an answer: all that there is to send. */
const ALL = 4;

describe('a settler that is killed', () => {
  it.each<[string, number, 'before' | 'after']>([
    [SEND, 1, 'after'],
    [SEND, 3, 'before'],
    [SEND, 4, 'after'],
    ['eth_getTransactionReceipt', 4, 'before'],
  ])(
    'is paid once and sends nothing twice: at %s %i, %s',
    async (method, nth, when) => {
      const before = await books(world, fromBlock);
      const sender = world.accounts.operator;
      const count = Number(await world.rpc<Hex>('eth_getTransactionCount', [sender, 'latest']));
      paid.charge(await paid.openChannel(100n), 7n);
      const id = await openEscrow(world);
      await killAt(method, nth, when);
      await start();
      await eventually(
        'payment',
        async () => {
          const now = await books(world, fromBlock);
          return now.claimed - before.claimed === 7n && now.credit - before.credit === PRICE;
        },
        PATIENCE_MS,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await books(world, fromBlock)).fulfilled).toEqual([id]);
      expect(Number(await world.rpc<Hex>('eth_getTransactionCount', [sender, 'latest']))).toBe(count + ALL);
      expect(paid.worked.get(id)).toBeLessThanOrEqual(1);
    },
    3 * PATIENCE_MS,
  );
});
