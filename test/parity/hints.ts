import { createHash } from 'node:crypto';
import { encodeNitroHints } from '../../contracts/prover/nitro/index.ts';
import { P384ProofError, proveP384 } from '../../contracts/prover/p384/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import type { Statement } from './statement.ts';

/** Hints of well-formed signatures that hold; most statements of a run are the same few certificates. */
const known = new Map<string, Uint8Array>();
const KEPT = 2_000;

/** None where the signature does not hold, so that no hints exist. */
export function hintsFor({ message, signature, point }: Statement): Uint8Array | null {
  if (signature === null || point === null) return null;
  const hash = new Uint8Array(createHash('sha384').update(message).digest());
  const name = toHex(concatBytes(hash, signature, point));
  const before = known.get(name);
  if (before !== undefined) return before;
  try {
    const r = signature.subarray(0, 48);
    const hints = proveP384({ hash, r, s: signature.subarray(48), publicKey: point });
    if (known.size < KEPT) known.set(name, hints);
    return hints;
  } catch (error) {
    if (error instanceof P384ProofError) return null;
    throw error;
  }
}

export function nitroHints(statements: readonly Statement[], instead: Uint8Array): Uint8Array {
  return encodeNitroHints(statements.map((statement) => hintsFor(statement) ?? instead));
}
