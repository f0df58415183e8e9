import { FIELD } from '../../wire/commitment/field.ts';
import { checked32, readUint } from '../../wire/words.ts';
import { type CircuitForm, rangeOfTensor } from './circuit.ts';
import { CircuitError } from './errors.ts';

/** What a prover alone knows, and where the values are evaluated: 0 for the private form. */
export interface WitnessFacts {
  readonly salt: Uint8Array;
  readonly input: readonly bigint[];
  readonly point: bigint;
}

/** By the names of the circuit's inputs, in decimals of the field. */
export type WitnessInput = Readonly<Record<'saltHigh' | 'saltLow' | 'in' | 'point', string | readonly string[]>>;

export function witnessInput({ input: tensor }: CircuitForm, { salt, input, point }: WitnessFacts): WitnessInput {
  const { least, most } = rangeOfTensor(tensor);
  if (input.length !== tensor.count) {
    throw new CircuitError('input_invalid', `${input.length} values instead of ${tensor.count}`);
  }
  if (input.some((value) => value < least || value > most)) {
    throw new CircuitError('input_invalid', `a value is not from ${least} to ${most}`);
  }
  if (point < 0n || point >= FIELD) throw new CircuitError('input_invalid', 'the point is no element of the field');
  const word = readUint(checked32(salt));
  return {
    saltHigh: String(word >> 128n),
    saltLow: String(BigInt.asUintN(128, word)),
    in: input.map((value) => String(value < 0n ? value + FIELD : value)),
    point: String(point),
  };
}
