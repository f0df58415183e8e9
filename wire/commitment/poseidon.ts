import { WireError } from '../errors.ts';
import { FIELD } from './field.ts';
import { grainParameters, type PoseidonParameters } from './grain.ts';

export type { PoseidonParameters } from './grain.ts';

/** Poseidon over the scalar field of BN254, as circuits have it: x^5, eight full rounds, and partial ones by the inputs. */
const FULL_ROUNDS = 8;
/** For 1 to 5 inputs. */
const PARTIAL_ROUNDS: readonly number[] = [56, 57, 56, 60, 60];

const made = new Map<number, PoseidonParameters>();

/** Made once for each number of inputs, when it is first needed: most programs that hold this never commit. */
export function poseidonParameters(inputs: number): PoseidonParameters {
  const known = made.get(inputs);
  if (known !== undefined) return known;
  const partialRounds = PARTIAL_ROUNDS[inputs - 1];
  if (partialRounds === undefined) throw new WireError('field_invalid', `${inputs} inputs of a permutation`);
  const parameters = grainParameters(inputs + 1, FULL_ROUNDS, partialRounds);
  made.set(inputs, parameters);
  return parameters;
}

/** Of 1 to 5 elements: the first cell of the permutation of (0, ...inputs). */
export function poseidon(inputs: readonly bigint[]): bigint {
  const { fullRounds, partialRounds, constants, matrix } = poseidonParameters(inputs.length);
  const width = inputs.length + 1;
  const rounds = fullRounds + partialRounds;
  let state = [0n, ...inputs];
  for (let round = 0; round < rounds; round++) {
    const isFull = round < fullRounds / 2 || round >= rounds - fullRounds / 2;
    const mixed = state.map((cell, place) => {
      const sum = cell + (constants[round * width + place] as bigint);
      return isFull || place === 0 ? fifthPower(sum) : sum;
    });
    state = matrix.map((row) => {
      let sum = 0n;
      // Reduced once a row: to divide costs more than to add longer numbers.
      for (let place = 0; place < width; place++) sum += (row[place] as bigint) * (mixed[place] as bigint);
      return sum % FIELD;
    });
  }
  return state[0] as bigint;
}

function fifthPower(value: bigint): bigint {
  const square = (value * value) % FIELD;
  return (((square * square) % FIELD) * value) % FIELD;
}
