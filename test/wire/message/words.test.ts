import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError, type WireErrorCode } from '../../../wire/errors.ts';
import { decodeIdentity, encodeIdentity, identityLayout, imagePreimage } from '../../../wire/message/identity.ts';
import {
  decodeReceipt,
  decodeTreeHead,
  encodeReceipt,
  encodeTreeHead,
  receiptLayout,
} from '../../../wire/message/receipt.ts';
import {
  checkJsonLength,
  decodeRequest,
  decodeRequestHeader,
  encodeRequestHeader,
  feeFor,
  format,
  requestHeaderLayout,
  requestPreimage,
  responsePreimage,
} from '../../../wire/message/request.ts';
import {
  addressWord,
  bytes32Word,
  decodeWords,
  encodeWords,
  tagWord,
  uintWord,
  type WordField,
} from '../../../wire/words.ts';

function code(run: () => unknown): WireErrorCode | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

function arbitrary(layout: readonly WordField[]): fc.Arbitrary<Record<string, bigint | Uint8Array>> {
  const value = (field: WordField): fc.Arbitrary<bigint | Uint8Array> => {
    if (field.kind === 'uint') return fc.bigInt({ min: 0n, max: (1n << BigInt(field.bits)) - 1n });
    const length = field.kind === 'address' ? 20 : 32;
    return fc.uint8Array({ minLength: length, maxLength: length });
  };
  return fc.record(Object.fromEntries(layout.map((field) => [field.name, value(field)])));
}

describe('words', () => {
  it('pads tags on the right and refuses what is no tag', () => {
    expect(new TextDecoder().decode(tagWord('proofmark head v1'))).toBe(`proofmark head v1${'\0'.repeat(15)}`);
    expect(code(() => tagWord(''))).toBe('word_invalid');
    expect(code(() => tagWord('x'.repeat(33)))).toBe('word_invalid');
    expect(code(() => tagWord('naïve'))).toBe('word_invalid');
  });

  it('bounds integers by their width', () => {
    expect(uintWord(255n, 8)[31]).toBe(255);
    expect(code(() => uintWord(256n, 8))).toBe('integer_out_of_range');
    expect(code(() => uintWord(-1n))).toBe('integer_out_of_range');
    expect(code(() => uintWord(1n << 256n))).toBe('integer_out_of_range');
  });

  it('takes addresses of 20 and strings of 32 bytes only', () => {
    expect(addressWord(new Uint8Array(20).fill(1)).subarray(0, 12)).toEqual(new Uint8Array(12));
    expect(code(() => addressWord(new Uint8Array(21)))).toBe('word_invalid');
    expect(code(() => bytes32Word(new Uint8Array(31)))).toBe('word_invalid');
  });

  for (const [name, layout] of Object.entries({ identityLayout, requestHeaderLayout, receiptLayout })) {
    it(`reads back what it wrote: ${name}`, () => {
      fc.assert(
        fc.property(arbitrary(layout), (record) => {
          expect(decodeWords(layout, encodeWords(layout, record as never))).toEqual(record);
        }),
        { numRuns: 100 },
      );
    });

    it(`refuses other lengths and dirty bits: ${name}`, () => {
      const bytes = new Uint8Array(32 * layout.length);
      expect(code(() => decodeWords(layout, bytes.subarray(1)))).toBe('truncated');
      expect(code(() => decodeWords(layout, new Uint8Array(bytes.length + 1)))).toBe('trailing_bytes');
      layout.forEach((field, index) => {
        const dirty = Uint8Array.from(bytes);
        dirty[32 * index] = 1;
        const expected =
          field.kind === 'address'
            ? 'word_invalid'
            : field.kind === 'uint' && field.bits < 249
              ? 'integer_out_of_range'
              : 'accepted';
        expect(
          code(() => decodeWords(layout, dirty)),
          field.name,
        ).toBe(expected);
      });
    });
  }
});

const zero32 = new Uint8Array(32);
const zero20 = new Uint8Array(20);
const header = {
  requestId: zero32,
  modelId: zero32,
  operation: 0n,
  format: 1n,
  jsonLength: 2n,
  flags: 2n,
  salt: zero32,
  channel: zero32,
  unitPrice: 3n,
  maxFee: 10n,
  deadline: 0n,
  seed: zero32,
};

