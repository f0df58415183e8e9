import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
} from 'node:crypto';
import forge from 'node-forge';

/** CMS messages made by node-forge's asn1, in whatever form a test wants: the definite twin of what the stand-in makes. */
const { asn1 } = forge;
type Asn1 = forge.asn1.Asn1;

export const oids = {
  data: '1.2.840.113549.1.7.1',
  envelopedData: '1.2.840.113549.1.7.3',
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsaesOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes128Cbc: '2.16.840.1.101.3.4.1.2',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;

export interface TestKey {
  readonly pkcs8: Buffer;
  readonly publicKey: KeyObject;
}

export function testKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { pkcs8: privateKey, publicKey: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }) };
}

export function sequence(...items: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [...items]);
}

export function setOf(...items: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [...items]);
}

export function oid(id: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(id).getBytes());
}

export function integer(value: number): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.INTEGER, false, String.fromCharCode(value));
}

export function octets(bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, Buffer.from(bytes).toString('latin1'));
}

export function nothing(): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, '');
}

export function context(tag: number, ...items: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [...items]);
}

export function contextBytes(tag: number, bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, Buffer.from(bytes).toString('latin1'));
}

export function algorithm(id: string, ...parameters: readonly Asn1[]): Asn1 {
  return sequence(oid(id), ...parameters);
}

export function oaep(hash: string = oids.sha256, mask: string = hash, ...more: readonly Asn1[]): Asn1 {
  const mgf = algorithm(oids.mgf1, algorithm(mask, nothing()));
  return algorithm(oids.rsaesOaep, sequence(context(0, algorithm(hash, nothing())), context(1, mgf), ...more));
}

/** Every part of a message; each has a usual value that is accepted. */
export interface Parts {
  readonly type: Asn1;
  readonly version: Asn1;
  readonly recipientVersion: Asn1;
  readonly rid: Asn1;
  readonly keyAlgorithm: Asn1;
  readonly encryptedKey: Asn1;
  readonly contentType: Asn1;
  readonly cipher: Asn1;
  readonly content: Asn1;
  readonly recipients: readonly Asn1[] | null;
  readonly more: readonly Asn1[];
}

export const CONTENT_KEY: Uint8Array = new Uint8Array(32).fill(0x11);
export const IV: Uint8Array = new Uint8Array(16).fill(0x22);

export function encryptContent(plaintext: Uint8Array, padding: 'pkcs7' | 'none' = 'pkcs7'): Uint8Array {
  const cipher = createCipheriv('aes-256-cbc', CONTENT_KEY, IV);
  cipher.setAutoPadding(padding === 'pkcs7');
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final()]));
}

export function encryptKey(key: TestKey, contentKey: Uint8Array = CONTENT_KEY, oaepHash = 'sha256'): Uint8Array {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return new Uint8Array(publicEncrypt({ key: key.publicKey, padding, oaepHash }, contentKey));
}

export function envelope(key: TestKey, plaintext: Uint8Array, changes: Partial<Parts> = {}): Uint8Array {
  const parts: Parts = {
    type: oid(oids.envelopedData),
    version: integer(2),
    recipientVersion: integer(2),
    rid: contextBytes(0, new Uint8Array(20).fill(9)),
    keyAlgorithm: oaep(),
    encryptedKey: octets(encryptKey(key)),
    contentType: oid(oids.data),
    cipher: algorithm(oids.aes256Cbc, octets(IV)),
    content: contextBytes(0, encryptContent(plaintext)),
    recipients: null,
    more: [],
    ...changes,
  };
  const recipient = sequence(parts.recipientVersion, parts.rid, parts.keyAlgorithm, parts.encryptedKey);
  const message = sequence(
    parts.type,
    context(
      0,
      sequence(
        parts.version,
        setOf(...(parts.recipients ?? [recipient])),
        sequence(parts.contentType, parts.cipher, parts.content),
        ...parts.more,
      ),
    ),
  );
  return new Uint8Array(Buffer.from(asn1.toDer(message).getBytes(), 'latin1'));
}

/** node-forge's own reading, as a second opinion: key, vector and content of a message of any lengths. */
export function readWithForge(bytes: Uint8Array): {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly content: Buffer;
} {
  const source = forge.util.createBuffer(Buffer.from(bytes).toString('latin1'));
  const parsed = asn1.fromDer(source, { strict: false, parseAllBytes: true } as unknown as boolean);
  const children = (node: Asn1 | undefined): readonly Asn1[] => (Array.isArray(node?.value) ? node.value : []);
  const flat = (node: Asn1 | undefined): Buffer =>
    typeof node?.value === 'string' ? Buffer.from(node.value, 'latin1') : Buffer.concat(children(node).map(flat));
  const enveloped = children(children(children(parsed)[1])[0]);
  const recipient = children(children(enveloped[1])[0]);
  const content = children(enveloped[2]);
  return { key: flat(recipient.at(-1)), iv: flat(children(content[1])[1]), content: flat(content[2]) };
}
