import { fromHex, toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { ClientError } from '../errors.ts';
import type { ChannelChain } from './chain.ts';

type Hex = `0x${string}`;

interface ContractRead {
  readonly address: Hex;
  readonly abi: readonly unknown[];
  readonly functionName: string;
  readonly args: readonly unknown[];
}

/** What is used of viem's public client. The package itself is not imported: whoever pays has it. */
export interface ReadsChain {
  getChainId(): Promise<number>;
  readContract(call: ContractRead): Promise<unknown>;
  waitForTransactionReceipt(wanted: { readonly hash: Hex }): Promise<{ readonly status: 'success' | 'reverted' }>;
}

/** What is used of viem's wallet client, with the payer's account. */
export interface WritesChain {
  writeContract(call: ContractRead): Promise<Hex>;
}

export interface ViemChainOptions {
  readonly reads: ReadsChain;
  readonly writes: WritesChain;
  readonly payer: Hex;
  readonly settlement: Hex;
}

const word = { type: 'bytes32' } as const;
const amount = { type: 'uint256' } as const;
const account = { type: 'address' } as const;

function view(name: string, inputs: readonly object[], outputs: readonly object[]): object {
  return { type: 'function', name, stateMutability: 'view', inputs: named(inputs), outputs };
}

function write(name: string, inputs: readonly object[], outputs: readonly object[] = []): object {
  return { type: 'function', name, stateMutability: 'nonpayable', inputs: named(inputs), outputs };
}

function named(inputs: readonly object[]): readonly object[] {
  return inputs.map((input, index) => ({ name: `a${index}`, ...input }));
}

const settlementAbi: readonly object[] = [
  view(
    'channelOf',
    [word],
    [
      {
        name: '',
        type: 'tuple',
        components: [
          { name: 'payer', ...account },
          { name: 'payee', ...account },
          { name: 'sessionX', ...word },
          { name: 'sessionY', ...word },
          { name: 'balance', type: 'uint128' },
          { name: 'closesAt', type: 'uint48' },
        ],
      },
    ],
  ),
  view('claimedOf', [word, word], [{ name: '', ...amount }]),
  view('creditOf', [account], [{ name: '', ...amount }]),
  view('TOKEN', [], [{ name: '', ...account }]),
  write('openChannel', [account, word, word, word, amount], [{ name: '', ...word }]),
  write('topUp', [word, amount]),
  write('startClose', [word]),
  write('finishClose', [word]),
];

const tokenAbi: readonly object[] = [
  view('allowance', [account, account], [{ name: '', ...amount }]),
  write('approve', [account, amount], [{ name: '', type: 'bool' }]),
];

interface ChannelWords {
  readonly payer: Hex;
  readonly payee: Hex;
  readonly sessionX: Hex;
  readonly sessionY: Hex;
  readonly balance: bigint;
  readonly closesAt: number;
}

/** Before an amount is locked, exactly what is missing of it is approved to the settlement: no allowance is left over. */
export async function viemChannelChain(options: ViemChainOptions): Promise<ChannelChain> {
  const { reads, writes, payer, settlement } = options;
  const read = (functionName: string, ...args: readonly unknown[]): Promise<unknown> =>
    reads.readContract({ address: settlement, abi: settlementAbi, functionName, args });
  const send = async (call: ContractRead): Promise<void> => {
    const hash = await writes.writeContract(call);
    const { status } = await reads.waitForTransactionReceipt({ hash });
    if (status !== 'success') throw new ClientError('channel_mismatch', `${call.functionName} was reverted`);
  };
  const settle = (functionName: string, ...args: readonly unknown[]): Promise<void> =>
    send({ address: settlement, abi: settlementAbi, functionName, args });

  async function approve(needed: bigint): Promise<void> {
    const credit = (await read('creditOf', payer)) as bigint;
    const missing = needed > credit ? needed - credit : 0n;
    const token = (await read('TOKEN')) as Hex;
    const call = { address: token, abi: tokenAbi } as const;
    const allowed = (await reads.readContract({
      ...call,
      functionName: 'allowance',
      args: [payer, settlement],
    })) as bigint;
    if (allowed < missing) await send({ ...call, functionName: 'approve', args: [settlement, missing] });
  }

  return {
    chainId: BigInt(await reads.getChainId()),
    settlement: bytesOf(settlement, 20),
    payer: bytesOf(payer, 20),
    async channelOf(id) {
      const found = (await read('channelOf', hexOf(id))) as ChannelWords;
      return {
        payer: bytesOf(found.payer, 20),
        payee: bytesOf(found.payee, 20),
        sessionX: bytesOf(found.sessionX, 32),
        sessionY: bytesOf(found.sessionY, 32),
        balance: found.balance,
        closesAt: BigInt(found.closesAt),
      };
    },
    claimedOf: async (id, log) => (await read('claimedOf', hexOf(id), hexOf(log))) as bigint,
    async openChannel({ payee, sessionX, sessionY, salt, amount: locked }) {
      await approve(locked);
      await settle('openChannel', hexOf(payee), hexOf(sessionX), hexOf(sessionY), hexOf(salt), locked);
    },
    async topUp(id, more) {
      await approve(more);
      await settle('topUp', hexOf(id), more);
    },
    startClose: (id) => settle('startClose', hexOf(id)),
    finishClose: (id) => settle('finishClose', hexOf(id)),
  };
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}

/** Addresses come in mixed case: EIP-55's checksum is for eyes. */
function bytesOf(text: Hex, length: number): Uint8Array {
  try {
    return fromHex(text.slice(2).toLowerCase(), length);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', `not ${length} bytes in hex`, { reason: error.code });
  }
}
