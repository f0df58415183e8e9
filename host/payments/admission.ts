import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type ChannelFields, channelPreimage, voucherMessage } from '../../wire/message/authorisations.ts';
import { decodeChannelOpening, decodeVoucherRaise, type VoucherRaise } from '../../wire/message/channel.ts';
import { decodeRecordKind, recordKind } from '../../wire/message/session.ts';
import type { Journal } from '../journal/index.ts';
import type { ReadyWorker } from '../worker-link.ts';
import { PaymentError } from './errors.ts';

/**
 * Decides by what a client shows outside the seal which records that charge a channel are passed on (DESIGN section 5).
 * The worker cannot see the chain: without this, it would work for channels that hold nothing. It compares what was shown
 * with what is inside the seal, so that this decides about the very record.
 */
export interface Admission {
  /** Throws a `PaymentError`. Whatever it lets through and can be claimed with is durable by then. */
  admit(shown: Uint8Array, worker: ReadyWorker): Promise<void>;
}

export interface ChannelFunds {
  /** Locked, and neither claimed nor on its way back to the payer. */
  readonly balance: bigint;
  /** What this log has claimed so far. */
  readonly claimed: bigint;
}

export interface AdmissionOptions {
  readonly journal: Journal;
  /** Asked of the chain for every voucher and channel, and for requests now and then. */
  readonly fundsOf: (channel: Uint8Array, log: Uint8Array) => Promise<ChannelFunds>;
  readonly now: () => number;
}

/** How long a channel that was open is taken to be so. No close is quicker than 15 minutes (contracts' `CLOSE_DELAY`). */
const OPEN_MS = 30_000;

export function createAdmission({ journal, fundsOf, now }: AdmissionOptions): Admission {
  /** When each channel was last seen open. */
  const seenOpen = new Map<string, number>();

  async function admitChannel(fields: ChannelFields, { log, configuration }: ReadyWorker): Promise<void> {
    const { chainId, settlement, operator } = configuration;
    const ours =
      fields.chainId === chainId && equalBytes(fields.settlement, settlement) && equalBytes(fields.payee, operator);
    if (!ours) throw new PaymentError('channel_refused', 'it pays elsewhere');
    const { balance } = await fundsOf(sha256(channelPreimage(fields)), log);
    if (balance === 0n) throw new PaymentError('channel_refused', 'it is not open, or empty');
    await journal.saveChannel(fields);
  }

  async function admitVoucher(raise: VoucherRaise, { log }: ReadyWorker): Promise<void> {
    const fields = known(raise.channel);
    if (!(await isSigned(fields, raise, log))) throw new PaymentError('voucher_refused', 'not signed for this log');
    const { balance, claimed } = await fundsOf(raise.channel, log);
    if (raise.maxCumulative > claimed + balance)
      throw new PaymentError('voucher_refused', 'the channel does not hold it');
    // Before the worker knows it: what was worked for on the strength of a voucher can be claimed, whatever dies when.
    await journal.saveVoucher(log, raise);
  }

  /** A voucher that is good with the worker pays nothing any more once its channel has ended. */
  async function admitRequest(channel: Uint8Array, { log }: ReadyWorker): Promise<void> {
    known(channel);
    const key = toHex(channel);
    if (now() - (seenOpen.get(key) ?? Number.NEGATIVE_INFINITY) < OPEN_MS) return;
    seenOpen.delete(key);
    const { balance } = await fundsOf(channel, log);
    if (balance === 0n) throw new PaymentError('channel_refused', 'it is closing, or empty');
    if (seenOpen.size >= limits.channels) seenOpen.clear();
    seenOpen.set(key, now());
  }

  function known(channel: Uint8Array): ChannelFields {
    const fields = journal.channel(channel);
    if (fields === undefined) throw new PaymentError('channel_refused', 'it was not opened here');
    return fields;
  }

  return {
    async admit(shown, worker) {
      try {
        const { kind, rest } = decodeRecordKind(shown);
        if (kind === recordKind.channel) await admitChannel(decodeChannelOpening(rest).fields, worker);
        else if (kind === recordKind.voucher) await admitVoucher(decodeVoucherRaise(rest), worker);
        else if (kind === recordKind.request && rest.length === 64) await admitRequest(rest.subarray(32), worker);
        else throw new PaymentError('channel_refused', 'nothing that charges a channel');
      } catch (error) {
        if (error instanceof WireError) throw new PaymentError('channel_refused', error.code, { cause: error });
        throw error;
      }
    },
  };
}

async function isSigned(fields: ChannelFields, raise: VoucherRaise, log: Uint8Array): Promise<boolean> {
  const { chainId, settlement, sessionX, sessionY } = fields;
  const { channel, maxCumulative, signature } = raise;
  const message = voucherMessage({ chainId, settlement, channel, log, maxCumulative });
  return verifyLowS(nodeSuite, concatBytes(Uint8Array.of(4), sessionX, sessionY), message, signature);
}
