import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Address, Hex } from 'viem';
import { array, either, integer, literal, object, oneOf, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { StartError } from '../errors.ts';
import type { CoinInTokens, KnownContract, KnownVerifier, ServedContracts } from './terms.ts';
import type { OperatorAccount } from './transactions.ts';

/** What an operator decides about its own money: a JSON file, of which the lists are read again before each escrow. */
export interface SettlementOptions {
  /** Nodes of the chain, in the order in which they are asked. */
  readonly rpc: readonly string[];
  /** How many of them must say alike what money is given on: what a channel holds, what a contract asks for. */
  readonly quorum: number;
  readonly account: OperatorAccount;
  /** Where the settlement was deployed: nothing before it is looked at. */
  readonly fromBlock: bigint;
  /** A block with so many above it is taken to stay. */
  readonly finalAfterBlocks: bigint;
  /** So many blocks stand above one that asks, before work is done for it. */
  readonly serveAfterBlocks: bigint;
  readonly pollMilliseconds: number;
  readonly claimAbove: bigint;
  readonly renewBeforeSeconds: bigint;
  /** In wei: no transaction offers more for its gas. */
  readonly maxFeePerGas: bigint;
  /** A transaction that is not mined within this is replaced by one with a higher fee. */
  readonly stuckSeconds: number;
  readonly coinInTokens: CoinInTokens;
  /** Whether calls are answered that no channel pays for. */
  readonly unpaid: 'serve' | 'refuse';
  readonly serves: () => Promise<ServedContracts>;
}

interface SettlementFile extends ServedContracts {
  readonly version: 1;
  readonly rpc: readonly string[];
  readonly quorum: number;
  readonly account: { readonly unlocked: Address } | { readonly keyFile: string };
  readonly fromBlock: bigint;
  readonly finalAfterBlocks: number;
  readonly serveAfterBlocks: number;
  readonly pollMilliseconds: number;
  readonly claimAbove: bigint;
  readonly renewBeforeSeconds: bigint;
  readonly maxFeePerGas: bigint;
  readonly stuckSeconds: number;
  readonly coinInTokens: CoinInTokens;
  readonly unpaid: 'serve' | 'refuse';
}

function hexText<T extends Hex>(length: number): Reader<T> {
  return (value, path) => {
    const digits = text({ min: 2 + 2 * length, max: 2 + 2 * length })(value, path);
    if (!/^0x[0-9a-fA-F]+$/.test(digits)) throw new WireError('field_invalid', 'not 0x and hex', { field: path });
    return digits as T;
  };
}

const whole: Reader<bigint> = (value, path) => {
  const digits = text({ min: 1, max: 39 })(value, path);
  if (!/^(0|[1-9][0-9]*)$/.test(digits)) throw new WireError('field_invalid', 'not a whole number', { field: path });
  return BigInt(digits);
};

const contract: Reader<KnownContract> = object<KnownContract>({
  address: hexText<Address>(20),
  codeHash: hexText<Hex>(32),
});

/** One that says nothing of it needs a receipt alone, which this host has. */
const verifier: Reader<KnownVerifier> = either(
  (value, path) => ({ ...contract(value, path), settled: 'here' as const }),
  object<KnownVerifier>({
    ...{ address: hexText<Address>(20), codeHash: hexText<Hex>(32) },
    settled: oneOf(['here', 'by-others']),
  }),
);

const listed = { min: 0, max: limits.policyListItems };

const settlementFile: Reader<SettlementFile> = object<SettlementFile>({
  version: literal(1),
  rpc: array(text({ min: 1, max: 2_048, pattern: /^https?:\/\/.+$/ }), { min: 1, max: limits.chainEndpoints }),
  quorum: integer({ min: 1, max: limits.chainEndpoints }),
  account: either(
    object<{ readonly unlocked: Address }>({ unlocked: hexText<Address>(20) }),
    object<{ readonly keyFile: string }>({ keyFile: text({ min: 1, max: 4_096 }) }),
  ),
  fromBlock: whole,
  // A reorganisation of this many blocks is survived; what is not final is read and asked for again.
  finalAfterBlocks: integer({ min: 1, max: 1_024 }),
  serveAfterBlocks: integer({ min: 0, max: 1_024 }),
  pollMilliseconds: integer({ min: 50, max: 3_600_000 }),
  claimAbove: whole,
  renewBeforeSeconds: whole,
  maxFeePerGas: whole,
  stuckSeconds: integer({ min: 1, max: 86_400 }),
  coinInTokens: either(literal('any'), whole),
  unpaid: oneOf(['serve', 'refuse']),
  policies: array(contract, listed),
  resultVerifiers: array(verifier, listed),
});

export function readSettlement(path: string): SettlementOptions {
  try {
    const { version: _, policies: __, resultVerifiers: ___, account, ...rest } = readOnce(path);
    return {
      ...rest,
      account: 'unlocked' in account ? { kind: 'unlocked', address: account.unlocked } : keyOf(path, account.keyFile),
      finalAfterBlocks: BigInt(rest.finalAfterBlocks),
      serveAfterBlocks: BigInt(rest.serveAfterBlocks),
      serves: async () => readOnce(path),
    };
  } catch (cause) {
    throw new StartError('settlement_invalid', path, { cause });
  }
}

function readOnce(path: string): SettlementFile {
  const bytes = Uint8Array.from(readFileSync(path));
  const file = settlementFile(parseJson(bytes, limits.policyBytes), 'settlement');
  if (file.quorum > file.rpc.length) throw new WireError('field_invalid', 'more than nodes', { field: 'quorum' });
  return file;
}

function keyOf(path: string, keyFile: string): OperatorAccount {
  const content = readFileSync(resolve(path, '..', keyFile), 'utf8').trim();
  return { kind: 'key', privateKey: hexText<Hex>(32)(content, 'keyFile') };
}
