import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import {
  CHAIN,
  CHALLENGE,
  LEAF_BEGINS,
  LEAF_ENDS,
  MODULE_ID,
  NOW,
  OTHER,
  PUBLIC_KEY,
  pcrsWith,
  SECOND,
  ZERO,
} from '../../vectors/corpus/base.ts';
import { type Raw, raw } from '../../vectors/corpus/document.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import { type NitroEdit, pair } from './evidence.ts';
import { ofSize } from './valid.ts';

/** One rule of the payload broken, and the payload signed as it stands. */
const broken = changesOf<NitroEdit>('resigned');

const MANDATORY = ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'] as const;
const FIELDS = [...MANDATORY, 'public_key', 'user_data', 'nonce'] as const;

const field = (name: string, value: CborValue | Raw | undefined): NitroEdit => ({ fields: { [name]: value } });
const unknown = (...bytes: readonly (number | Uint8Array)[]): NitroEdit => ({
  more: [concatBytes(encodeCbor('x'), raw(...bytes).raw)],
});
const nested = (depth: number): Uint8Array => new Uint8Array(depth).fill(0x81);
const pairs = (random: Random): readonly Uint8Array[] =>
  random.shuffled([...pcrsWith({})]).flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]);

/** An integer below 24 in one of the longer forms. */
function longInteger(random: Random, value: number): Uint8Array {
  const width = random.pick([1, 2, 4, 8]);
  const head = { 1: 0x18, 2: 0x19, 4: 0x1a, 8: 0x1b }[width] as number;
  return Uint8Array.from([head, ...new Uint8Array(width - 1), value]);
}

