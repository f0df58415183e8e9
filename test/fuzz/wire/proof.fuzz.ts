import { decodeCircuitKey, encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { decodeProof, encodeProof } from '../../../wire/message/proof.ts';
import { forgedProofFile, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { exact, forCheck, oneOfMany, stable } from '../refused.ts';

/** A key is named by the hash of its bytes; a proof file has any spelling of its JSON, and one meaning. */
export const fuzz: (data: Uint8Array) => void = oneOfMany([
  exact(decodeCircuitKey, encodeCircuitKey),
  stable(decodeProof, encodeProof),
]);

export const seeds: readonly Uint8Array[] = [
  forCheck(0, trapdoorKeyBytes),
  forCheck(1, forgedProofFile([1n, 2n, 3n])),
  forCheck(1, forgedProofFile([1n, 0n, 0n])),
];
