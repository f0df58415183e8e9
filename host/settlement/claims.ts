import type { Address } from 'viem';
import { limits } from '../../wire/limits.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import type { VoucherRaise } from '../../wire/message/channel.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import type { Journal } from '../journal/index.ts';
import type { ChannelFunds } from '../payments/admission.ts';
import { settlementAbi } from './abi.ts';
import type { Sent, SettlementChain } from './chain.ts';
import { headWords, hex, loggedReceiptWords, signatureWords } from './words.ts';

export interface Claimant {
  readonly chain: SettlementChain;
  readonly settlement: Address;
  readonly journal: Journal;
  /** Less than this is left for later, unless its channel is closing. */
  readonly claimAbove: bigint;
  readonly onSent: (what: 'postHead' | 'claim', sent: Sent) => void;
}

export async function fundsOf(
  { chain, settlement: to }: Pick<Claimant, 'chain' | 'settlement'>,
  channel: Uint8Array,
  log: Uint8Array,
): Promise<ChannelFunds> {
  const [state, claimed] = await Promise.all([
    chain.read({ to, abi: settlementAbi, functionName: 'channelOf', args: [hex(channel)] }),
    chain.read({ to, abi: settlementAbi, functionName: 'claimedOf', args: [hex(channel), hex(log)] }),
  ]);
  return { balance: state.closesAt === 0 ? state.balance : 0n, claimed };
}

interface Claimable {
  readonly voucher: VoucherRaise;
  readonly bundle: ReceiptBundle;
}

/**
 * Claims what vouchers and receipts are worth by now. What was paid is the contract's to say and is asked each time: after
 * a crash at any point nothing is claimed twice, and whatever was not is claimed next.
 */
export async function claimLog(claimant: Claimant, log: Uint8Array, isCurrent: boolean): Promise<void> {
  const { timestamp: now } = await claimant.chain.block();
  const due: Claimable[] = [];
  let after: Uint8Array | undefined;
  for (;;) {
    const page = claimant.journal.vouchers(log, after, limits.headsPerPage);
    for (const voucher of page) {
      const found = await claimable(claimant, log, voucher, { now, isCurrent });
      if (found !== undefined) due.push(found);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limits.headsPerPage) break;
    after = last.channel;
  }
  // All proofs at once, and so under one head: it is posted first, and settles them all.
  const bundles = due.map(({ voucher, bundle }) => ({ voucher, bundle: refreshed(claimant, log, bundle) }));
  const first = bundles[0];
  if (first === undefined) return;
  await postHead(claimant, first.bundle);
  for (const { voucher, bundle } of bundles) {
    const { channel, maxCumulative, signature } = voucher;
    const sent = await claimant.chain.send({
      to: claimant.settlement,
      abi: settlementAbi,
      functionName: 'claim',
      args: [loggedReceiptWords(bundle), { channel: hex(channel), maxCumulative, ...signatureWords(signature) }],
    });
    claimant.onSent('claim', sent);
  }
}

async function claimable(
  claimant: Claimant,
  log: Uint8Array,
  voucher: VoucherRaise,
  { now, isCurrent }: { readonly now: bigint; readonly isCurrent: boolean },
): Promise<Claimable | undefined> {
  const { journal, chain, settlement: to } = claimant;
  const place = journal.charged(log, voucher.channel);
  if (place === undefined) return undefined;
  const bundle = journal.bundle(place);
  const { cumulativeFee } = decodeReceipt(bundle.receipt);
  const { maxCumulative } = voucher;
  let owed = cumulativeFee;
  if (owed > maxCumulative) owed = maxCumulative;
  const id = hex(voucher.channel);
  const [state, claimed] = await Promise.all([
    chain.read({ to, abi: settlementAbi, functionName: 'channelOf', args: [id] }),
    chain.read({ to, abi: settlementAbi, functionName: 'claimedOf', args: [id, hex(log)] }),
  ]);
  const hasEnded = state.closesAt !== 0 && BigInt(state.closesAt) <= now;
  if (owed <= claimed || state.balance === 0n || hasEnded) return undefined;
  // Of a log that does not grow any more, and of a channel that ends, there is nothing to wait for.
  const isLast = !isCurrent || state.closesAt !== 0;
  return isLast || owed - claimed >= claimant.claimAbove ? { voucher, bundle } : undefined;
}

function refreshed({ journal }: Claimant, log: Uint8Array, { receipt }: ReceiptBundle): ReceiptBundle {
  return journal.bundle({ log, index: Number(decodeReceipt(receipt).index) });
}

async function postHead(claimant: Claimant, bundle: ReceiptBundle): Promise<void> {
  const { chain, settlement: to, onSent } = claimant;
  const head = headWords(bundle);
  const kept = await chain.read({ to, abi: settlementAbi, functionName: 'rootOf', args: [head.log, head.size] });
  if (kept === head.root) return;
  onSent('postHead', await chain.send({ to, abi: settlementAbi, functionName: 'postHead', args: [head] }));
}
