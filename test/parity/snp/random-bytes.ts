import { scrambled } from '../bytes.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import type { SnpEdit } from './evidence.ts';
import type { SnpDraw } from './valid.ts';

/** Bytes changed at random in what is signed, and signed again: what comes of it, both sides have to say alike. */
const changed = (check: string, kind: string, draw: (random: Random) => SnpEdit): Change<SnpDraw> =>
  changesOf<SnpDraw>('random')(check, `random: ${kind}`, (random) => () => draw(random));

const HOW = ['bit', 'byte', 'length', 'some'] as const;
const SIGNED_BYTES = 0x2a0;

export const randomSnp: readonly Change<SnpDraw>[] = [
  ...HOW.map((how) => changed('C1', `${how} of the leaf`, (random) => ({ leaf: { tbs: scrambled(random, how) } }))),
  ...HOW.map((how) =>
    changed('C1', `${how} of the intermediate`, (random) => ({ intermediate: { tbs: scrambled(random, how) } })),
  ),
  ...(['one', 'two'] as const).map((count) =>
    changed('S4', `${count} of the report`, (random) => ({
      patches: Array.from({ length: count === 'one' ? 1 : 2 }, () => ({
        offset: random.below(SIGNED_BYTES),
        bytes: Uint8Array.of(random.once(2) ? 1 << random.below(8) : random.below(256)),
      })),
    })),
  ),
];