export const payloadChanges: readonly Change<NitroEdit>[] = [
  broken('X3', 'payload: something after it', (random) => {
    const tail = random.pick([Uint8Array.of(0), Uint8Array.of(0xf6), Uint8Array.of(0xff), random.bytes(2)]);
    return { payload: (made) => concatBytes(made, tail) };
  }),
  broken('N8', 'payload: an open indefinite map', () => ({
    form: 'indefinite',
    payload: (made) => made.subarray(0, -1),
  })),
  broken('N8', 'payload: cut off', (random) => ({
    payload: (made) => made.subarray(0, random.between(1, made.length - 1)),
  })),
  broken('N8', 'payload: no map', (random) => {
    const other = random.pick([[0x80], [0xa0], [0xbf, 0xff], [0x40], [0x00], [0xf6], [0xc0, 0xa0]]);
    return { payload: () => Uint8Array.from(other) };
  }),
  broken('N8', 'payload: the number of fields in more bytes than needed', (random) => {
    const head = random.pick([[0xb8], [0xb9, 0], [0xba, 0, 0, 0], [0xbb, 0, 0, 0, 0, 0, 0, 0]]);
    return {
      form: 'definite',
      payload: (made) =>
        concatBytes(Uint8Array.from(head), Uint8Array.of((made[0] as number) & 0x1f), made.subarray(1)),
    };
  }),
  broken('N8', 'payload: another number of fields than it says', (random) => {
    const more = random.pick([1, -1]);
    return {
      form: 'definite',
      payload: (made) => concatBytes(Uint8Array.of((made[0] as number) + more), made.subarray(1)),
    };
  }),
  broken('X4', 'payload: a field twice', (random) => {
    const name = random.pick(FIELDS);
    const values: Readonly<Record<(typeof FIELDS)[number], CborValue>> = {
      module_id: MODULE_ID,
      digest: 'SHA384',
      timestamp: NOW,
      pcrs: pcrsWith({}),
      certificate: CHAIN[4] as Uint8Array,
      cabundle: CHAIN.slice(0, 4),
      public_key: PUBLIC_KEY,
      user_data: null,
      nonce: CHALLENGE,
    };
    return { fields: { [name]: values[name] }, more: [pair(name, values[name])] };
  }),
  broken('X4', 'payload: a PCR twice', (random) => {
    const index = random.below(16);
    const again = concatBytes(
      encodeCbor(index),
      encodeCbor(random.once(2) ? OTHER : (pcrsWith({}).get(index) ?? OTHER)),
    );
    return field(
      'pcrs',
      random.once(2) ? raw(0xb1, ...pairs(random), again) : raw(0xbf, ...pairs(random), again, 0xff),
    );
  }),
  broken('N8', 'payload: a number in more bytes than needed', (random) => {
    const [first, ...rest] = pairs(random) as [Uint8Array, ...Uint8Array[]];
    return random.pick([
      field('pcrs', raw(0xb0, longInteger(random, first[0] as number), ...rest)),
      field('pcrs', raw(0xb8, 16, ...pairs(random))),
      field('timestamp', raw(0x1b, 0, 0, 0, 0, 0, 0, 0, 1)),
      field('nonce', raw(0x59, 0, 32, CHALLENGE)),
      field('nonce', raw(0x58, 3, 1, 2, 3)),
      field('user_data', raw(0x5a, 0, 0, 0, 1, 7)),
      field('digest', raw(0x78, 6, utf8('SHA384'))),
      field('cabundle', raw(0x98, 4, ...CHAIN.slice(0, 4).map(encodeCbor))),
      field('certificate', raw(0x5a, 0, 0, 2, 0x8d, CHAIN[4] as Uint8Array)),
    ]);
  }),
  broken('N8', 'payload: a long field name', () => ({
    fields: { nonce: undefined },
    more: [raw(0x78, 5, utf8('nonce'), encodeCbor(CHALLENGE)).raw],
  })),
  broken('N8', 'payload: a string or list in pieces', (random) =>
    random.pick([
      field('cabundle', raw(0x9f, ...CHAIN.slice(0, 4).map(encodeCbor), 0xff)),
      field('user_data', raw(0x5f, encodeCbor(CHALLENGE), 0xff)),
      field('nonce', raw(0x5f, 0xff)),
      field('module_id', raw(0x7f, encodeCbor(MODULE_ID), 0xff)),
      field('certificate', raw(0x5f, encodeCbor(CHAIN[4] as Uint8Array), 0xff)),
    ]),
  ),
  broken('N8', 'payload: more is claimed than is there', (random) =>
    random.pick([
      field('cabundle', raw(0x9b, 0, 0, 0, 1, 0, 0, 0, 0)),
      field('pcrs', raw(0xba, 0x80, 0, 0, 0)),
      field('nonce', raw(0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0)),
      field('nonce', raw(0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
      field('certificate', raw(0x5a, 0xff, 0xff, 0xff, 0xff)),
    ]),
  ),
  broken('N8', 'payload: a tag', (random) =>
    random.pick([
      field('timestamp', raw(0xc1, encodeCbor(NOW))),
      field('nonce', raw(0xc2, encodeCbor(CHALLENGE))),
      field('pcrs', raw(0xd8, 0x20, encodeCbor(pcrsWith({})))),
      field('user_data', raw(0xd9, 1, 2, encodeCbor(CHALLENGE))),
      field('digest', raw(0xd8, 0x20, encodeCbor('SHA384'))),
    ]),
  ),
  broken('N8', 'payload: a value that CBOR has and documents have not', (random) => {
    const value = random.pick([
      [0xf9, 0x3c, 0x00],
      [0xfb, 0x42, 0x79, 0, 0, 0, 0, 0, 0],
      [0xf7],
      [0xf4],
      [0xf5],
      [0xf8, 0x20],
      [0xe0],
      [0x1c],
      [0xff],
    ]);
    return field(random.pick(FIELDS), raw(...value));
  }),
  broken('N8', 'payload: a field name of another type', (random) => ({
    more: [raw(...random.pick([[0x01], [0x41, 0x01], [0xf6], [0x20], [0x80]]), 0x01).raw],
  })),
  broken('N8', 'payload: text that is no UTF-8', (random) =>
    random.pick([
      field('module_id', raw(0x62, 0xc3, 0x28)),
      field('module_id', raw(0x64, 0xef, 0xbb, 0xbf, 0x69)),
      field('digest', raw(0x61, 0xff)),
      { more: [raw(0x62, 0xc0, 0x80, 0x00).raw] },
    ]),
  ),
  broken('X2', 'payload: nested too deep', (random) => unknown(nested(random.pick([16, 17, 100, 8_000])), 0x00)),
  broken('N9', 'payload: a mandatory field is left out', (random) => field(random.pick(MANDATORY), undefined)),
  broken('N9', 'payload: a mandatory field is null', (random) => field(random.pick(MANDATORY), null)),
  broken('N9', 'payload: another module id', (random) =>
    field(
      'module_id',
      random.pick(['', 'x'.repeat(129), `${MODULE_ID}\n`, 'i 0', '\u0456-0', '\u007f', utf8(MODULE_ID), 7, []]),
    ),
  ),
  broken('N10', 'payload: an unknown field', (random) =>
    random.pick<NitroEdit>([
      unknown(0x01),
      { more: [pair('hostname', 'example')] },
      { more: [pair('__proto__', new Map([['pcrs', 1]]))] },
      { more: [pair('', null)] },
      { more: [pair('Nonce', CHALLENGE)] },
    ]),
  ),
  broken('N10', 'payload: more fields than anybody looks at', (random) => {
    const count = random.between(8, 40);
    const more = Array.from({ length: count }, (_, index) => pair(`x${index}`, index));
    return random.once(2)
      ? { more, form: 'indefinite' }
      : { form: 'indefinite', payload: (made) => concatBytes(Uint8Array.of(0xbf), ...more, made.subarray(1)) };
  }),
  broken('N11', 'payload: another digest', (random) =>
    field('digest', random.pick(['SHA256', 'SHA512', 'sha384', 'SHA384 ', '', utf8('SHA384'), 384])),
  ),
  broken('N12', 'payload: a timestamp that is none', (random) =>
    field(
      'timestamp',
      random.pick<CborValue>([0, -1, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, String(NOW), utf8('now'), [NOW]]),
    ),
  ),
  broken('N13', 'payload: PCRs of another number or index', (random) =>
    field(
      'pcrs',
      random.pick<CborValue>([
        new Map(),
        new Map([...pcrsWith({}), [32, OTHER]]),
        new Map([...pcrsWith({}), [-1, OTHER]]),
        new Map([...pcrsWith({}), [2 ** 32, OTHER]]),
        new Map([...pcrsWith({}), [256, OTHER]]),
        new Map<number | string, Uint8Array>([...pcrsWith({}), ['16', OTHER]]),
        new Map(Array.from({ length: 33 }, (_, index): [number, Uint8Array] => [index, OTHER])),
        [...pcrsWith({}).values()],
        OTHER,
      ]),
    ),
  ),
  broken('N13', 'payload: a PCR of another length', (random) =>
    field('pcrs', pcrsWith({ [random.below(16)]: random.bytes(random.pick([0, 1, 20, 32, 47, 49, 64])) })),
  ),
  broken('N14', 'payload: a bundle of another size', (random) =>
    field(
      'cabundle',
      random.pick<CborValue>([
        [],
        [...CHAIN, ...CHAIN.slice(0, 4)],
        Array.from({ length: 33 }, () => Uint8Array.of(0x30)),
        [...CHAIN.slice(0, 4), new Uint8Array(0)],
        [...CHAIN.slice(0, 3), concatBytes(CHAIN[3] as Uint8Array, new Uint8Array(1_025))],
        [...CHAIN.slice(0, 3), 'certificate'],
        CHAIN[0] as Uint8Array,
        new Map(),
      ]),
    ),
  ),
  broken('N14', 'payload: a certificate of one byte too many', (random) => ofSize(random.between(1, 4), 1_025)),
  broken('N14', 'payload: a leaf of another size', (random) =>
    field(
      'certificate',
      random.pick<CborValue>([
        new Uint8Array(0),
        concatBytes(CHAIN[4] as Uint8Array, new Uint8Array(1_025 - (CHAIN[4] as Uint8Array).length)),
        'certificate',
        [CHAIN[4] as Uint8Array],
        7,
      ]),
    ),
  ),
  broken('N16', 'payload: a binding of another length or type', (random) =>
    random.pick<NitroEdit>([
      field('public_key', new Uint8Array(0)),
      field('public_key', random.bytes(1_025)),
      field('user_data', random.bytes(1_025)),
      field('nonce', random.bytes(1_025)),
      field(random.pick(['public_key', 'user_data', 'nonce']), random.pick<CborValue>(['text', 1, [], new Map()])),
    ]),
  ),
  broken('N16', 'payload: a binding that is longer than its limit', (random) =>
    field(random.pick(['user_data', 'nonce']), random.bytes(random.pick([513, 600, 1_023, 1_024]))),
  ),
  broken('N17', 'payload: debug mode', () => field('pcrs', pcrsWith({ 0: ZERO, 1: ZERO, 2: ZERO }))),
  broken('N17', 'payload: a measurement that is zero or absent', (random) =>
    field('pcrs', pcrsWith({ [random.below(3)]: random.pick([ZERO, null]) })),
  ),
  broken('N17', 'payload: two measurements that are zero', (random) => {
    const kept = random.below(3);
    return field('pcrs', pcrsWith(Object.fromEntries([0, 1, 2].filter((i) => i !== kept).map((i) => [i, ZERO]))));
  }),
  broken('N20', 'payload: a timestamp outside the leaf', (random) =>
    field('timestamp', random.pick([LEAF_BEGINS - 1, LEAF_BEGINS - random.between(1, 1e9), LEAF_ENDS + 1, 1])),
  ),
  broken('N19', 'payload: a timestamp in the future', (random) =>
    field('timestamp', NOW + random.pick([301 * SECOND, 1_000 * SECOND, 300 * SECOND + 1])),
  ),
];
