import { concatBytes } from '../../../wire/bytes.ts';
import { encodeCbor } from '../../../wire/codec/cbor.ts';
import { type DocumentEdit, HEADER, raw } from '../../vectors/corpus/document.ts';
import { ORDER_BYTES } from '../../vectors/corpus/keys.ts';
import { type Change, changesOf } from '../change.ts';
import type { NitroEdit } from './evidence.ts';

/** One rule of the COSE message broken; what is signed is signed as it stands. */
const broken = changesOf<NitroEdit>('resigned');

const prefix = (...bytes: readonly number[]): NitroEdit => ({
  whole: (made) => concatBytes(Uint8Array.from(bytes), made),
});
type Members = readonly [header: Uint8Array, unprotected: Uint8Array, payload: Uint8Array, signature: Uint8Array];
const members = (arrange: (members: Members) => readonly Uint8Array[]): DocumentEdit => ({
  message: (made) => {
    const arranged = arrange(made as unknown as Members);
    return concatBytes(Uint8Array.of(0x80 + arranged.length), ...arranged);
  },
});
const headed = (...head: readonly number[]): DocumentEdit => ({
  message: (made) => concatBytes(Uint8Array.from(head), ...made),
});
const scalar = (half: 'r' | 's', value: Uint8Array): NitroEdit => ({
  signature: (made) => {
    const changed = Uint8Array.from(made);
    changed.set(value, half === 'r' ? 0 : 48);
    return changed;
  },
});
/** A byte string with its length in more bytes than it needs. */
const longBytes = (content: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0x5a, 0, 0, content.length >> 8, content.length & 0xff), content);

const HEADERS: readonly (readonly number[])[] = [
  [],
  [0xa0],
  [0xa1, 0x01, 0x26],
  [0xa1, 0x01, 0x38, 0x23],
  [0xa1, 0x18, 0x01, 0x38, 0x22],
  [0xa1, 0x01, 0x39, 0x00, 0x22],
  [0xbf, 0x01, 0x38, 0x22, 0xff],
  [0xa2, 0x01, 0x38, 0x22, 0x04, 0x41, 0x00],
  [0xa1, 0x01, 0x38, 0x22, 0x00],
  [0xa1, 0x04, 0x38, 0x22],
];

export const messageChanges: readonly Change<NitroEdit>[] = [
  broken('X1', 'message: too long', () => ({
    damage: (made) => concatBytes(made, new Uint8Array(18_433 - made.length)),
  })),
  broken('X3', 'message: something after it', (random) => {
    const tail = random.pick([Uint8Array.of(0), Uint8Array.of(0xf6), Uint8Array.of(0xff), random.bytes(3)]);
    return { whole: (made) => concatBytes(made, tail) };
  }),
  broken('N1', 'message: another tag', (random) =>
    random.pick([
      prefix(0xd1),
      prefix(0xd3),
      prefix(0xc0),
      prefix(0xd8, 0x62),
      prefix(0xd8, 0x12),
      prefix(0xd2, 0xd2),
      prefix(0xd8, 0x3d, 0xd2),
      prefix(0xd9, 0, 0x12),
    ]),
  ),
  broken('N2', 'message: another number of members', (random) =>
    random.pick([
      members(([a, b, c]) => [a, b, c]),
      members((all) => [...all, Uint8Array.of(0xf6)]),
      members(() => []),
      members(([, b, c, d]) => [b, c, d]),
    ]),
  ),
  broken('N2', 'message: another head', (random) =>
    random.pick([
      { message: (made) => concatBytes(Uint8Array.of(0x9f), ...made, Uint8Array.of(0xff)) },
      headed(0x98, 4),
      headed(0x99, 0, 4),
      headed(0x9a, 0, 0, 0, 4),
      headed(0x9b, 0, 0, 0, 0, 0, 0, 0, 4),
      headed(0x85),
      headed(0x83),
      headed(0xa2),
      headed(0x9c),
    ]),
  ),
  broken('N3', 'message: another protected header', (random) => ({
    header: Uint8Array.from(random.pick(HEADERS)),
  })),
  broken('N3', 'message: a protected header that is no byte string', (random) =>
    random.pick([
      members(([, b, c, d]) => [HEADER, b, c, d]),
      members(([, b, c, d]) => [longBytes(HEADER), b, c, d]),
      members(([, b, c, d]) => [encodeCbor('a'), b, c, d]),
      members(([, b, c, d]) => [Uint8Array.of(0xf6), b, c, d]),
    ]),
  ),
  broken('N4', 'message: an unprotected header', (random) => ({
    unprotected: random.pick([
      raw(HEADER),
      raw(0xa1, 0x04, 0x41, 0x00),
      raw(0xf6),
      raw(0x80),
      raw(0xbf, 0xff),
      raw(0xb8, 0x00),
      raw(0x40),
      raw(0x00),
    ]),
  })),
  broken('N5', 'message: no payload', (random) =>
    random.pick([
      { payload: () => new Uint8Array(0) },
      members(([a, b, , d]) => [a, b, Uint8Array.of(0xf6), d]),
      members(([a, b, c, d]) => [a, b, concatBytes(Uint8Array.of(0x5f), c, Uint8Array.of(0xff)), d]),
      members(([a, b, , d]) => [a, b, encodeCbor('payload'), d]),
    ]),
  ),
  broken('N5', 'message: a payload that is too long', (random) => {
    const size = random.pick([16_385, 17_000]);
    return { payload: (made) => concatBytes(made, new Uint8Array(size - made.length)) };
  }),
  broken('N5', 'message: the length of the payload in more bytes than needed', () => ({
    message: (made) => {
      const [a, b, c, d] = made as unknown as Members;
      return concatBytes(Uint8Array.of(0x84), a, b, longBytes(c.subarray(3)), d);
    },
  })),
  broken('N6', 'message: another length of the signature', (random) =>
    random.pick<NitroEdit>([
      { signature: (made) => made.subarray(0, 95) },
      { signature: (made) => concatBytes(made, Uint8Array.of(0)) },
      { signature: (made) => concatBytes(Uint8Array.of(0), made) },
      { signature: () => new Uint8Array(0) },
      members(([a, b, c]) => [a, b, c, encodeCbor('x'.repeat(96))]),
      members(([a, b, c]) => [a, b, c, Uint8Array.of(0xf6)]),
    ]),
  ),
  broken('N6', 'message: the length of the signature in two bytes more', () => ({
    message: (made) => {
      const [a, b, c, d] = made as unknown as Members;
      return concatBytes(Uint8Array.of(0x84), a, b, c, longBytes(d.subarray(2)));
    },
  })),
  broken('C18', 'message: r or s out of range', (random) =>
    scalar(
      random.pick(['r', 's'] as const),
      random.pick([new Uint8Array(48), ORDER_BYTES, new Uint8Array(48).fill(0xff)]),
    ),
  ),
];
