import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Abi, Hex } from 'viem';
import {
  type ChannelChain,
  channelStatus,
  clientSuite,
  createSessionKey,
  fileStore,
  viemChannelChain,
  type WritesChain,
} from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import { jsonLine, printable } from '../report.ts';
import { settlementAbi } from './abi.ts';
import {
  addressBytes,
  type ChannelLimits,
  channelFolders,
  type KeptChannel,
  keepChannel,
  readChannel,
} from './channel-file.ts';
import { ChainError } from './errors.ts';
import { type ContractCall, openSender, type Sender } from './node.ts';
import { addressOption, payerOf, payerOptions, requiredAmount } from './options.ts';
import { openPlace, type Place, placeOptions } from './place.ts';
import { answer, type Done, doneJson, doneRow } from './sent.ts';
import { timeOf } from './times.ts';

const option = { type: 'string' } as const;

const options = {
  ...placeOptions,
  ...payerOptions,
  ...{ payee: option, amount: option, 'max-outstanding': option, 'max-spend': option, 'max-unit-price': option },
  json: { type: 'boolean' },
} as const;

const actions: Readonly<Record<string, (context: CommandContext, parsed: Parsed) => Promise<number>>> = {
  open,
  status,
  'top-up': (context, parsed) =>
    change(context, parsed, (chain, { id }) => chain.topUp(id, requiredAmount(parsed, 'amount'))),
  'start-close': (context, parsed) => change(context, parsed, (chain, { id }) => chain.startClose(id)),
  close: (context, parsed) => change(context, parsed, (chain, { id }) => chain.finishClose(id)),
  list,
};

export async function chainChannel(context: CommandContext): Promise<number> {
  const [name = '', ...args] = context.args;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    const known = Object.keys(actions);
    throw new UsageError(`chain channel ${known.join('|')}, not "${name}"${didYouMean(name, known)}`);
  }
  return action({ ...context, args }, parseArguments(args, options));
}

async function open(context: CommandContext, parsed: Parsed): Promise<number> {
  const folder = folderOf(parsed);
  const payee = addressOption(parsed, 'payee');
  if (payee === undefined)
    throw new UsageError('--payee ADDRESS is required: the operator of the worker, as its identity says');
  const amount = requiredAmount(parsed, 'amount');
  const limits: ChannelLimits = {
    maxOutstanding: requiredAmount(parsed, 'max-outstanding'),
    maxSpend: amountOrAny(parsed, 'max-spend'),
    maxUnitPrice: amountOrAny(parsed, 'max-unit-price'),
  };
  const place = await openPlace(parsed);
  const settlement = await place.contract('settlement');
  const paying = await openPaying(place, settlement, parsed);
  const key = await createSessionKey();
  const fields = {
    ...{
      chainId: place.node.chainId,
      settlement: addressBytes(settlement),
      payer: addressBytes(paying.sender.address),
    },
    ...{ payee: addressBytes(payee), sessionX: key.x, sessionY: key.y, salt: clientSuite.randomBytes(32) },
  };
  await keepChannel(folder, fields, { key, limits });
  try {
    await paying.chain.openChannel({ ...fields, amount });
  } catch (error) {
    const wasNotSent = error instanceof ChainError && notSent.has(error.code);
    if (wasNotSent) await rm(join(folder, 'channel.json'), { force: true });
    throw error;
  }
  return tell(context, parsed, paying, await readChannel(folder));
}

/** What ends before there is a transaction: a key for a channel that never was is of no use. */
const notSent: ReadonlySet<string> = new Set(['contract_refused', 'coin_missing', 'contract_missing']);

async function status(context: CommandContext, parsed: Parsed): Promise<number> {
  const kept = await readChannel(folderOf(parsed));
  const place = await openPlaceOf(parsed, kept);
  return tell(context, parsed, await openReading(place, kept), kept);
}

async function change(
  context: CommandContext,
  parsed: Parsed,
  act: (chain: ChannelChain, kept: KeptChannel) => Promise<void>,
): Promise<number> {
  const kept = await readChannel(folderOf(parsed));
  const place = await openPlaceOf(parsed, kept);
  const paying = await openPaying(place, settlementOf(kept), parsed);
  await act(paying.chain, kept);
  return tell(context, parsed, paying, kept);
}

async function list(context: CommandContext, parsed: Parsed): Promise<number> {
  const channels = await Promise.all((await channelFolders(folderOf(parsed))).map(readChannel));
  if (parsed.values['json'] === true) {
    const facts = channels.map(({ folder, id, fields }) => ({
      folder,
      channel: toHex(id),
      chainId: String(fields.chainId),
      payee: `0x${toHex(fields.payee)}`,
    }));
    context.write(jsonLine(JSON.stringify({ channels: facts })));
    return exitCode.accepted;
  }
  for (const { folder, id, fields } of channels) {
    context.write(`${toHex(id)}  chain ${fields.chainId}  to 0x${toHex(fields.payee)}  ${printable(folder)}\n`);
  }
  return exitCode.accepted;
}

