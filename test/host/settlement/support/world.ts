import { randomBytes } from 'node:crypto';
import type { Address, Hex } from 'viem';
import { keccak256 } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { type Chain, startChain } from '../../../../contracts/tools/anvil.ts';
import type { SettlementOptions } from '../../../../host/settlement/options.ts';
import type { Prove } from '../../../../host/settlement/register.ts';
import type { KnownContract, ServedContracts } from '../../../../host/settlement/terms.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { registerMessage } from '../../../../wire/message/authorisations.ts';
import type { VoucherRaise } from '../../../../wire/message/channel.ts';
import { decodeConfiguration } from '../../../../wire/message/configuration.ts';
import type { Attested, Entries, PlainAnswer } from '../../../../wire/message/link.ts';
import { decodeRequest } from '../../../../wire/message/request.ts';
import {
  believedEvidence,
  bytesOf,
  eventsOf,
  hex,
  mustSucceed,
  type SettlementWorld,
  settlementWorld,
} from '../../../contracts/support/settlement.ts';
import { answeredReceipt, type Terms } from '../../../contracts/support/settlement-receipts.ts';
import { createFakeLog, execution, type FakeLog, signLowS, testConfiguration } from '../../../support/fake-log.ts';
import { createChannel, type TestChannel } from '../../../support/payment.ts';

/** A chain with the real registry and settlement, on which verifiers of evidence believe everything. */
export interface PaidWorld extends SettlementWorld {
  readonly operatorKey: Hex;
  /** What one operator's settler is started with, for nodes at these addresses. */
  options(urls: readonly string[], changes?: Partial<SettlementOptions>): SettlementOptions;
  rpc: Chain['rpc'];
  stop(): Promise<void>;
}

/** A worker and everything that it said: it outlives every host. */
export interface PaidLog {
  readonly log: FakeLog;
  readonly entries: readonly Entries[];
  readonly vouchers: readonly VoucherRaise[];
  readonly channels: readonly TestChannel[];
  /** Fees of all calls so far. */
  readonly owed: bigint;
  /** How often each request was worked for. */
  readonly worked: ReadonlyMap<string, number>;
  openChannel(amount: bigint): Promise<TestChannel>;
  charge(channel: TestChannel, fee: bigint): void;
  attest(challenge: Uint8Array): Attested;
  plain(request: Uint8Array): { readonly answer: PlainAnswer; readonly entries: Entries };
}

export const MNEMONIC = 'test test test test test test test test test test test junk';
export const PRICE = 5n;

export async function paidWorld(): Promise<PaidWorld> {
  const chain = await startChain({ hardfork: 'osaka' });
  const world = await settlementWorld(chain);
  const key = mnemonicToAccount(MNEMONIC, { addressIndex: 2 }).getHdKey().privateKey;
  const operatorKey = hex(Uint8Array.from(key ?? []));
  const codeHash = async (address: Address): Promise<Hex> =>
    keccak256(await chain.rpc<Hex>('eth_getCode', [address, 'latest']));
  const known = async ({ address }: { readonly address: Address }): Promise<KnownContract> => ({
    address,
    codeHash: await codeHash(address),
  });
  const served: ServedContracts = {
    policies: [await known(world.policy)],
    resultVerifiers: [{ ...(await known(world.attested)), settled: 'here' }],
  };
  return {
    ...world,
    operatorKey,
    rpc: chain.rpc,
    options: (urls, changes = {}) => ({
      rpc: urls,
      quorum: 1,
      account: { kind: 'key', privateKey: operatorKey },
      fromBlock: 0n,
      finalAfterBlocks: 64n,
      serveAfterBlocks: 0n,
      pollMilliseconds: 20,
      claimAbove: 1n,
      renewBeforeSeconds: 60n,
      maxFeePerGas: 10n ** 12n,
      stuckSeconds: 1,
      coinInTokens: 'any',
      unpaid: 'serve',
      serves: async () => served,
      ...changes,
    }),
    stop: () => chain.stop(),
  };
}

