import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { concatBytes, fromBase64url } from '../../wire/bytes.ts';
import { bits, der, name, octets, oid, sequence, TRUE, time, unsigned } from './der-writer.ts';

/** Certificates that are right by default and wrong in whatever way a test asks for. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly point: Uint8Array;
  readonly spki: Uint8Array;
}

export function testKey(curve: 'P-384' | 'P-256' = 'P-384'): TestKey {
  // Encoded at once: in Node 20 a generated key that is exported while its generator is collected can block for ever.
  const pair = generateKeyPairSync('ec', {
    namedCurve: curve,
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
    publicKeyEncoding: { format: 'der', type: 'spki' },
  });
  const privateKey = createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const jwk = publicKey.export({ format: 'jwk' });
  const point = concatBytes(Uint8Array.of(4), fromBase64url(jwk.x as string), fromBase64url(jwk.y as string));
  return { privateKey, point, spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })) };
}

export const ECDSA_SHA384: Uint8Array = sequence(oid('1.2.840.10045.4.3.3'));
export const ECDSA_SHA256: Uint8Array = sequence(oid('1.2.840.10045.4.3.2'));

export interface CertificateSpec {
  readonly version: Uint8Array;
  readonly serial: Uint8Array;
  readonly innerAlgorithm: Uint8Array;
  readonly outerAlgorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly validity: Uint8Array;
  readonly spki: Uint8Array;
  readonly extensions: readonly Uint8Array[] | null;
  readonly signer: KeyObject;
  /** Instead of the DER signature that `signer` makes. */
  readonly signature: ((made: Uint8Array) => Uint8Array) | null;
  /** Appended inside the outer sequence. */
  readonly extra: Uint8Array;
}

export function certificate(spec: CertificateSpec): Uint8Array {
  const tbs = sequence(
    spec.version,
    spec.serial,
    spec.innerAlgorithm,
    spec.issuer,
    spec.validity,
    spec.subject,
    spec.spki,
    ...(spec.extensions === null ? [] : [der(0xa3, sequence(...spec.extensions))]),
  );
  const made = new Uint8Array(sign('sha384', tbs, spec.signer));
  return sequence(tbs, spec.outerAlgorithm, bits(spec.signature?.(made) ?? made), spec.extra);
}

export function extension(id: string, value: Uint8Array, criticality: 'critical' | 'plain'): Uint8Array {
  return sequence(oid(id), ...(criticality === 'critical' ? [TRUE] : []), octets(value));
}

export function basicConstraints(
  kind: 'ca' | 'leaf',
  pathLength: number | null = null,
  criticality: 'critical' | 'plain' = 'critical',
): Uint8Array {
  const fields = kind === 'ca' ? [TRUE] : [];
  return extension(
    '2.5.29.19',
    sequence(...fields, ...(pathLength === null ? [] : [unsigned(pathLength)])),
    criticality,
  );
}

/** keyCertSign is bit 5, cRLSign bit 6, digitalSignature bit 0 of the first byte. */
export const CA_USAGE: Uint8Array = extension('2.5.29.15', bits(Uint8Array.of(0x86), 1), 'critical');
export const LEAF_USAGE: Uint8Array = extension('2.5.29.15', bits(Uint8Array.of(0xc0), 6), 'plain');
export const subjectKeyId = (id: Uint8Array): Uint8Array => extension('2.5.29.14', octets(id), 'plain');
export const authorityKeyId = (id: Uint8Array): Uint8Array => extension('2.5.29.35', sequence(der(0x80, id)), 'plain');

export function validity(notBefore: number, notAfter: number): Uint8Array {
  return sequence(time(notBefore), time(notAfter));
}

export const NOW: number = Date.UTC(2030, 4, 17, 12, 0, 0);
const HOUR = 3_600_000;
const INSTANCE = 'i-0123456789abcdef0';
export const MODULE_ID: string = `${INSTANCE}-enc0123456789abcdef`;

/** Five keys made once: root, three CAs, leaf. */
export const keys: readonly TestKey[] = Array.from({ length: 5 }, () => testKey());

export function keyAt(index: number): TestKey {
  return keys[index] as TestKey;
}

const commonNames = [
  'test.nitro-enclaves',
  'aa.zz-test-1.aws.nitro-enclaves',
  'bb.zonal.zz-test-1.aws.nitro-enclaves',
  `${INSTANCE}.zz-test-1.aws.nitro-enclaves`,
  `${MODULE_ID}.zz-test-1.aws`,
];

/** A specification of the certificate at one place of a chain of AWS's shape. */
export function specAt(index: number): CertificateSpec {
  const issuerIndex = Math.max(0, index - 1);
  const keyId = Uint8Array.of(index, 7, 7);
  const issuerKeyId = Uint8Array.of(issuerIndex, 7, 7);
  const ca = [
    basicConstraints('ca', index === 0 ? null : 3 - index),
    CA_USAGE,
    subjectKeyId(keyId),
    ...(index === 0 ? [] : [authorityKeyId(issuerKeyId)]),
  ];
  return {
    version: der(0xa0, unsigned(2)),
    serial: unsigned(Uint8Array.of(0x41, index)),
    innerAlgorithm: ECDSA_SHA384,
    outerAlgorithm: ECDSA_SHA384,
    issuer: name(commonNames[issuerIndex] as string),
    subject: name(commonNames[index] as string),
    validity: index === 4 ? validity(NOW - HOUR, NOW + 2 * HOUR) : validity(NOW - 240 * HOUR, NOW + 240 * HOUR),
    spki: keyAt(index).spki,
    extensions: index === 4 ? [basicConstraints('leaf'), LEAF_USAGE] : ca,
    signer: keyAt(issuerIndex).privateKey,
    signature: null,
    extra: new Uint8Array(0),
  };
}

export type ChainChanges = { readonly [index: number]: Partial<CertificateSpec> };

/** ECDSA signs anew each time, so the root that policies name is made once. */
export const ROOT: Uint8Array = certificate(specAt(0));

/** Root first, leaf last. */
export function chain(changes: ChainChanges = {}): readonly Uint8Array[] {
  return keys.map((_, index) => {
    const change = changes[index];
    return index === 0 && change === undefined ? ROOT : certificate({ ...specAt(index), ...change });
  });
}
