import type { Address, Hex } from 'viem';
import { concatBytes } from '../../../wire/bytes.ts';
import {
  commitElements,
  evaluateElements,
  packTensor,
  pointOfDigest,
  pointPreimage,
} from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import type { Datatype } from '../../../wire/message/tensor-data.ts';
import { uintWord } from '../../../wire/words.ts';
import { rowBody } from './integer.ts';
import { bytesOf } from './settlement.ts';
import type { ProofWords, Row, Signals } from './trapdoor.ts';

/** One row as it is asked and answered. */
export interface RowValues {
  readonly row: Row;
  readonly values: readonly bigint[];
}

/** What a proof is about, and for whom. */
export interface ProvedStatement {
  readonly chainId: bigint;
  readonly verifier: Address;
  readonly escrow: Hex;
  readonly modelId: Hex;
  readonly payee: Address;
  readonly input: RowValues;
  readonly output: RowValues;
}

/** As the worker packs it: a tensor of that datatype. */
export function elementsOf({ row, values }: RowValues): readonly bigint[] {
  const size = row.bits / 8;
  const data = new Uint8Array(size * values.length);
  values.forEach((value, at) => {
    let rest = BigInt.asUintN(row.bits, value);
    for (let byte = 0; byte < size; byte++, rest >>= 8n) data[at * size + byte] = Number(rest & 0xffn);
  });
  const datatype = `${row.signed ? 'INT' : 'UINT'}${row.bits}` as Datatype;
  return packTensor({ name: 'row', datatype, shape: [1, values.length], data });
}

/** The commitment of a receipt about it: an escrow's id is its salt. */
export function commitmentOf({ escrow, input, output }: ProvedStatement): bigint {
  return commitElements({ salt: bytesOf(escrow), inputs: elementsOf(input), outputs: elementsOf(output) });
}

export function signalsOf(statement: ProvedStatement, commitment: bigint): Signals {
  const { chainId, verifier, escrow, modelId, payee, input, output } = statement;
  const preimage = pointPreimage({
    chainId,
    verifier: bytesOf(verifier),
    escrow: bytesOf(escrow),
    modelId: bytesOf(modelId),
    inputHash: sha256(rowBody(input.values)),
    outputHash: sha256(rowBody(output.values)),
    payee: bytesOf(payee),
    commitment: uintWord(commitment),
  });
  const point = pointOfDigest(sha256(preimage));
  return {
    commitment,
    point,
    evaluation: evaluateElements([...elementsOf(input), ...elementsOf(output)], point),
  };
}

/** The contract's `proof`. */
export function provedBytes(commitment: bigint, proof: ProofWords, input: RowValues): Uint8Array {
  return concatBytes(...[commitment, ...proof, ...elementsOf(input)].map((word) => uintWord(word)));
}
