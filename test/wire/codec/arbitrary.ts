import fc from 'fast-check';
import type { CborKey, CborValue } from '../../../wire/codec/cbor.ts';

const integer: fc.Arbitrary<number | bigint> = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -70_000n, max: 70_000n }),
    fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  )
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));

const text: fc.Arbitrary<string> = fc
  .string({ unit: 'binary', maxLength: 80 })
  .filter((value) => value[0] !== '\ufeff');

const key: fc.Arbitrary<CborKey> = fc.oneof(integer, text);

/** Any value of our CBOR profile, in the one form that decoding gives. */
export const arbitraryCbor: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    integer,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 80 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => new Map(entries)),
  ),
})).value;
