import { VerifierError } from './errors.ts';

/** Input is copied before it is looked at, so that what is parsed and what is hashed are the same bytes. */
export function copyOf(value: Uint8Array, field: string): Uint8Array {
  return Uint8Array.from(requireBytes(value, field));
}

export function requireBytes(value: Uint8Array, field: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new VerifierError('argument_invalid', 'bytes expected', { field });
}