describe('identity', () => {
  const identity = {
    version: 1n,
    signerX: zero32,
    signerY: zero32,
    sealKey: zero32,
    operator: zero20,
    chainId: 0n,
    registry: zero20,
    settlement: zero20,
    config: zero32,
    runtime: zero32,
  };

  it('has one version', () => {
    expect(code(() => decodeIdentity(encodeIdentity({ ...identity, version: 2n })))).toBe('field_invalid');
  });

  it('takes the measurements that a tee has', () => {
    const pcr = new Uint8Array(48);
    expect(imagePreimage('aws-nitro', [pcr, pcr, pcr])).toHaveLength(64 + 144);
    expect(imagePreimage('amd-sev-snp', [pcr])).toHaveLength(64 + 48);
    expect(code(() => imagePreimage('aws-nitro', [pcr]))).toBe('field_invalid');
    expect(code(() => imagePreimage('amd-sev-snp', [new Uint8Array(32)]))).toBe('field_invalid');
  });
});

describe('request header', () => {
  it.each([
    ['operation', 3n],
    ['format', 3n],
    ['flags', 8n],
  ])('knows no %s %i', (field, value) => {
    expect(code(() => encodeRequestHeader({ ...header, [field]: value }))).toBe('field_invalid');
    expect(code(() => decodeRequestHeader(encodeWords(requestHeaderLayout, { ...header, [field]: value })))).toBe(
      'field_invalid',
    );
  });

  it('fits its body in one way for each format', () => {
    expect(code(() => checkJsonLength(format.json, 4n, 4))).toBe('accepted');
    expect(code(() => checkJsonLength(format.json, 3n, 4))).toBe('field_invalid');
    expect(code(() => checkJsonLength(format.binary, 3n, 4))).toBe('accepted');
    expect(code(() => checkJsonLength(format.binary, 0n, 4))).toBe('field_invalid');
    expect(code(() => checkJsonLength(format.binary, 5n, 4))).toBe('field_invalid');
    expect(code(() => checkJsonLength(format.integers, 0n, 4))).toBe('accepted');
    expect(code(() => checkJsonLength(format.integers, 1n, 4))).toBe('field_invalid');
  });

  it('comes before a body that it describes', () => {
    const bytes = encodeRequestHeader(header);
    expect(decodeRequest(Uint8Array.from([...bytes, 1, 2])).body).toEqual(Uint8Array.of(1, 2));
    expect(code(() => decodeRequest(bytes))).toBe('field_invalid');
    expect(code(() => decodeRequest(bytes.subarray(1)))).toBe('truncated');
    expect(code(() => decodeRequest(new Uint8Array(384 + 16_777_217)))).toBe('too_large');
  });

  it('charges what units cost, and no more than was allowed', () => {
    expect(feeFor(header, 0n)).toBe(0n);
    expect(feeFor(header, 3n)).toBe(9n);
    expect(feeFor(header, 4n)).toBe(10n);
  });

  it('hashes under prefixes that no other message has', () => {
    expect(requestPreimage(encodeRequestHeader(header), zero32)[0]).toBe(2);
    const facts = { salt: zero32, status: 0n, format: 1n, jsonLength: 2n, bodyHash: zero32 };
    expect(responsePreimage(facts)[0]).toBe(3);
    expect(code(() => requestPreimage(zero32, zero32))).toBe('word_invalid');
  });
});

describe('receipt and head', () => {
  const receipt = {
    requestId: zero32,
    channel: zero32,
    modelId: zero32,
    requestHash: zero32,
    responseHash: zero32,
    commitment: zero32,
    execution: zero32,
    flags: 0n,
    status: 0n,
    fee: 0n,
    cumulativeFee: 0n,
    deadline: 0n,
    index: 0n,
  };
  const head = { chainId: 1n, settlement: zero20, log: zero32, size: 1, root: zero32 };

  it('knows five outcomes and three flags', () => {
    expect(code(() => encodeReceipt({ ...receipt, status: 4n, flags: 7n }))).toBe('accepted');
    expect(code(() => encodeReceipt({ ...receipt, status: 5n }))).toBe('field_invalid');
    expect(code(() => encodeReceipt({ ...receipt, flags: 8n }))).toBe('field_invalid');
    expect(code(() => decodeReceipt(encodeWords(receiptLayout, { ...receipt, status: 5n })))).toBe('field_invalid');
  });

  it('signs heads under their own tag and no impossible size', () => {
    const bytes = encodeTreeHead(head);
    expect(decodeTreeHead(bytes)).toEqual(head);
    expect(code(() => encodeTreeHead({ ...head, size: -1 }))).toBe('integer_out_of_range');
    expect(code(() => encodeTreeHead({ ...head, size: 2 ** 48 + 1 }))).toBe('integer_out_of_range');
    const retagged = Uint8Array.from(bytes);
    retagged[0] = 0x50;
    expect(code(() => decodeTreeHead(retagged))).toBe('tag_mismatch');
  });
});