interface Paying {
  readonly chain: ChannelChain;
  readonly done: readonly Done[];
  readonly place: Place;
}

async function openPaying(
  place: Place,
  settlement: Hex,
  parsed: Parsed,
): Promise<Paying & { readonly sender: Sender }> {
  const sender = await openSender(place.node, place.rpc, payerOf(parsed));
  const done: Done[] = [];
  const writes: WritesChain = {
    async writeContract({ address, abi, functionName, args }) {
      const contract = address.toLowerCase() === settlement.toLowerCase() ? 'Settlement' : 'token';
      const call: ContractCall = { contract, address, abi: abi as Abi, functionName, args };
      const mined = await sender.send(call);
      done.push({ what: functionName, mined });
      return mined.hash;
    },
  };
  const chain = await viemChannelChain({ reads: readsOf(place), writes, payer: sender.address, settlement });
  return { chain, done, place, sender };
}

async function openReading(place: Place, kept: KeptChannel): Promise<Paying> {
  const writes: WritesChain = {
    writeContract: () => Promise.reject(new ChainError('channel_invalid', 'nothing is sent without an account')),
  };
  const payer: Hex = `0x${toHex(kept.fields.payer)}`;
  const chain = await viemChannelChain({ reads: readsOf(place), writes, payer, settlement: settlementOf(kept) });
  return { chain, done: [], place };
}

function readsOf({ node }: Place): Parameters<typeof viemChannelChain>[0]['reads'] {
  return {
    getChainId: async () => Number(node.chainId),
    readContract: ({ address, abi, functionName, args }) =>
      node.read({ contract: 'Settlement', address, abi: abi as Abi, functionName, args }),
    waitForTransactionReceipt: ({ hash }) => node.client.getTransactionReceipt({ hash }),
  };
}

async function tell(
  context: CommandContext,
  parsed: Parsed,
  { chain, done, place }: Paying,
  kept: KeptChannel,
): Promise<number> {
  const store = fileStore(join(kept.folder, 'tabs.json'));
  const found = await channelStatus({ chain, channel: kept.fields, store, suite: clientSuite });
  const settlement = settlementOf(kept);
  const call = { contract: 'Settlement', address: settlement, abi: settlementAbi, args: [] } as const;
  const delay = await place.node.read<bigint>({ ...call, functionName: 'CLOSE_DELAY' });
  const limits = { maxOutstanding: kept.maxOutstanding, maxSpend: kept.maxSpend, maxUnitPrice: kept.maxUnitPrice };
  answer(context, parsed.values['json'], {
    facts: {
      channel: toHex(found.id),
      chainId: String(kept.fields.chainId),
      settlement,
      payee: `0x${toHex(kept.fields.payee)}`,
      balance: String(found.balance),
      claimed: String(found.claimed),
      verified: String(found.verified),
      unknown: String(found.unknown),
      outstanding: String(found.outstanding),
      overclaimed: found.overclaimed.map(toHex),
      closesAt: timeOf(found.closesAt),
      limits: Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, String(value)])),
      folder: kept.folder,
      transactions: done.map(doneJson),
    },
    rows: [
      ['channel', toHex(found.id)],
      ['payee', `0x${toHex(kept.fields.payee)} on chain ${kept.fields.chainId}`],
      ['balance', `${found.balance} locked and not yet paid`],
      ['claimed', `${found.claimed}, for ${found.verified} verified`],
      ['outstanding', `${found.outstanding} signed beyond that, of at most ${kept.maxOutstanding}`],
      ['closing', timeOf(found.closesAt) ?? `no; it takes ${delay} s from start-close`],
      ...(found.overclaimed.length === 0 ? [] : [['overclaimed', found.overclaimed.map(toHex).join(' ')] as const]),
      ...done.map(doneRow),
    ],
  });
  return exitCode.accepted;
}

/** A channel knows its chain and its settlement; whoever names others means another channel. */
async function openPlaceOf(parsed: Parsed, { fields }: KeptChannel): Promise<Place> {
  const values = { ...parsed.values, 'chain-id': textOption(parsed, 'chain-id') ?? String(fields.chainId) };
  const place = await openPlace({ ...parsed, values });
  if (place.node.chainId !== fields.chainId) {
    throw new ChainError(
      'chain_other',
      `the channel is on chain ${fields.chainId}, and the node of ${place.node.chainId}`,
    );
  }
  return place;
}

function settlementOf({ fields }: KeptChannel): Hex {
  return `0x${toHex(fields.settlement)}`;
}

function folderOf({ positionals }: Parsed): string {
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError('name one folder');
  return folder;
}

/** There is no limit that may be left out: "any" is written as the word. */
function amountOrAny(parsed: Parsed, name: string): bigint | 'any' {
  return textOption(parsed, name) === 'any' ? 'any' : requiredAmount(parsed, name);
}
