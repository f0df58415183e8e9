import type { Address, Hex } from 'viem';
import { type Parsed, textOption } from '../commands/arguments.ts';
import { UsageError } from '../exit-codes.ts';
import type { Payer } from './account.ts';

/** Where a chain is, and who pays for what is written there. */
export const chainOptions = { chain: { type: 'string' }, 'chain-id': { type: 'string' } } as const;
export const payerOptions = { account: { type: 'string' }, 'account-key': { type: 'string' } } as const;

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const WORD = /^(0x)?[0-9a-fA-F]{64}$/;

export function rpcOf(parsed: Parsed): string {
  const rpc = textOption(parsed, 'chain');
  if (rpc === undefined) throw new UsageError('--chain RPC is required: the http or https URL of a node');
  return requireRpc(rpc);
}

export function requireRpc(rpc: string): string {
  if (!/^https?:\/\//.test(rpc)) throw new UsageError('--chain is the http or https URL of a node');
  return rpc;
}

export function chainIdOf(parsed: Parsed): bigint | undefined {
  return amountOption(parsed, 'chain-id');
}

export function amountOption(parsed: Parsed, name: string): bigint | undefined {
  const text = textOption(parsed, name);
  if (text === undefined) return undefined;
  if (!/^(0|[1-9][0-9]{0,38})$/.test(text)) throw new UsageError(`--${name} ${text} is no whole number`);
  return BigInt(text);
}

export function requiredAmount(parsed: Parsed, name: string): bigint {
  const amount = amountOption(parsed, name);
  if (amount === undefined) throw new UsageError(`--${name} is required`);
  return amount;
}

export function addressOption(parsed: Parsed, name: string): Address | undefined {
  const text = textOption(parsed, name);
  return text === undefined ? undefined : requireAddress(text, `--${name}`);
}

export function requireAddress(text: string, what: string): Address {
  if (!ADDRESS.test(text)) throw new UsageError(`${what} ${text} is no address`);
  return text as Address;
}

/** 32 bytes, with or without 0x, as both are shown. */
export function requireWord(text: string | undefined, what: string): Hex {
  if (text === undefined || !WORD.test(text)) throw new UsageError(`${what} is 64 hex digits`);
  return `0x${text.replace(/^0x/, '').toLowerCase()}`;
}

/** An account of the node's, or the file of a key: a key itself would be seen by everybody on this machine. */
export function payerOf(parsed: Parsed): Payer {
  const [account, keyFile] = [textOption(parsed, 'account'), textOption(parsed, 'account-key')];
  if ((account === undefined) === (keyFile === undefined)) {
    throw new UsageError('name who pays: --account ADDRESS, which the node holds unlocked, or --account-key FILE');
  }
  if (keyFile !== undefined) return { keyFile };
  if (account === undefined || !ADDRESS.test(account))
    throw new UsageError('--account is an address; a key is in a file');
  return { unlocked: account as Address };
}
