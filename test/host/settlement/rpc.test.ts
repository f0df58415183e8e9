import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settlementAbi } from '../../../host/settlement/abi.ts';
import { type ChainReader, createChainReader } from '../../../host/settlement/chain.ts';
import { type RefusalKind, RpcRefusal } from '../../../host/settlement/errors.ts';
import { revertReason } from '../../../host/settlement/reverts.ts';
import { createEndpoints, type Endpoints } from '../../../host/settlement/rpc/endpoints.ts';
import { type RpcDeed, type RpcProxy, startRpcProxy } from '../../support/rpc-proxy.ts';

/** Nodes that say what these tests want, behind proxies that do worse. */
const CHAIN = 31_337n;
const word = `0x${'11'.repeat(32)}`;
let node: Server;
let results: Record<string, unknown>;
let proxies: RpcProxy[];
let faults: string[];
let time: number;
let endpoints: Endpoints;
let chain: ChainReader;
let refusals: string[];

const blockOf = (number: number): object => ({
  number: `0x${number.toString(16)}`,
  hash: word,
  parentHash: word,
  timestamp: '0x1',
  baseFeePerGas: '0x0',
});

beforeEach(async () => {
  results = { eth_chainId: '0x7a69', eth_getBlockByNumber: blockOf(100), eth_getLogs: [] };
  node = createServer((request, response) => {
    let said = '';
    request.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    request.on('end', () => {
      const { id, method } = JSON.parse(said) as { id: number; method: string };
      const result = results[method];
      response.end(
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          ...(result instanceof Map ? { error: Object.fromEntries(result) } : { result }),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
  proxies = [await startRpcProxy(url), await startRpcProxy(url), await startRpcProxy(url)];
  faults = [];
  time = 0;
});
afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  node.closeAllConnections();
  await new Promise((resolve) => node.close(resolve));
});

function open(count: number, quorum = 1): void {
  endpoints = createEndpoints({
    urls: proxies.slice(0, count).map(({ url }) => url),
    chainId: CHAIN,
    quorum,
    // Long enough for a large answer on a busy machine: only the node that stalls is waited for.
    callMs: 2_000,
    onFault: (endpoint, code) => faults.push(`${endpoint} ${code}`),
    now: () => time,
  });
  refusals = [];
  chain = createChainReader({
    ...{ endpoints, finalAfterBlocks: 8n },
    onRefused: (call, data, newest) => refusals.push(`${call} ${revertReason(data)} ${newest}`),
  });
}

const does = (proxy: number, deed: RpcDeed): void => {
  (proxies[proxy] as RpcProxy).decide = () => deed;
};
const logs = (): Promise<unknown> => chain.logs(`0x${'22'.repeat(20)}`, [[word as `0x${string}`]], 1n, 5n);

describe('a node', () => {
  it.each<[RpcDeed, string]>([
    ['stall', 'rpc_timeout'],
    ['cut', 'rpc_unreachable'],
    ['garbage', 'rpc_garbage'],
    ['html', 'rpc_garbage'],
    ['throttle', 'rpc_throttled'],
    ['huge', 'rpc_oversize'],
    ['wrong-chain', 'rpc_wrong_chain'],
  ])('that does this is left for the next one: %s', async (deed, code) => {
    open(2);
    does(0, deed);
    expect((await chain.block()).number).toBe(100n);
    expect(faults).toEqual([`0 ${code}`]);
    // The other one stays in use.
    await chain.block();
    expect(faults).toHaveLength(1);
  });

  it('that goes back further than can be replaced is left: rpc_behind', async () => {
    open(2);
    await chain.block();
    does(0, 'stale');
    results['eth_getBlockByNumber'] = blockOf(91);
    (proxies[1] as RpcProxy).rewrite = (method, result) => (method === 'eth_getBlockByNumber' ? blockOf(101) : result);
    expect((await chain.block()).number).toBe(101n);
    expect(faults).toEqual(['0 rpc_behind']);
  });

  it('that tells events which were not asked for is left: rpc_inconsistent', async () => {
    open(2);
    does(0, 'other-events');
    expect(await logs()).toEqual([]);
    expect(faults).toEqual(['0 rpc_inconsistent']);
  });

  it('that answers another question is left', async () => {
    open(1);
    results['eth_getBlockByNumber'] = { ...blockOf(100), hash: '0x12' };
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect(faults).toEqual(['0 rpc_garbage']);
  });

  it('is left alone for longer each time, and asked again then which chain it is of', async () => {
    open(1);
    does(0, 'cut');
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    const { asked } = proxies[0] as RpcProxy;
    const before = asked.length;
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect(asked.length).toBe(before);
    time += 60;
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    time += 60;
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect(asked.length).toBe(before + 1);
    time += 60;
    does(0, 'answer');
    expect((await chain.block()).number).toBe(100n);
    expect(asked.slice(-2)).toEqual(['eth_chainId', 'eth_getBlockByNumber']);
  });

  it('that is the only one is asked again within two seconds, however long it has failed', async () => {
    open(1);
    does(0, 'cut');
    for (let failures = 0; failures < 12; failures++) {
      await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
      time += 60_000;
    }
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    does(0, 'answer');
    time += 1_900;
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    time += 100;
    expect((await chain.block()).number).toBe(100n);
  });

  it('that keeps failing is left alone for fifteen seconds where enough others answer', async () => {
    open(3, 2);
    does(0, 'cut');
    const askAll = (): Promise<unknown> => endpoints.callEach('eth_getLogs', [], (value) => value);
    for (let failures = 0; failures < 12; failures++) {
      time += 60_000;
      await askAll();
    }
    const before = faults.length;
    for (let second = 1; second < 15; second++) {
      time += 1_000;
      await askAll();
    }
    expect(faults.length).toBe(before);
    time += 1_000;
    await askAll();
    expect(faults.length).toBe(before + 1);
  });

  it.each<[string, RefusalKind]>([
    ['execution reverted: LogUnknown()', 'reverted'],
    ['nonce too low: next nonce 5, tx nonce 4', 'nonce_too_low'],
    ['already known', 'known'],
    ['replacement transaction underpriced', 'underpriced'],
    ['max fee per gas less than block base fee: address 0x, maxFeePerGas: 1', 'fee_below_base'],
    ['insufficient funds for gas * price + value', 'coin_missing'],
    ['the moon is full', 'other'],
  ])('refuses in words that are told apart: %s', (message, kind) => {
    expect(new RpcRefusal(-32_000, message).kind).toBe(kind);
  });

  it.each<[string, unknown, string]>([
    ['plainly', '0x361fafe3', 'LogUnknown'],
    ['after a word', 'Reverted 0x361fafe3', 'LogUnknown'],
    ['in an object', { data: '0x361fafe3', more: 1 }, 'LogUnknown'],
    ['not at all', undefined, 'not_told'],
    ['with what is no hex', '<html>', 'not_told'],
    ['with far too much', `0x361fafe3${'ab'.repeat(100_000)}`, 'LogUnknown'],
  ])('says why a contract refuses, and that is told with the call and the block: %s', async (_, data, reason) => {
    open(1);
    await chain.block();
    results['eth_call'] = new Map<string, unknown>([
      ['code', 3],
      ['message', 'execution reverted'],
      ['data', data],
    ]);
    const call = { to: '0x00', abi: settlementAbi, functionName: 'escrowOf', args: [word as `0x${string}`] } as const;
    await expect(chain.read(call)).rejects.toMatchObject({ code: 'transaction_reverted' });
    expect(refusals).toEqual([`escrowOf ${reason} 100`]);
    expect(faults).toEqual([]);
  });

  it('whose refusal is a limit is left alone: rpc_throttled', async () => {
    open(1);
    results['eth_getBlockByNumber'] = new Map<string, unknown>([
      ['code', -32_005],
      ['message', 'slow down'],
    ]);
    await expect(chain.block()).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect(faults).toEqual(['0 rpc_throttled']);
  });
});

describe('facts on which money is given', () => {
  it('need as many nodes as the operator says', async () => {
    open(3, 2);
    does(0, 'cut');
    expect(await endpoints.callEach('eth_getLogs', [], (value) => value)).toHaveLength(2);
    time += 1_000;
    does(1, 'garbage');
    await expect(logs()).rejects.toMatchObject({ code: 'chain_unavailable' });
  });

  it('are the events that any of them tells', async () => {
    open(3, 2);
    results['eth_getLogs'] = [
      {
        address: `0x${'22'.repeat(20)}`,
        topics: [word],
        data: '0x',
        blockNumber: '0x2',
        blockHash: word,
        transactionHash: word,
        logIndex: '0x0',
      },
    ];
    does(0, 'no-events');
    expect(await logs()).toHaveLength(1);
  });
});
