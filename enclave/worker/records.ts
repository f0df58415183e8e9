import { equalBytes } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import {
  type ChannelOpening,
  decodeChannelOpening,
  decodeVoucherRaise,
  encodeAccountState,
  type VoucherRaise,
} from '../../wire/message/channel.ts';
import { decodeRequest, flag, type Request } from '../../wire/message/request.ts';
import { decodeCancel, decodeCharged, decodeRecordKind, recordKind, shownOf } from '../../wire/message/session.ts';
import { openRecord, type RecordPadding, sealRecord } from '../../wire/noise/index.ts';
import type { Channels } from './channels.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './sessions.ts';

export interface RequestRecord {
  readonly kind: 'request';
  readonly number: number;
  readonly request: Request;
  /** The host has seen which channel it is to charge. */
  readonly charged: boolean;
}

/** Ends a request of the same session. */
export interface CancelRecord {
  readonly kind: 'cancel';
  readonly number: number;
  readonly requestId: Uint8Array;
}

export type MoneyRecord =
  | { readonly kind: 'channel'; readonly number: number; readonly opening: ChannelOpening }
  | { readonly kind: 'voucher'; readonly number: number; readonly voucher: VoucherRaise };

/**
 * Opens one record of a session, once. A host admits what is paid by what the client shows it (DESIGN section 5), and
 * keeps the vouchers that it was shown: so nothing charges that says something else inside the seal.
 */
export async function openSealed(
  session: Session,
  payload: Uint8Array,
  charged: boolean,
): Promise<RequestRecord | CancelRecord | MoneyRecord> {
  try {
    const { handshakeHash, receiveKey } = session.transport;
    const { shown, record } = charged ? decodeCharged(payload) : { shown: undefined, record: payload };
    const { place, data } = await openRecord(nodeSuite, receiveKey, handshakeHash, 'to-worker', record);
    if (place.chunk !== 0 || !place.final) throw new WireError('record_invalid', 'a request is one record');
    session.accept(place.request);
    if (shown !== undefined && !equalBytes(shown, shownOf(data))) {
      throw new WireError('record_invalid', 'the host was shown something else');
    }
    return readRecord(place.request, data, charged);
  } catch (error) {
    if (error instanceof WireError) throw new Refusal('record_refused', error.code);
    throw error;
  }
}

function readRecord(number: number, data: Uint8Array, charged: boolean): RequestRecord | CancelRecord | MoneyRecord {
  const { kind, rest } = decodeRecordKind(data);
  if (kind === recordKind.request) {
    const request = decodeRequest(rest);
    if ((request.header.flags & flag.sealed) === 0n) {
      throw new WireError('record_invalid', 'it came sealed and does not say so');
    }
    return { kind: 'request', number, request, charged };
  }
  if (kind === recordKind.cancel) return { kind: 'cancel', number, requestId: decodeCancel(rest) };
  if (!charged) throw new WireError('record_invalid', 'the host was not shown it');
  // A number is taken once, so a session charges one channel for as long as it lives.
  if (kind === recordKind.channel && number === 0) {
    return { kind: 'channel', number, opening: decodeChannelOpening(rest) };
  }
  if (kind === recordKind.voucher) return { kind: 'voucher', number, voucher: decodeVoucherRaise(rest) };
  throw new WireError('record_invalid', 'nothing that this worker takes now');
}

/** Opens the session's channel or raises its voucher, and says where the channel stands. */
export async function settleRecord(channels: Channels, session: Session, record: MoneyRecord): Promise<Uint8Array> {
  if (record.kind === 'channel') {
    session.channel = await channels.open(record.opening, session.transport.handshakeHash);
    return encodeAccountState(channels.state(session.channel));
  }
  const { voucher } = record;
  if (session.channel === null || !equalBytes(session.channel, voucher.channel)) {
    throw new Refusal('voucher_refused', 'this session charges another channel');
  }
  await channels.raise(voucher);
  return encodeAccountState(channels.state(voucher.channel));
}

/** The records of one answer, in their order: each is sealed for its place, and the place is part of the seal. */
export interface AnswerRecords {
  /** Seals bytes of a streamed answer as the next record. */
  piece(bytes: Uint8Array): void;
  /** Resolves to the last record once all before it were given to `send`. */
  last(data: Uint8Array): Promise<Uint8Array>;
}

export function answerRecords(
  { transport: { handshakeHash, sendKey } }: Session,
  request: number,
  send: (record: Uint8Array) => void,
): AnswerRecords {
  let chunk = 0;
  let sent: Promise<void> = Promise.resolve();

  function seal(data: Uint8Array, final: boolean, padding: RecordPadding): Promise<Uint8Array> {
    const place = { direction: 'to-client', request, chunk, final } as const;
    chunk += 1;
    return sealRecord(nodeSuite, sendKey, handshakeHash, place, data, padding);
  }

  return {
    piece(bytes) {
      const sealing = seal(bytes, false, 'stream');
      sent = sent.then(async () => send(await sealing));
      // Whoever asks for the last record hears of a failure.
      sent.catch(() => undefined);
    },
    async last(data) {
      const sealing = seal(data, true, chunk === 0 ? 'body' : 'stream');
      sealing.catch(() => undefined);
      await sent;
      return sealing;
    },
  };
}
