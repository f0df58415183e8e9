import { parsePem } from '../../verifier/codec/pem.ts';
import { VerifierError } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';

/** What belongs to a report and is not in it; unproven. */
export interface Chain {
  readonly certificates: readonly Uint8Array[];
  readonly revocationLists: readonly Uint8Array[];
}

/** One certificate as DER, or PEM with any number; undefined if the file holds anything else. */
export function readChain(bytes: Uint8Array): Chain | undefined {
  if (bytes[0] === 0x30) return { certificates: [bytes], revocationLists: [] };
  try {
    return parsePem(bytes);
  } catch (error) {
    if (error instanceof VerifierError) return undefined;
    throw error;
  }
}

/** Several files of one vendor repeat its roots; the same bytes twice are one certificate. */
export function joinChains(chains: readonly Chain[]): Chain {
  return {
    certificates: distinct(chains.flatMap(({ certificates }) => certificates)),
    revocationLists: distinct(chains.flatMap(({ revocationLists }) => revocationLists)),
  };
}

function distinct(items: readonly Uint8Array[]): readonly Uint8Array[] {
  return items.filter((item, index) => items.findIndex((other) => equalBytes(other, item)) === index);
}
