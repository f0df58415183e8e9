import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEventLog, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PRICE } from '../../cli/stack/demo-files.ts';
import {
  type HostTransactions,
  hex,
  listenForTransactions,
  type OnChain,
  openChannel,
  openOnChain,
  writeServed,
} from '../../cli/stack/on-chain.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import {
  type Client,
  connect,
  fileStore,
  floatTensor,
  type InferCall,
  type InferResult,
  type PaymentOptions,
} from '../../client/index.ts';
import { type Done, deploySimulatorPolicy, startLocalChain } from '../../contracts/deploy/index.ts';
import { artifact } from '../../contracts/tools/artifacts.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { decodeIntegers, encodeIntegers, tensorToIntegers } from '../../wire/message/integers.ts';
import { refusalOf, until } from '../support/stack.ts';
import { openEscrow } from './support/escrow.ts';

/** Evidence, sessions, money and a chain, as the demo has them, with everybody's balances looked at in between. */
const AMOUNT = 10n * DEMO_PRICE;
const values = Array.from({ length: 128 }, (_, index) => (index - 64) / 64);

let state: string;
let onChain: OnChain;
let stack: Stack;
let host: HostTransactions;
let payment: PaymentOptions;
let client: Client;
let first: InferResult;
const lines: string[] = [];

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'pm-money-'));
  const platform = { tee: 'aws-nitro', role: null } as const;
  onChain = await openOnChain(state, platform, (roots) => startLocalChain({ roots }));
  host = listenForTransactions();
  stack = await startStack({
    stateDirectory: state,
    port: 0,
    tier: 'sim-process',
    platform,
    onChain,
    onEvent: (event) => {
      if (event.kind !== 'output' || event.role !== 'host') return;
      lines.push(event.line);
      host.hear(event.line);
    },
  });
}, 300_000);

afterAll(async () => {
  await stack?.supervisor.stop();
  await onChain?.local.stop();
  await rm(state, { recursive: true, force: true });
}, 60_000);

const settlement = (name: string, ...args: readonly unknown[]): Promise<unknown> =>
  onChain.local.call('Settlement', onChain.local.deployment.settlement, name, args);
const balance = (account: Hex): Promise<unknown> =>
  onChain.local.call('TestToken', onChain.local.token, 'balanceOf', [account]);
const sent = (what: string): readonly Done[] => host.sent().filter((done) => done.what === what);

function call(): InferCall {
  return {
    modelId: stack.files.modelId,
    inputs: [floatTensor('input', [1, 128], values)],
    outputs: 'all',
    format: 'binary',
  };
}

const input = encodeIntegers([
  { decimals: 6, shape: [1, 128], values: values.map((v) => BigInt(Math.round(v * 1e6))) },
]);

