import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Hex } from 'viem';
import { dataFile, isOpenElsewhere } from '../../host/journal/directory.ts';
import type { Journal } from '../../host/journal/index.ts';
import { smaller } from '../../host/settlement/amounts.ts';
import { headWords, hex, loggedReceiptWords, signatureWords } from '../../host/settlement/words.ts';
import { toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { readSmallFile } from '../audit/source.ts';
import { type Parsed, parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { confirm } from '../confirm.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { settlementAbi } from './abi.ts';
import { ChainError } from './errors.ts';
import { asked, type ContractCall, openSender } from './node.ts';
import { payerOf, payerOptions } from './options.ts';
import { openPlace, type Place, placeOptions } from './place.ts';
import { answer, type Done, doneJson, doneRow } from './sent.ts';

const options = {
  ...placeOptions,
  ...payerOptions,
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export async function chainSettle(context: CommandContext): Promise<number> {
  const [action, ...args] = context.args;
  if (action === 'head') return settleHead({ ...context, args });
  if (action === 'claim') return settleClaims({ ...context, args });
  throw new UsageError(`chain settle head|claim, not "${action ?? ''}"`);
}

/** One posted head settles any number of receipts before it; whoever brings it. */
async function settleHead(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const file = onlyName(parsed, 'a .proofmark file, or a receipt bundle');
  const bundle = bundleIn(file, await readSmallFile(file, limits.archiveBytes));
  const head = headWords(bundle);
  const place = await openPlace(parsed);
  const settlement = await place.contract('settlement');
  const kept = await place.node.read<Hex>(call(settlement, 'rootOf', [head.log, head.size]));
  const facts = { log: head.log.slice(2), size: String(head.size), root: head.root.slice(2) };
  const rows = [
    ['log', facts.log],
    ['head', `size ${facts.size}, root ${facts.root}`],
  ] as const;
  if (kept === head.root || parsed.values['dry-run'] === true) {
    const state = kept === head.root ? 'kept' : 'missing';
    answer(context, parsed.values['json'], {
      facts: { ...facts, state, transaction: null },
      rows: [...rows, ['state', state]],
    });
    return exitCode.accepted;
  }
  const sender = await openSender(place.node, place.rpc, payerOf(parsed));
  const done: Done = { what: 'postHead', mined: await sender.send(call(settlement, 'postHead', [head])) };
  answer(context, parsed.values['json'], {
    facts: { ...facts, state: 'kept', transaction: doneJson(done) },
    rows: [...rows, doneRow(done)],
  });
  return exitCode.accepted;
}

function bundleIn(name: string, bytes: Uint8Array): Pick<ReceiptBundle, 'head' | 'signature'> {
  for (const read of [decodeArchive, decodeBundle]) {
    try {
      return read(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  throw new ChainError('head_unknown', `${name} has no signed head in it`);
}

/** Restarts of its workers that one journal remembers, looked through in one go. */
const MOST_LOGS = 65_536;

interface Claimable {
  readonly log: Uint8Array;
  readonly channel: Uint8Array;
  readonly owed: bigint;
  readonly due: bigint;
  readonly bundle: ReceiptBundle;
  readonly args: readonly unknown[];
}

/** What a stopped host's journal is worth: receipts under the vouchers that its payers signed. */
async function settleClaims(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const state = onlyName(parsed, "a host's state folder");
  const directory = join(state, 'journal');
  // Opening a journal makes one where there is none.
  if (!existsSync(dataFile(directory))) throw new ChainError('nothing_claimable', `${state} holds no journal`);
  if (isOpenElsewhere(directory)) throw new ChainError('nothing_claimable', `${state} is in use: stop its host first`);
  const place = await openPlace(parsed);
  const settlement = await place.contract('settlement');
  const { openJournal } = await import('../../host/journal/index.ts');
  const journal = openJournal(directory, { maxBytes: limits.journalBytes });
  try {
    const claimable = await claimableIn(journal, place, settlement);
    const total = claimable.reduce((sum, { due }) => sum + due, 0n);
    const facts = claimable.map(({ log, channel, owed, due }) => ({
      ...{ log: toHex(log), channel: toHex(channel), owed: String(owed), due: String(due) },
    }));
    const rows = claimable.map(
      ({ log, channel, due }) => [`${due}`, `of channel ${toHex(channel)} in log ${toHex(log).slice(0, 16)}…`] as const,
    );
    const isJson = parsed.values['json'];
    if (claimable.length === 0 || parsed.values['dry-run'] === true) {
      const told = { claimable: facts, total: String(total), transactions: [] };
      answer(context, isJson, { facts: told, rows: [...rows, ['in all', String(total)]] });
      return exitCode.accepted;
    }
    if (isJson !== true) answer(context, isJson, { facts: {}, rows: [...rows, ['in all', String(total)]] });
    const agreed = await confirm(context, `Claim ${total}?`, { yes: parsed.values['yes'] });
    if (agreed === 'no') throw new ChainError('not_agreed', 'nothing was claimed');
    const done = await claimAll(context, parsed, { place, settlement, claimable });
    const told = { claimable: facts, total: String(total), transactions: done.map(doneJson) };
    answer(context, isJson, { facts: told, rows: done.map(doneRow) });
    return exitCode.accepted;
  } finally {
    await journal.close();
  }
}

async function claimAll(
  context: CommandContext,
  parsed: Parsed,
  {
    place,
    settlement,
    claimable,
  }: { readonly place: Place; readonly settlement: Hex; readonly claimable: readonly Claimable[] },
): Promise<readonly Done[]> {
  const sender = await openSender(place.node, place.rpc, payerOf(parsed));
  const steps = createSteps(context, claimable.length);
  const done: Done[] = [];
  try {
    for (const { bundle, channel, args } of claimable) {
      steps.begin(`claims from ${toHex(channel).slice(0, 16)}…`);
      const head = headWords(bundle);
      // Kept once, it serves all the claims after it.
      const kept = await place.node.read<Hex>(call(settlement, 'rootOf', [head.log, head.size]));
      if (kept !== head.root) {
        done.push({ what: 'postHead', mined: await sender.send(call(settlement, 'postHead', [head])) });
      }
      done.push({ what: 'claim', mined: await sender.send(call(settlement, 'claim', args)) });
    }
    return done;
  } finally {
    steps.end();
  }
}

async function claimableIn(journal: Journal, { node }: Place, settlement: Hex): Promise<readonly Claimable[]> {
  const { timestamp } = await asked(() => node.client.getBlock());
  const found: Claimable[] = [];
  for (const log of journal.logs(MOST_LOGS)) {
    for (const voucher of vouchersOf(journal, log)) {
      const { channel, maxCumulative, signature } = voucher;
      const place = journal.charged(log, channel);
      if (place === undefined) continue;
      const bundle = journal.bundle(place);
      const { cumulativeFee } = decodeReceipt(bundle.receipt);
      const owed = smaller(cumulativeFee, maxCumulative);
      const claimed = await node.read<bigint>(call(settlement, 'claimedOf', [hex(channel), hex(log)]));
      const { balance, closesAt } = await node.read<{ readonly balance: bigint; readonly closesAt: number }>(
        call(settlement, 'channelOf', [hex(channel)]),
      );
      const hasEnded = closesAt !== 0 && BigInt(closesAt) <= timestamp;
      const due = smaller(owed - claimed, balance);
      if (hasEnded || due <= 0n) continue;
      const words = { channel: hex(channel), maxCumulative, ...signatureWords(signature) };
      found.push({ log, channel, owed, due, bundle, args: [loggedReceiptWords(bundle), words] });
    }
  }
  return found;
}

function vouchersOf(journal: Journal, log: Uint8Array): ReturnType<Journal['vouchers']> {
  const all: ReturnType<Journal['vouchers']>[number][] = [];
  for (;;) {
    const page = journal.vouchers(log, all.at(-1)?.channel, limits.headsPerPage);
    all.push(...page);
    if (page.length < limits.headsPerPage) return all;
  }
}

function call(settlement: Hex, functionName: string, args: readonly unknown[]): ContractCall {
  return { contract: 'Settlement', address: settlement, abi: settlementAbi, functionName, args };
}

function onlyName({ positionals }: Parsed, what: string): string {
  const [only, ...more] = positionals;
  if (only === undefined || more.length > 0) throw new UsageError(`name ${what}`);
  return only;
}
