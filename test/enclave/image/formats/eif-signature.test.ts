import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeEif } from '../../../../enclave/image/formats/eif-describe.ts';
import { readEif } from '../../../../enclave/image/formats/eif-read.ts';
import { readEifSignature } from '../../../../enclave/image/formats/eif-signature.ts';
import { writeEif } from '../../../../enclave/image/formats/eif-write.ts';
import { toHex, utf8 } from '../../../../wire/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor } from '../../../../wire/codec/cbor.ts';
import { content } from './support/eif.ts';
import { refusalOf } from './support/refusal.ts';
import signed from './support/signed-eif.json' with { type: 'json' };
import keys from './support/test-only-keys.json' with { type: 'json' };

/** The keys in test-only-keys.json sign nothing but these images, and nobody trusts them. */
type Curve = keyof typeof keys;

const suites: Readonly<Record<Curve, { readonly alg: number; readonly hash: string }>> = {
  'P-256': { alg: -7, hash: 'sha256' },
  'P-384': { alg: -35, hash: 'sha384' },
  'P-521': { alg: -36, hash: 'sha512' },
};

const pcr0 = new Uint8Array(Buffer.from(signed.pcr0, 'hex'));
const list = (bytes: Uint8Array): CborValue => Array.from(bytes);

interface Parts {
  readonly curve: Curve;
  readonly certificate: Uint8Array;
  readonly protectedHeader: CborValue;
  readonly unprotectedHeader: CborValue;
  readonly payload: CborValue;
  /** Signs, and may then spoil what was signed. */
  readonly finish: (message: readonly CborValue[]) => CborValue;
  readonly entries: (entry: CborValue) => CborValue;
}

/** A section as AWS's tools write it, but for what is asked for. */
function section(change: Partial<Parts> = {}): Uint8Array {
  const curve = change.curve ?? 'P-384';
  const parts: Parts = {
    curve,
    certificate: utf8(keys[curve].certificate),
    protectedHeader: new Map([[1, suites[curve].alg]]),
    unprotectedHeader: new Map(),
    payload: new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', list(pcr0)],
    ]),
    finish: (message) => message,
    entries: (entry) => [entry],
    ...change,
  };
  const header = encodeCbor(parts.protectedHeader);
  const payload = encodeCbor(parts.payload);
  const key: KeyObject = createPrivateKey(keys[curve].key);
  const signature = sign(suites[curve].hash, encodeCbor(['Signature1', header, new Uint8Array(0), payload]), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  const message = parts.finish([header, parts.unprotectedHeader, payload, new Uint8Array(signature)]);
  const entry = new Map<string, CborValue>([
    ['signing_certificate', list(parts.certificate)],
    ['signature', list(encodeCbor(message))],
  ]);
  return encodeCbor(parts.entries(entry));
}

describe('the signature of an image', () => {
  it.each(Object.keys(suites) as readonly Curve[])('is verified for %s', (curve) => {
    const signature = readEifSignature(section({ curve }));
    expect(signature).toMatchObject({ isAuthentic: true, subject: `CN=${curve}`, issuer: `CN=${curve}` });
    expect(toHex(signature.signedPcr0)).toBe(signed.pcr0);
  });

  it('measures the certificate in DER', () => {
    const [, body = ''] = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(keys['P-256'].certificate) ?? [];
    const der = Buffer.from(body, 'base64');
    const digest = createHash('sha384').update(der).digest();
    const expected = createHash('sha384').update(Buffer.alloc(48)).update(digest).digest('hex');
    expect(toHex(readEifSignature(section({ curve: 'P-256' })).pcr8)).toBe(expected);
  });

  it('reads a certificate with text around it as OpenSSL does', () => {
    const certificate = utf8(`Certificate:\n  Data: text\n${keys['P-384'].certificate}`);
    expect(toHex(readEifSignature(section({ certificate })).pcr8)).toBe(toHex(readEifSignature(section()).pcr8));
  });

  it('has three verdicts in a description', () => {
    const verdict = (signature: Uint8Array): unknown =>
      describeEif(writeEif({ ...content, signature })).signature?.verdict;
    const other = new Map<string, CborValue>([
      ['register_index', 0],
      ['register_value', list(new Uint8Array(48))],
    ]);
    const spoil = (message: readonly CborValue[]): CborValue => [...message.slice(0, 3), new Uint8Array(96).fill(1)];
    expect(verdict(section())).toBe('valid');
    expect(verdict(section({ payload: other }))).toBe('other-image');
    expect(verdict(section({ finish: spoil }))).toBe('not-authentic');
  });

  it('is not authentic with the key of another, or of another curve than the algorithm has', () => {
    expect(readEifSignature(section({ certificate: utf8(keys['P-256'].certificate) })).isAuthentic).toBe(false);
    const foreign = readEif(new Uint8Array(Buffer.from(signed.eif, 'base64'))).signature as Uint8Array;
    const [entry] = decodeCbor(foreign, { maxBytes: 65_536, maps: 'definite', order: 'any' }) as [
      Map<string, CborValue>,
    ];
    const certificate = Uint8Array.from(entry.get('signing_certificate') as readonly number[]);
    expect(readEifSignature(section({ certificate })).isAuthentic).toBe(false);
  });

  it.each<readonly [string, Partial<Parts>]>([
    ['without an entry', { entries: () => [] }],
    ['with two', { entries: (entry) => [entry, entry] }],
    ['that is no list', { entries: (entry) => entry }],
    ['without a certificate', { certificate: new Uint8Array(0) }],
    ['with two certificates', { certificate: utf8(keys['P-256'].certificate.repeat(2)) }],
    ['with a certificate in DER', { certificate: Uint8Array.of(0x30, 0x00) }],
    [
      'with a certificate of nonsense',
      { certificate: utf8('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') },
    ],
    ['of an algorithm that AWS does not write', { protectedHeader: new Map([[1, -8]]) }],
    [
      'with more in its header',
      {
        protectedHeader: new Map([
          [1, -35],
          [4, 0],
        ]),
      },
    ],
    ['with something that is not signed', { unprotectedHeader: new Map([[1, -35]]) }],
    [
      'of another register',
      {
        payload: new Map<string, CborValue>([
          ['register_index', 1],
          ['register_value', list(pcr0)],
        ]),
      },
    ],
    [
      'of a short register',
      {
        payload: new Map<string, CborValue>([
          ['register_index', 0],
          ['register_value', list(pcr0.subarray(1))],
        ]),
      },
    ],
    ['whose message has three parts', { finish: (message) => message.slice(1) }],
    ['whose message is text', { finish: () => 'COSE' }],
  ])('is refused %s', (_, change) => {
    expect(refusalOf(() => readEifSignature(section(change)))).toBe('eif_signature');
  });

  it('is refused when it is too long', () => {
    expect(refusalOf(() => readEifSignature(new Uint8Array(65_537)))).toBe('eif_signature');
  });
});
