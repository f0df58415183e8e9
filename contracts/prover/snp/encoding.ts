import { concatBytes } from '../../../wire/bytes.ts';
import { SnpProofError } from './errors.ts';

/** What SevSnpVerifier takes, part by part. The root is named, since its certificate is part of the deployment. */
export interface SnpParts {
  readonly report: Uint8Array;
  readonly endorsement: Uint8Array;
  readonly intermediate: Uint8Array;
  /** SHA-256 of the root certificate. */
  readonly root: Uint8Array;
}

const LONGEST = 0xffff;

/** Nothing is judged here: bytes that the contract refuses have an encoding too. */
export function encodeSnpParts({ report, endorsement, intermediate, root }: SnpParts): Uint8Array {
  const parts = [report, endorsement, intermediate];
  return concatBytes(...parts.map(({ length }) => lengthOf(length)), root, ...parts);
}

function lengthOf(length: number): Uint8Array {
  if (length > LONGEST) throw new SnpProofError('part_too_long', `${length} bytes in one part`);
  return Uint8Array.of(length >> 8, length & 0xff);
}
