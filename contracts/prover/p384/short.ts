import { FIELD_PRIME, modulo, PIVOT, SCALE } from './field.ts';

const BYTES = 48;
const LOW_BITS = 250n;

/** The contract's form of 384 bits: value = low + PIVOT * high, high in the upper 134 bits and low in the lower 250. */
export function writeShort(value: bigint): Uint8Array {
  return bigEndian(((value / PIVOT) << LOW_BITS) | (value % PIVOT));
}

export function bigEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, index) => Number((value >> BigInt(8 * (BYTES - 1 - index))) & 0xffn));
}

/** A slope or an x. */
export const scaled = (value: bigint): bigint => modulo(value * SCALE, FIELD_PRIME);
export const scaledY = (y: bigint): bigint => modulo(y * SCALE * SCALE, FIELD_PRIME);
