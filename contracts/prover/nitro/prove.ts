import { concatBytes } from '../../../wire/bytes.ts';
import { P384ProofError, type P384Signature, proveP384 } from '../p384/index.ts';
import { NitroProofError } from './errors.ts';
import { nitroStatements } from './statements.ts';

export interface NitroHintOptions {
  /**
   * How many certificates below the root the contract has seen, as `NitroVerifier.knownCertificates` counts them; their
   * hints are left out. Zero is always right, and costs the most calldata.
   */
  readonly known?: number;
}

/**
 * Hints with which NitroVerifier accepts the document, if its rules do. Whoever relies on the contract trusts nothing of
 * this: it works on public data, and takes some 30 ms a signature.
 */
export async function proveNitroDocument(
  document: Uint8Array,
  { known = 0 }: NitroHintOptions = {},
): Promise<Uint8Array> {
  const statements = await nitroStatements(document);
  const certificates = statements.length - 1;
  if (!Number.isSafeInteger(known) || known < 0 || known > certificates) {
    throw new NitroProofError('known_out_of_range', `${known} of ${certificates} certificates below the root`);
  }
  return encodeNitroHints(
    statements.map((statement, index) =>
      index < known ? new Uint8Array(0) : prove(statement, index < certificates ? index + 1 : undefined),
    ),
  );
}

/** One entry for each certificate below the root and one for the document: two bytes of length, and the hints. */
export function encodeNitroHints(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...entries.flatMap((hints) => [Uint8Array.of(hints.length >> 8, hints.length & 0xff), hints]));
}

function prove(statement: P384Signature, certificate: number | undefined): Uint8Array {
  try {
    return proveP384(statement);
  } catch (error) {
    if (!(error instanceof P384ProofError)) throw error;
    const signature = certificate === undefined ? 'document_signature' : 'certificate_signature';
    throw new NitroProofError(error.code === 'no_route' ? 'no_route' : signature, error.message, certificate);
  }
}
