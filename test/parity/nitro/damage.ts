import { concatBytes, equalBytes } from '../../../wire/bytes.ts';
import { CHAIN, OTHER, pcrsWith } from '../../vectors/corpus/base.ts';
import { documentWith } from '../../vectors/corpus/document.ts';
import { flipped } from '../bytes.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import type { NitroEdit } from './evidence.ts';

/** Damage that nobody signed. */
const damaged = changesOf<NitroEdit>('unsigned');

/** A byte of a part of the document that is found by its own bytes. */
const within =
  (random: Random, part: Uint8Array) =>
  (document: Uint8Array): Uint8Array => {
    const from = Buffer.from(document).indexOf(part);
    if (from === -1) throw new RangeError('the part is not in the document');
    return flipped(document, from + random.below(part.length), 1 << random.below(8));
  };

let another: Uint8Array | undefined;
const anotherDocument = (): Uint8Array => {
  another ??= documentWith({ fields: { pcrs: pcrsWith({ 0: OTHER }) }, form: 'indefinite' });
  return another;
};

export const damageOfNitro: readonly Change<NitroEdit>[] = [
  damaged('X10', 'damage: a bit flipped anywhere', (random) => ({
    damage: (made) => flipped(made, random.below(made.length), 1 << random.below(8)),
  })),
  damaged('C18', 'damage: a bit flipped in a certificate', (random) => ({
    damage: within(random, CHAIN[random.below(5)] as Uint8Array),
  })),
  damaged('N7', 'damage: a bit flipped in a register', (random) => ({
    damage: within(random, pcrsWith({}).get(random.below(3)) as Uint8Array),
  })),
  damaged('N7', 'damage: a bit flipped in the signature', (random) => ({
    damage: (made) => flipped(made, made.length - 1 - random.below(96), 1 << random.below(8)),
  })),
  damaged('X10', 'damage: a byte replaced', (random) => ({
    damage: (made) => flipped(made, random.below(made.length), random.between(1, 255)),
  })),
  damaged('X10', 'damage: a byte replaced in the first or last hundred', (random) => ({
    damage: (made) => {
      const at = random.below(100);
      return flipped(made, random.once(2) ? at : made.length - 1 - at, random.between(1, 255));
    },
  })),
  damaged('X10', 'damage: cut off', (random) => ({ damage: (made) => made.subarray(0, random.below(made.length)) })),
  damaged('X10', 'damage: a byte put in', (random) => ({
    damage: (made) => {
      const at = random.below(made.length);
      return concatBytes(made.subarray(0, at), random.bytes(1), made.subarray(at));
    },
  })),
  damaged('X10', 'damage: some bytes left out', (random) => ({
    damage: (made) => {
      const at = random.below(made.length - 100);
      return concatBytes(made.subarray(0, at), made.subarray(at + random.between(1, 90)));
    },
  })),
  damaged('X10', 'damage: some bytes are zero', (random) => ({
    damage: (made) => {
      const at = random.below(made.length - 100);
      const changed = Uint8Array.from(made).fill(0, at, at + random.between(1, 90));
      // Registers that are zero stay so.
      return equalBytes(changed, made) ? flipped(made, at, 1) : changed;
    },
  })),
  damaged('X10', 'damage: the beginning of one document and the end of another', (random) => ({
    damage: (made) => {
      const at = random.below(made.length);
      return concatBytes(made.subarray(0, at), anotherDocument().subarray(at));
    },
  })),
  damaged('N7', "damage: another document's signature", () => ({
    damage: (made) => concatBytes(made.subarray(0, -96), anotherDocument().subarray(-96)),
  })),
  damaged('N7', 'damage: two registers change places', () => ({
    damage: (made) => {
      const [one, two] = [pcrsWith({}).get(0) as Uint8Array, pcrsWith({}).get(1) as Uint8Array];
      const changed = Uint8Array.from(made);
      const buffer = Buffer.from(made);
      changed.set(two, buffer.indexOf(one));
      changed.set(one, buffer.indexOf(two));
      return changed;
    },
  })),
  damaged('X10', 'damage: no document at all', (random) => ({
    damage: () => random.bytes(random.pick([0, 1, 2, 50, 500])),
  })),
];
