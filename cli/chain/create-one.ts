import type { Address, Hex } from 'viem';
import type { Parsed } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { confirm } from '../confirm.ts';
import { openCompiled } from './compiled.ts';
import { ChainError } from './errors.ts';
import { openSender, refusing } from './node.ts';
import { payerOf } from './options.ts';
import type { Place } from './place.ts';
import type { Done } from './sent.ts';

export interface CreatedOne {
  readonly address: Address;
  readonly codeHash: Hex;
  readonly done: Done;
}

/** One contract that belongs to no deployment. What its constructor refuses is not sent, and somebody has to say yes. */
export async function createOne(
  context: CommandContext,
  parsed: Parsed,
  { node, rpc }: Place,
  { contract, args }: { readonly contract: string; readonly args: readonly unknown[] },
): Promise<CreatedOne> {
  const data = (await openCompiled()).creation(contract, args);
  const sender = await openSender(node, rpc, payerOf(parsed));
  const gas = await refusing({ contract }, () => node.client.estimateGas({ account: sender.address, data }));
  const agreed = await confirm(context, `Create ${contract} for ${gas} gas?`, { yes: parsed.values['yes'] });
  if (agreed === 'no') throw new ChainError('not_agreed', 'nothing was created');
  const mined = await sender.create({ contract, data, nonce: await sender.nonce('pending'), gas: gas + gas / 20n });
  const address = mined.receipt.contractAddress;
  if (address === null || address === undefined) {
    throw new ChainError('chain_unavailable', `${contract} has no address`);
  }
  return { address, codeHash: await node.codeHash(address), done: { what: `create ${contract}`, mined } };
}
