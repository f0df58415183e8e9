import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { decodeWords, encodeWords, WORD, type WordRecord } from '../words.ts';
import { type ChannelFields, channelLayout } from './authorisations.ts';

/**
 * What lies in the records of a session that charges a channel (DESIGN sections 5 and 8), after their first byte. What the
 * words mean, and who signed them, is for whoever reads them.
 */
export interface ChannelOpening {
  readonly fields: ChannelFields;
  /** The session key's, over "proofmark session v1" || h. */
  readonly signature: Uint8Array;
}

const raiseLayout = [
  { name: 'channel', kind: 'bytes32' },
  { name: 'maxCumulative', kind: 'uint', bits: 128 },
] as const;

/** A voucher without what both sides know: chain, settlement and log are the worker's own. */
export interface VoucherRaise extends WordRecord<typeof raiseLayout> {
  readonly signature: Uint8Array;
}

const accountLayout = [
  { name: 'committed', kind: 'uint', bits: 128 },
  { name: 'voucher', kind: 'uint', bits: 128 },
] as const;

/**
 * The worker's answer to both: what the channel owes in this log, with the most that requests under way may cost, and the
 * highest voucher that verified.
 */
export type AccountState = WordRecord<typeof accountLayout>;

const SIGNATURE = 64;

function split(data: Uint8Array, words: number): readonly [words: Uint8Array, signature: Uint8Array] {
  if (data.length !== words * WORD + SIGNATURE) throw new WireError('record_invalid', `${data.length} bytes`);
  return [data.slice(0, words * WORD), data.slice(words * WORD)];
}

export function encodeChannelOpening({ fields, signature }: ChannelOpening): Uint8Array {
  return concatBytes(encodeWords(channelLayout, fields), signature);
}

export function decodeChannelOpening(data: Uint8Array): ChannelOpening {
  const [words, signature] = split(data, channelLayout.length);
  return { fields: decodeWords(channelLayout, words), signature };
}

export function encodeVoucherRaise({ signature, ...words }: VoucherRaise): Uint8Array {
  return concatBytes(encodeWords(raiseLayout, words), signature);
}

export function decodeVoucherRaise(data: Uint8Array): VoucherRaise {
  const [words, signature] = split(data, raiseLayout.length);
  return { ...decodeWords(raiseLayout, words), signature };
}

export function encodeAccountState(state: AccountState): Uint8Array {
  return encodeWords(accountLayout, state);
}

export function decodeAccountState(data: Uint8Array): AccountState {
  return decodeWords(accountLayout, data);
}