export async function paidLog(world: PaidWorld): Promise<PaidLog> {
  const { chainId, accounts, registry, settlement, policy, token } = world;
  const names = {
    chainId,
    operator: bytesOf(accounts.operator.toLowerCase() as Hex),
    registry: bytesOf(registry.address.toLowerCase() as Hex),
    settlement: bytesOf(settlement.address.toLowerCase() as Hex),
  };
  const log = createFakeLog(testConfiguration(names), names);
  const entries: Entries[] = [];
  const vouchers: VoucherRaise[] = [];
  const channels: TestChannel[] = [];
  const sums = new Map<TestChannel, bigint>();
  const worked = new Map<string, number>();
  await mustSucceed(policy.send('set', [hex(log.log), true]));

  return {
    log,
    entries,
    vouchers,
    channels,
    worked,
    get owed() {
      return [...sums.values()].reduce((sum, owed) => sum + owed, 0n);
    },
    async openChannel(amount) {
      const channel = createChannel({
        ...{ chainId, settlement: names.settlement, payee: names.operator },
        payer: bytesOf(accounts.payer.toLowerCase() as Hex),
      });
      const { sessionX, sessionY, salt } = channel.fields;
      await mustSucceed(token.send('mint', [accounts.payer, amount]));
      await mustSucceed(
        settlement.send(
          'openChannel',
          [accounts.operator, hex(sessionX), hex(sessionY), hex(salt), amount],
          accounts.payer,
        ),
      );
      channels.push(channel);
      return channel;
    },
    charge(channel, fee) {
      const cumulativeFee = (sums.get(channel) ?? 0n) + fee;
      sums.set(channel, cumulativeFee);
      entries.push(log.grow([{ channel: channel.id, fee, cumulativeFee }]).entries);
      vouchers.push(channel.voucher(log.log, cumulativeFee));
    },
    attest: (challenge) => ({
      tee: 'amd-sev-snp',
      document: challenge,
      certificateTable: null,
      possession: signLowS(log.privateKey, registerMessage(log.log, challenge)),
    }),
    plain(request) {
      const { header, body } = decodeRequest(request);
      const id = hex(header.requestId);
      worked.set(id, (worked.get(id) ?? 0) + 1);
      const output = sha256(body);
      const terms = header as unknown as Terms;
      const receipt = answeredReceipt(id, { ...terms, modelId: hex(header.modelId) }, body, output, 0n);
      const grown = log.grow([{ ...receipt, execution: sha256(execution) }]);
      entries.push(grown.entries);
      const bundle = grown.bundles[0] as Uint8Array;
      return { answer: { status: 0, bundle, format: 2, jsonLength: 0, body: output }, entries: grown.entries };
    },
  };
}

/** Evidence as the verifiers of this world take it: the document of such a log is the challenge alone. */
export function believedProof(log: Uint8Array): Prove {
  return async (_chain, _registry, { document }) => ({
    evidence: bytesOf(await believedEvidence(log, hex(document))),
    hints: new Uint8Array(0),
  });
}

export function configurationOf({ log }: PaidLog): ReturnType<typeof decodeConfiguration> {
  return decodeConfiguration(log.ready.configuration);
}

/** Asks as a contract does; gives the request's id. */
export async function openEscrow(world: PaidWorld, changes: Partial<Terms> = {}): Promise<Hex> {
  const { accounts, settlement, policy, attested, token } = world;
  const { timestamp } = await world.rpc<{ readonly timestamp: Hex }>('eth_getBlockByNumber', ['latest', false]);
  const terms = {
    modelId: hex(new Uint8Array(32).fill(9)),
    policy: policy.address,
    resultVerifier: attested.address,
    unitPrice: PRICE,
    maxFee: PRICE,
    deadline: BigInt(timestamp) + 3_600n,
    callback: `0x${'00'.repeat(20)}`,
    callbackGas: 0n,
    ...changes,
  };
  await mustSucceed(token.send('mint', [accounts.requester, terms.maxFee]));
  const mined = await mustSucceed(
    settlement.send('openEscrow', [terms, hex(Uint8Array.from(randomBytes(64)))], accounts.requester),
  );
  const opened = eventsOf(settlement, mined).find(({ name }) => name === 'EscrowOpened');
  return opened?.args['escrow'] as Hex;
}

export interface Books {
  readonly claimed: bigint;
  readonly credit: bigint;
  readonly fulfilled: readonly Hex[];
}

/** What the operator has been paid, and for which requests, as the chain tells it from that block on. */
export async function books({ settlement, token, accounts, rpc }: PaidWorld, fromBlock: bigint): Promise<Books> {
  const filter = { address: settlement.address, fromBlock: `0x${fromBlock.toString(16)}`, toBlock: 'latest' };
  const logs = await rpc<{ address: Address; topics: Hex[]; data: Hex }[]>('eth_getLogs', [filter]);
  return {
    claimed: await token.view<bigint>('balanceOf', [accounts.operator]),
    credit: await settlement.view<bigint>('creditOf', [accounts.operator]),
    fulfilled: eventsOf(settlement, { logs })
      .filter(({ name }) => name === 'EscrowFulfilled')
      .map(({ args }) => args['escrow'] as Hex),
  };
}
