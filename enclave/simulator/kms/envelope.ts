import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { concatBytes } from '../../../wire/bytes.ts';
import { type Asn1, der, explicit, implicit, integer, nullValue, octetString, oid, sequence, setOf } from '../der.ts';
import { KmsFault } from './fault.ts';

/** RFC 5652, RFC 8017 and NIST's arcs. */
const OID = {
  data: '1.2.840.113549.1.7.1',
  envelopedData: '1.2.840.113549.1.7.3',
  rsaesOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;

const END = Uint8Array.of(0, 0);

/** The RSA key that a document carries: what AWS documents for Recipient is a SubjectPublicKeyInfo in DER of 2,048 bits. */
export function readRecipientKey(spki: Uint8Array | null): KeyObject {
  if (spki === null) throw new KmsFault('ValidationException', 'The attestation document has no public key');
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType === 'rsa' && bits === 2_048) return key;
  } catch {
    // Said below.
  }
  throw new KmsFault(
    'ValidationException',
    'The public key of the attestation document is not RSA of 2048 bits in DER',
  );
}

/**
 * CMS EnvelopedData in the form of KMS's `CiphertextForRecipient`: version 2, one recipient by key identifier, indefinite
 * lengths around everything but the recipients, and the content as a string in one piece.
 */
export function sealToRecipient(plaintext: Uint8Array, recipient: KeyObject): Uint8Array {
  const contentKey = randomBytes(32);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', contentKey, iv);
  const content = new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final()]));
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const encryptedKey = new Uint8Array(publicEncrypt({ key: recipient, padding, oaepHash: 'sha256' }, contentKey));
  const keyId = createHash('sha256')
    .update(recipient.export({ type: 'spki', format: 'der' }))
    .digest();
  const version = integer(Uint8Array.of(2));
  const info = sequence(version, implicit(0, new Uint8Array(keyId)), oaepSha256(), octetString(encryptedKey));
  const encryptedContent = indefinite(
    0x30,
    der(oid(OID.data)),
    der(sequence(oid(OID.aes256Cbc), octetString(new Uint8Array(iv)))),
    indefinite(0xa0, der(octetString(content))),
  );
  const enveloped = indefinite(0x30, der(version), der(setOf(info)), encryptedContent);
  return indefinite(0x30, der(oid(OID.envelopedData)), indefinite(0xa0, enveloped));
}

function oaepSha256(): Asn1 {
  const sha256 = sequence(oid(OID.sha256), nullValue());
  return sequence(oid(OID.rsaesOaep), sequence(explicit(0, sha256), explicit(1, sequence(oid(OID.mgf1), sha256))));
}

function indefinite(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(tag, 0x80), ...contents, END);
}
