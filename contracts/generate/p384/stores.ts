import { MODULI } from '../../prover/p384/field.ts';
import { memory, type Statement, store } from './code.ts';
import { CHANNELS, type Integer, integer } from './integers.ts';
import { demandInside, type Interval, interval } from './interval.ts';
import { wordAt } from './layout.ts';
import { given, type Word } from './words.ts';

/**
 * Residues in memory, at most `multiples` times their modulus: what one function writes and another one reads, so both
 * sides name the same bound and the writer proves it.
 */
export function keep(base: number, value: Integer, multiples: bigint): readonly Statement[] {
  return CHANNELS.map((channel) => {
    const word = value.words[channel];
    if (channel !== 0) demandInside('stored residue', word.range, residues(multiples, MODULI[channel]));
    return store(wordAt(base, channel), word);
  });
}

export const kept = (base: number, range: Interval, multiples: bigint): Integer =>
  integer(range, (channel): Word => {
    const text = memory(wordAt(base, channel));
    return channel === 0 ? given(text) : given(text, residues(multiples, MODULI[channel]));
  });

const residues = (multiples: bigint, modulus: bigint): Interval => interval(0n, multiples * modulus);
