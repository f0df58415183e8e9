import type { Suite } from '../../wire/crypto/suite.ts';
import type { RsaPublicKey } from '../codec/rsa-key.ts';

/** RSASSA-PSS with SHA-384 and a salt of 48 bytes over the suite; sizes are checked by every suite alike. */
export async function verifyRsaPss384(
  suite: Suite,
  { modulus, exponent }: RsaPublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    return (await suite.verifyRsaPss384(modulus, exponent, message, signature)) === true;
  } catch {
    // A suite that throws has not said yes.
    return false;
  }
}