describe('a worker that is paid on a chain', () => {
  it('is registered by its evidence, in one transaction, as what the client proves it to be', {
    timeout: 90_000,
  }, async () => {
    const { gasUsed } = await host.next('register');
    expect(gasUsed).toBeLessThan(6_500_000n);
    const proven = await connect(stack.url, { policy: stack.policy }).worker();
    const { local } = onChain;
    const kept = await local.call('WorkerRegistry', local.deployment.registry, 'workerOf', [hex(proven.log)]);
    expect(kept).toMatchObject({
      simulated: true,
      image: hex(proven.imageId),
      config: hex(proven.identity.config),
      runtime: hex(proven.identity.runtime),
      operator: expect.stringMatching(new RegExp(local.operator, 'i')) as unknown,
      revokedAt: 0,
    });
  });

  it('works for no channel that holds nothing', async () => {
    const empty = await openChannel(onChain, { amount: AMOUNT, maxUnitPrice: DEMO_PRICE, storeFile: join(state, 'x') });
    const unfunded = { ...empty, channel: { ...empty.channel, salt: new Uint8Array(32) } };
    const broke = connect(stack.url, { policy: stack.policy, payment: unfunded });
    expect(await refusalOf(() => broke.infer(call()))).toBe('host_error/channel_refused');
  });

  it('is paid what its receipt says, by a claim under a posted head', async () => {
    const store = join(state, 'payments.json');
    payment = await openChannel(onChain, { amount: AMOUNT, maxUnitPrice: DEMO_PRICE, storeFile: store });
    client = connect(stack.url, { policy: stack.policy, payment });
    first = await client.infer(call());
    expect(first.receipt).toMatchObject({ fee: DEMO_PRICE, cumulativeFee: DEMO_PRICE, status: 'ok' });
    await host.next('postHead');
    await host.next('claim');
    expect(await balance(onChain.local.operator)).toBe(DEMO_PRICE);
    expect(sent('claim')[0]?.gasUsed).toBeLessThan(130_000n);
    expect(await fileStore(store).load()).toMatchObject([{ voucher: DEMO_PRICE, verified: DEMO_PRICE, unknown: 0n }]);
  });

  it('answers a contract with the integers of the very answer that a client gets, and is credited for it', async () => {
    const { local } = onChain;
    const policy = await deploySimulatorPolicy(local, {
      registry: local.deployment.registry,
      image: hex(first.worker.imageId),
      provenance: hex(sha256(first.worker.imageId)),
      config: hex(first.worker.identity.config),
      operator: local.operator,
      expiresAt: Math.floor(Date.now() / 1_000) + 86_400,
    });
    const request = { modelId: stack.files.modelId, policy, price: DEMO_PRICE, input };

    // Not on the operator's list: whatever it says, nobody works for it.
    await openEscrow(onChain, request);
    await until('the skip', () => (lines.some((line) => line.includes('policy_not_served')) ? true : undefined));
    await writeServed(onChain, [policy]);
    await openEscrow(onChain, request);
    // The one that was skipped is still open, and is looked at again: its policy is on the list by now.
    await until('both answers', () => (sent('fulfil').length === 2 ? true : undefined), 30_000);
    const { hash } = sent('fulfil')[1] as Done;

    const { abi } = await artifact('Settlement');
    const { logs } = await local.chain.rpc<{ logs: { topics: [Hex, ...Hex[]]; data: Hex }[] }>(
      'eth_getTransactionReceipt',
      [hash],
    );
    const fulfilled = logs
      .map(({ topics, data }) => decodeEventLog({ abi, topics, data }) as { eventName?: string; args?: unknown })
      .find(({ eventName }) => eventName === 'EscrowFulfilled');
    if (fulfilled === undefined) throw new TypeError('nothing was fulfilled');
    const { output, fee, log } = fulfilled.args as { output: Hex; fee: bigint; log: Hex };
    expect(fee).toBe(DEMO_PRICE);
    expect(log).toBe(hex(first.worker.log));
    const answered = decodeIntegers(Uint8Array.from(Buffer.from(output.slice(2), 'hex')));
    expect(answered).toEqual(first.response.outputs.map(tensorToIntegers));
    expect(await settlement('creditOf', local.operator)).toBe(2n * DEMO_PRICE);
    expect(await settlement('creditOf', local.requester)).toBe(0n);
  });

  it('loses nothing and is paid nothing twice when its host is killed', async () => {
    const before = sent('claim').length;
    const killed = stack.supervisor.pids().host as number;
    process.kill(killed, 'SIGKILL');
    await until('another host', async () => {
      if (stack.supervisor.pids().host === killed) return undefined;
      const ready = await fetch(`${stack.url}/v2/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      return ready ? true : undefined;
    });
    // The same worker and log: sums go on, for a payer that has restarted as well.
    const { receipt } = await connect(stack.url, { policy: stack.policy, payment }).infer(call());
    expect(receipt).toMatchObject({ cumulativeFee: 2n * DEMO_PRICE });
    await until('the next claim', () => (sent('claim').length > before ? true : undefined), 30_000);
    expect(await balance(onChain.local.operator)).toBe(2n * DEMO_PRICE);
    expect(sent('fulfil')).toHaveLength(2);
    expect(await settlement('creditOf', onChain.local.operator)).toBe(2n * DEMO_PRICE);
    expect(sent('register')).toHaveLength(1);
  });

  it('leaves the money where the contract says that it is', async () => {
    const { local } = onChain;
    const total = (await balance(local.deployment.settlement)) as bigint;
    // Two channels, less two claims; two escrows, which are the operator's credit.
    expect(total).toBe(2n * AMOUNT - 2n * DEMO_PRICE + 2n * DEMO_PRICE);
    expect(await balance(local.payer)).toBe(0n);
    expect(await balance(local.requester)).toBe(0n);
  });
});
