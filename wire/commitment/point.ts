import { concatBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { addressWord, bytes32Word, tagWord, uintWord } from '../words.ts';
import { elementOfDigest } from './field.ts';

/** What a proof says to a chain, all of which its point depends on: a copied proof pays nobody else. */
export interface ProofStatement {
  readonly chainId: bigint;
  /** The contract that checks the proof. */
  readonly verifier: Uint8Array;
  readonly escrow: Uint8Array;
  readonly modelId: Uint8Array;
  /** SHA-256 of the input and of the output, as the contract has them. */
  readonly inputHash: Uint8Array;
  readonly outputHash: Uint8Array;
  readonly payee: Uint8Array;
  readonly commitment: Uint8Array;
}

export function pointPreimage(statement: ProofStatement): Uint8Array {
  return concatBytes(
    tagWord('proofmark point v1'),
    uintWord(statement.chainId),
    addressWord(statement.verifier),
    bytes32Word(statement.escrow),
    bytes32Word(statement.modelId),
    bytes32Word(statement.inputHash),
    bytes32Word(statement.outputHash),
    addressWord(statement.payee),
    bytes32Word(statement.commitment),
  );
}

/** From SHA-256 of the preimage. Zero would say nothing of the elements: it is the point of the private form. */
export function pointOfDigest(digest: Uint8Array): bigint {
  const point = elementOfDigest(digest);
  if (point === 0n) throw new WireError('integer_out_of_range', 'the point is zero');
  return point;
}
