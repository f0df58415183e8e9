import { concatBytes } from '../../wire/bytes.ts';
import type { Random } from './random.ts';

export const flipped = (bytes: Uint8Array, at: number, mask: number): Uint8Array =>
  Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ mask : byte));

/** Something that a reader of bytes may take for something else. */
export function scrambled(random: Random, how: 'bit' | 'byte' | 'length' | 'some'): (made: Uint8Array) => Uint8Array {
  return (made) => {
    const at = random.below(made.length);
    if (how === 'bit') return flipped(made, at, 1 << random.below(8));
    if (how === 'byte') return flipped(made, at, random.between(1, 255));
    if (how === 'some') {
      const again = random.between(at, Math.min(made.length - 1, at + 8));
      return flipped(flipped(made, at, random.between(1, 255)), again, random.between(1, 255));
    }
    const before = made.subarray(0, at);
    return random.once(2)
      ? concatBytes(before, random.bytes(1), made.subarray(at))
      : concatBytes(before, made.subarray(at + 1));
  };
}

/** CBOR that is nearly or quite well formed, as deep as chance has it. */
export function anyCbor(random: Random, depth = 0): Uint8Array {
  const head = (major: number, argument: number): Uint8Array => {
    if (random.once(40)) return Uint8Array.of(major | 0x18, argument & 0xff);
    if (argument < 24) return Uint8Array.of(major | argument);
    return argument < 256
      ? Uint8Array.of(major | 0x18, argument)
      : Uint8Array.of(major | 0x19, argument >> 8, argument & 0xff);
  };
  const items = (count: number): readonly Uint8Array[] =>
    Array.from({ length: count }, () => anyCbor(random, depth + 1));
  const key = (): Uint8Array => random.pick([head(0x00, random.below(9)), concatBytes(head(0x60, 1), letter(random))]);
  const pairs = (count: number): readonly Uint8Array[] =>
    Array.from({ length: count }, () => concatBytes(key(), anyCbor(random, depth + 1)));
  const nested = depth < 18 && !random.once(3);
  const count = random.below(4);
  if (nested && random.once(3)) return concatBytes(head(0xa0, count), ...pairs(count));
  if (nested && random.once(6)) return concatBytes(Uint8Array.of(0xbf), ...pairs(count), Uint8Array.of(0xff));
  if (nested) return concatBytes(head(0x80, count), ...items(count));
  return random.pick<() => Uint8Array>([
    () => head(0x00, random.below(2_000)),
    () => head(0x20, random.below(2_000)),
    () => concatBytes(head(0x40, count), random.bytes(count)),
    () => concatBytes(head(0x60, count), ...Array.from({ length: count }, () => letter(random))),
    () => Uint8Array.of(random.pick([0xf4, 0xf5, 0xf6])),
    () => (random.once(8) ? random.bytes(random.between(1, 3)) : Uint8Array.of(0xf6)),
    () => Uint8Array.from([0x1b, ...random.bytes(8)]),
    () => Uint8Array.from([0x3b, ...random.bytes(8)]),
  ])();
}

/** Mostly ASCII. */
function letter(random: Random): Uint8Array {
  return random.once(12) ? random.bytes(1) : Uint8Array.of(random.between(0x61, 0x63));
}
