import { concatBytes, equalBytes, toHex, utf8 } from '../bytes.ts';
import { hexBytes, literal, object, type Reader } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { uintWord, WORD } from '../words.ts';
import type { G1Words, G2Words, QuadraticWords } from './circuit-key.ts';

/**
 * A `.proof` file (DESIGN section 6): that some input and output, which only its commitment names, are those of one model.
 * Nothing is verified by reading it. The published schema is attestations/schemas/proofmark-proof.schema.json.
 */
export interface ProofFile {
  /** SHA-256 of the circuit key, which is the manifest's `circuit`. */
  readonly circuit: Uint8Array;
  /** As the receipt has it. */
  readonly commitment: Uint8Array;
  /** Where the values are evaluated: 0 in the private form, which says nothing about them. */
  readonly point: Uint8Array;
  readonly evaluation: Uint8Array;
  readonly a: G1Words;
  readonly b: G2Words;
  readonly c: G1Words;
}

/** Groth16's three points, without what they are about. */
export type ProofPoints = Pick<ProofFile, 'a' | 'b' | 'c'>;

const SCHEMA = 'proofmark proof v1';

const word: Reader<Uint8Array> = hexBytes(WORD);

const quadratic: Reader<QuadraticWords> = pair(word);
const file: Reader<ProofFile & { readonly schema: typeof SCHEMA }> = object<
  ProofFile & { readonly schema: typeof SCHEMA }
>({
  schema: literal(SCHEMA),
  circuit: word,
  commitment: word,
  point: word,
  evaluation: word,
  a: pair(word),
  b: pair(quadratic),
  c: pair(word),
});

function pair<T>(item: Reader<T>): Reader<readonly [T, T]> {
  return (value, path) => {
    const [first, second, ...more] = Array.isArray(value) ? (value as readonly unknown[]) : [];
    if (!Array.isArray(value) || value.length !== 2 || more.length > 0) {
      throw new WireError('field_invalid', 'expected a list of two', { field: path });
    }
    return [item(first, `${path}[0]`), item(second, `${path}[1]`)];
  };
}

export function decodeProof(bytes: Uint8Array): ProofFile {
  const { schema: _, ...proof } = file(parseJson(bytes, limits.proofBytes), 'proof');
  return proof;
}

export function encodeProof({ circuit, commitment, point, evaluation, a, b, c }: ProofFile): Uint8Array {
  const text = {
    schema: SCHEMA,
    ...{ circuit: toHex(circuit), commitment: toHex(commitment), point: toHex(point), evaluation: toHex(evaluation) },
    ...{ a: a.map(toHex), b: b.map((coordinate) => coordinate.map(toHex)), c: c.map(toHex) },
  };
  const encoded = utf8(`${JSON.stringify(text, null, 2)}\n`);
  decodeProof(encoded);
  return encoded;
}

export interface ChainProof {
  readonly commitment: Uint8Array;
  readonly points: ProofPoints;
  /** The input's elements, which the contract unpacks and holds against the hash that the escrow names. */
  readonly elements: readonly bigint[];
}

/** What `ProvedResult` takes: one word behind the other. */
export function encodeChainProof({ commitment, points: { a, b, c }, elements }: ChainProof): Uint8Array {
  return concatBytes(commitment, ...a, ...b.flat(), ...c, ...elements.map((element) => uintWord(element)));
}

/** Whether it binds nothing but its commitment. */
export function isPrivateForm({ point }: Pick<ProofFile, 'point'>): boolean {
  return equalBytes(point, new Uint8Array(WORD));
}
