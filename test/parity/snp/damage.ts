import { concatBytes } from '../../../wire/bytes.ts';
import { machine } from '../../vectors/corpus/snp/base.ts';
import { flipped } from '../bytes.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import type { SnpEdit } from './evidence.ts';
import type { SnpDraw } from './valid.ts';

/** Damage that nobody signed. */
const damaged = (check: string, kind: string, draw: (random: Random, start: SnpEdit) => SnpEdit): Change<SnpDraw> =>
  changesOf<SnpDraw>('unsigned')(check, `damage: ${kind}`, (random) => (start) => draw(random, start));

const inReport = (change: (made: Uint8Array) => Uint8Array): SnpEdit => ({ report: change });
const inCertificate = (random: Random, change: (made: Uint8Array) => Uint8Array): SnpEdit => {
  const place = random.below(3);
  return {
    certificates: (made) => made.map((one, index) => (index === place ? change(one) : one)) as unknown as typeof made,
  };
};

export const damageOfSnp: readonly Change<SnpDraw>[] = [
  damaged('S6', 'a bit flipped in what is signed of the report', (random) =>
    inReport((made) => flipped(made, random.below(0x2a0), 1 << random.below(8))),
  ),
  damaged('S6', 'a bit flipped in the signature of the report', (random) =>
    inReport((made) => flipped(made, random.between(0x2a0, 0x49f), 1 << random.below(8))),
  ),
  damaged('S6', 'a byte replaced in the report', (random) =>
    inReport((made) => flipped(made, random.below(made.length), random.between(1, 255))),
  ),
  damaged('S1', 'a report cut off', (random) => inReport((made) => made.subarray(0, random.below(made.length)))),
  damaged('S6', 'the signature of another report', (random) =>
    inReport((made) => concatBytes(made.subarray(0, 0x2a0), random.bytes(48), made.subarray(0x2d0))),
  ),
  damaged('C18', 'a bit flipped in a certificate', (random) =>
    inCertificate(random, (made) => flipped(made, random.below(made.length), 1 << random.below(8))),
  ),
  damaged('C18', 'a byte replaced in a certificate', (random) =>
    inCertificate(random, (made) => flipped(made, random.below(made.length), random.between(1, 255))),
  ),
  damaged('C18', 'a bit flipped in the signature of a certificate', (random) =>
    inCertificate(random, (made) => flipped(made, made.length - 1 - random.below(512), 1 << random.below(8))),
  ),
  damaged('C1', 'a certificate cut off', (random) =>
    inCertificate(random, (made) => made.subarray(0, random.below(made.length))),
  ),
  damaged('C1', 'a byte put into a certificate', (random) =>
    inCertificate(random, (made) => {
      const at = random.below(made.length);
      return concatBytes(made.subarray(0, at), random.bytes(1), made.subarray(at));
    }),
  ),
  damaged('C17', "another machine's leaf", (random, { product = 'Genoa' }) => {
    const other = random.pick((['Milan', 'Genoa', 'Turin'] as const).filter((line) => line !== product));
    return {
      certificates: ([, intermediate, root]) => [machine({ product: other }).certificates[0], intermediate, root],
    };
  }),
];
