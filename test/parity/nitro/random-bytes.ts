import { concatBytes } from '../../../wire/bytes.ts';
import { encodeCbor } from '../../../wire/codec/cbor.ts';
import { anyCbor, scrambled } from '../bytes.ts';
import { type Change, changesOf } from '../change.ts';
import type { NitroEdit } from './evidence.ts';

/** Bytes changed at random in what is signed, and signed again: what comes of it, both sides have to say alike. */
const changed = changesOf<NitroEdit>('random');

const HOW = ['bit', 'byte', 'length', 'some'] as const;

export const randomNitro: readonly Change<NitroEdit>[] = [
  ...HOW.map((how) =>
    changed('C1', `random: ${how} of a certificate`, (random) => ({
      chain: { [random.between(1, 4)]: { tbs: scrambled(random, how) } },
    })),
  ),
  ...HOW.map((how) =>
    changed('N8', `random: ${how} of the payload`, (random) => ({ payload: scrambled(random, how) })),
  ),
  ...(['bit', 'byte'] as const).map((how) =>
    changed('N8', `random: ${how} in the first hundred of the payload`, (random) => ({
      payload: (made) => concatBytes(scrambled(random, how)(made.subarray(0, 100)), made.subarray(100)),
    })),
  ),
  changed('C18', 'random: a byte of the signature of a certificate', (random) => ({
    chain: {
      [random.between(1, 4)]: {
        whole: (made) => concatBytes(made.subarray(0, -108), scrambled(random, 'byte')(made.subarray(-108))),
      },
    },
  })),
  changed('X2', 'random: an unknown field of any value', (random) => ({
    more: [concatBytes(encodeCbor('x'), anyCbor(random))],
  })),
];
