import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../wire/bytes.ts';
import {
  decodeAccountState,
  decodeChannelOpening,
  decodeVoucherRaise,
  encodeAccountState,
  encodeChannelOpening,
  encodeVoucherRaise,
} from '../../../wire/message/channel.ts';
import { encodeRequestHeader } from '../../../wire/message/request.ts';
import {
  decodeCharged,
  encodeCharged,
  encodeSealedRequest,
  recordKind,
  shownOf,
} from '../../../wire/message/session.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

const opening = {
  fields: {
    chainId: 10n,
    settlement: bytes(20, 2),
    payer: bytes(20, 3),
    payee: bytes(20, 4),
    sessionX: bytes(32, 5),
    sessionY: bytes(32, 6),
    salt: bytes(32, 7),
  },
  signature: bytes(64, 8),
};

const raise = { channel: bytes(32, 1), maxCumulative: 2n ** 128n - 1n, signature: bytes(64, 2) };

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

describe('records of money', () => {
  it('are words and a signature, and come back as they were', () => {
    const encoded = encodeChannelOpening(opening);
    expect(encoded).toHaveLength(7 * 32 + 64);
    expect(encoded.subarray(0, 32)).toEqual(Uint8Array.from([...bytes(31, 0), 10]));
    expect(encoded.subarray(32, 64)).toEqual(Uint8Array.from([...bytes(12, 0), ...bytes(20, 2)]));
    expect(encoded.subarray(224)).toEqual(opening.signature);
    expect(decodeChannelOpening(encoded)).toEqual(opening);
    expect(encodeVoucherRaise(raise)).toEqual(concatBytes(bytes(32, 1), bytes(16, 0), bytes(16, 255), raise.signature));
    expect(decodeVoucherRaise(encodeVoucherRaise(raise))).toEqual(raise);
    const state = { committed: 3n, voucher: 4n };
    expect(decodeAccountState(encodeAccountState(state))).toEqual(state);
  });

  it('of any other length are none', () => {
    for (const length of [0, 63, 64, 287, 289]) {
      expect(codeOf(() => decodeChannelOpening(bytes(length, 0)))).toBe('record_invalid');
    }
    for (const length of [0, 127, 129])
      expect(codeOf(() => decodeVoucherRaise(bytes(length, 0)))).toBe('record_invalid');
    expect(codeOf(() => decodeAccountState(bytes(63, 0)))).toBe('truncated');
    expect(codeOf(() => decodeAccountState(bytes(65, 0)))).toBe('trailing_bytes');
  });

  it('hold no sum of more than 128 bits, and no dirty address', () => {
    const voucher = encodeVoucherRaise(raise);
    voucher[32 + 15] = 1;
    expect(codeOf(() => decodeVoucherRaise(voucher))).toBe('integer_out_of_range');
    const channel = encodeChannelOpening(opening);
    channel[32] = 1;
    expect(codeOf(() => decodeChannelOpening(channel))).toBe('word_invalid');
  });
});

describe('what a host is shown', () => {
  const header = encodeRequestHeader({
    requestId: bytes(32, 1),
    modelId: bytes(32, 2),
    operation: 0n,
    format: 0n,
    jsonLength: 0n,
    flags: 2n,
    salt: bytes(32, 3),
    channel: bytes(32, 4),
    unitPrice: 5n,
    maxFee: 6n,
    deadline: 7n,
    seed: bytes(32, 8),
  });

  it('of a request is its model and channel, and nothing of its content', () => {
    const data = encodeSealedRequest(header, bytes(100, 9));
    expect(shownOf(data)).toEqual(concatBytes(Uint8Array.of(recordKind.request), bytes(32, 2), bytes(32, 4)));
  });

  it('of anything else is all of it', () => {
    const voucher = concatBytes(Uint8Array.of(recordKind.voucher), encodeVoucherRaise(raise));
    expect(shownOf(voucher)).toEqual(voucher);
  });

  it('stands before the record, by its length', () => {
    const payload = encodeCharged(bytes(3, 1), bytes(5, 2));
    expect(payload).toEqual(Uint8Array.of(0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 2, 2));
    expect(decodeCharged(payload)).toEqual({ shown: bytes(3, 1), record: bytes(5, 2) });
    expect(codeOf(() => decodeCharged(payload.subarray(0, 6)))).toBe('truncated');
    expect(codeOf(() => decodeCharged(payload.subarray(0, 3)))).toBe('truncated');
  });
});
