import { parseCoseSign1 } from '../../verifier/codec/cose.ts';
import { parseNitroDocument } from '../../verifier/codec/nitro-document.ts';
import { parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { VerifierError } from '../../verifier/errors.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { Attested } from '../../wire/message/link.ts';
import { EvidenceError } from '../errors.ts';

/** Where a report carries its challenge, behind the identity (DESIGN section 3). */
const SNP_CHALLENGE_AT = 32;

/**
 * Throws an `EvidenceError` for a document that is none, or that answers another question. This proves nothing: whether
 * the document is genuine is for verifiers to say, and a host that asked the same would only know it sooner.
 */
export function checkAnswers({ tee, document }: Attested, challenge: Uint8Array): void {
  const named = tee === 'amd-sev-snp' ? challengeOfReport(document) : challengeOfDocument(document);
  if (named === null || !equalBytes(named, challenge)) {
    throw new EvidenceError('document_invalid', 'it was made for another challenge');
  }
}

function challengeOfReport(document: Uint8Array): Uint8Array {
  return readable(() => parseSnpReport(document).reportData.subarray(SNP_CHALLENGE_AT));
}

function challengeOfDocument(document: Uint8Array): Uint8Array | null {
  return readable(() => parseNitroDocument(parseCoseSign1(document).payload).nonce);
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VerifierError) throw new EvidenceError('document_invalid', error.code);
    throw error;
  }
}
