import type { SignatureRun, Suite } from '../../wire/crypto/suite.ts';
import { isOnP384, isP384Scalar, P384_BYTES } from '../codec/p384.ts';

/**
 * ECDSA P-384 with SHA-384 over the suite. `point` is 04 || x || y, `fixed` is r || s. Key and range are checked here
 * for every suite alike; a high s is accepted, since AWS emits it, so nothing may be identified by signature bytes.
 */
export async function verifyP384(
  suite: Suite,
  point: Uint8Array,
  message: Uint8Array,
  fixed: Uint8Array,
  run: SignatureRun = 'here',
): Promise<boolean> {
  if (fixed.length !== 2 * P384_BYTES || !isOnP384(point)) return false;
  if (!isP384Scalar(fixed.subarray(0, P384_BYTES)) || !isP384Scalar(fixed.subarray(P384_BYTES))) return false;
  try {
    return (await suite.verifyP384(point, message, fixed, run)) === true;
  } catch {
    // A suite that throws has not said yes.
    return false;
  }
}
