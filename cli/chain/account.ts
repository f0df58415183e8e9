import type { Account, Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { ChainError } from './errors.ts';
import { readSecret } from './secret.ts';

/** Who pays for gas: an account that the node holds unlocked, or a key in a file. */
export type Payer = { readonly unlocked: Address } | { readonly keyFile: string };

export async function accountOf(payer: Payer): Promise<Account | Address> {
  if ('unlocked' in payer) return payer.unlocked;
  const text = await readSecret(payer.keyFile);
  // What is in the file is a secret, also where it is none that can be used.
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) {
    throw new ChainError('key_invalid', `${payer.keyFile} is no private key: 0x and 64 hex digits`);
  }
  try {
    return privateKeyToAccount(text as Hex);
  } catch {
    // The library's message has the key in it.
    throw new ChainError('key_invalid', `${payer.keyFile} is no private key of the curve`);
  }
}

export function addressOf(account: Account | Address): Address {
  return typeof account === 'string' ? account : account.address;
}
