import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import type { MalformedCode } from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import {
  authorityKeyId,
  basicConstraints,
  CA_USAGE,
  type CertificateSpec,
  certificate,
  chain,
  ECDSA_SHA256,
  ECDSA_SHA384,
  extension,
  keyAt,
  LEAF_USAGE,
  MODULE_ID,
  NOW,
  ROOT,
  subjectKeyId,
  testKey,
} from '../../support/certificates.ts';
import {
  bits,
  der,
  NULL,
  name,
  octets,
  oid,
  sequence,
  set,
  TRUE,
  text,
  time,
  unsigned,
} from '../../support/der-writer.ts';

function changed(change: Partial<CertificateSpec>): Uint8Array {
  return chain({ 2: change })[2] as Uint8Array;
}

const FALSE = Uint8Array.of(1, 1, 0);
const point = keyAt(2).point;
const P = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const N = BigInt('0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973');
const number = (value: bigint): Uint8Array => new Uint8Array(Buffer.from(value.toString(16).padStart(98, '0'), 'hex'));
const scalars = (r: bigint, s: bigint): Uint8Array => sequence(unsigned(number(r)), unsigned(number(s)));
const spki = (key: Uint8Array): Uint8Array =>
  sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')), bits(key));
const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(oid(type), value);
const own = [basicConstraints('ca', 1), CA_USAGE];

const cases: readonly (readonly [says: string, code: MalformedCode, bytes: Uint8Array])[] = [
  ['nothing', 'certificate_too_large', new Uint8Array(0)],
  ['more than any certificate', 'certificate_too_large', new Uint8Array(4_097)],
  ['X12 a trailing byte', 'der_invalid', concatBytes(ROOT, Uint8Array.of(0))],
  ['X12 something after the signature', 'der_invalid', changed({ extra: NULL })],
  [
    'X13 an indefinite length',
    'der_invalid',
    concatBytes(Uint8Array.of(0x30, 0x80), ROOT.subarray(4), Uint8Array.of(0, 0)),
  ],
  ['version 1', 'certificate_version', changed({ version: new Uint8Array(0) })],
  ['version 2', 'certificate_version', changed({ version: der(0xa0, unsigned(1)) })],
  ['version 4', 'certificate_version', changed({ version: der(0xa0, unsigned(3)) })],
  ['X19 serial zero', 'certificate_serial', changed({ serial: unsigned(0) })],
  ['X19 a negative serial', 'certificate_serial', changed({ serial: der(2, Uint8Array.of(0x80)) })],
  ['X19 a serial of 21 bytes', 'certificate_serial', changed({ serial: unsigned(new Uint8Array(21).fill(1)) })],
  ['X13 a padded serial', 'der_invalid', changed({ serial: der(2, Uint8Array.of(0, 1)) })],
  ['X11 another outer algorithm', 'certificate_algorithm_mismatch', changed({ outerAlgorithm: ECDSA_SHA256 })],
  ['X11 another inner algorithm', 'certificate_algorithm_mismatch', changed({ innerAlgorithm: ECDSA_SHA256 })],
  [
    'ECDSA with parameters',
    'der_invalid',
    changed({
      innerAlgorithm: sequence(oid('1.2.840.10045.4.3.3'), NULL),
      outerAlgorithm: sequence(oid('1.2.840.10045.4.3.3'), NULL),
    }),
  ],
  ['an empty name', 'certificate_name', changed({ subject: sequence() })],
  [
    'two common names',
    'certificate_name',
    changed({ subject: sequence(set(attribute('2.5.4.3', text('a'))), set(attribute('2.5.4.3', text('b')))) }),
  ],
  ['a common name of 65 bytes', 'certificate_name', changed({ subject: name('x'.repeat(65)) })],
  ['an empty common name', 'certificate_name', changed({ subject: name('') })],
  ['a common name that looks like another', 'certificate_name', changed({ subject: name('i-0\u{ff11}') })],
  ['a common name with a zero byte', 'certificate_name', changed({ subject: name('a\0b') })],
  [
    'a common name in another kind of string',
    'certificate_name',
    changed({ subject: sequence(set(attribute('2.5.4.3', der(0x16, new TextEncoder().encode('ia5'))))) }),
  ],
  [
    'an attribute that is a structure',
    'certificate_name',
    changed({ subject: sequence(set(attribute('2.5.4.10', sequence()))) }),
  ],
  [
    'seventeen attributes',
    'certificate_name',
    changed({ subject: sequence(...Array.from({ length: 17 }, () => set(attribute('2.5.4.10', text('a'))))) }),
  ],
  [
    'two attributes in one part',
    'der_invalid',
    changed({ subject: sequence(set(attribute('2.5.4.10', text('a')), attribute('2.5.4.3', text('b')))) }),
  ],
  [
    'X14 30 February',
    'certificate_time',
    changed({ validity: sequence(der(0x17, new TextEncoder().encode('300230120000Z')), time(NOW)) }),
  ],
  ['three dates', 'der_invalid', changed({ validity: sequence(time(NOW), time(NOW), time(NOW)) })],
  ['X15 the point at infinity', 'certificate_key', changed({ spki: spki(Uint8Array.of(0)) })],
  [
    'X15 a compressed point',
    'certificate_key',
    changed({ spki: spki(concatBytes(Uint8Array.of(2), point.subarray(1, 49))) }),
  ],
  [
    'X15 a point off the curve',
    'certificate_key',
    changed({ spki: spki(Uint8Array.from(point, (byte, index) => (index === 96 ? byte ^ 1 : byte))) }),
  ],
  // x = p spells the same residue as x = 0, for which P-384 has a point.
  [
    'X15 x equal to p',
    'certificate_key',
    changed({ spki: spki(concatBytes(Uint8Array.of(4), number(P).subarray(1), new Uint8Array(48))) }),
  ],
  [
    'explicit curve parameters',
    'der_invalid',
    changed({ spki: sequence(sequence(oid('1.2.840.10045.2.1'), sequence()), bits(point)) }),
  ],
  [
    'a key with unused bits',
    'der_invalid',
    changed({ spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')), bits(point, 1)) }),
  ],
  ['X10 an extension twice', 'certificate_extension_duplicate', changed({ extensions: [...own, CA_USAGE] })],
  [
    'an unknown extension twice',
    'certificate_extension_duplicate',
    changed({ extensions: [extension('1.2.3', NULL, 'plain'), extension('1.2.3', NULL, 'plain')] }),
  ],
  ['an empty list of extensions', 'der_invalid', changed({ extensions: [] })],
  [
    '33 extensions',
    'certificate_extension',
    changed({ extensions: Array.from({ length: 33 }, (_, index) => extension(`1.2.${index}`, NULL, 'plain')) }),
  ],
  [
    'critical spelt out as FALSE',
    'certificate_extension',
    changed({ extensions: [sequence(oid('1.2.3'), FALSE, octets(NULL))] }),
  ],
  [
    'X13 critical as 01',
    'der_invalid',
    changed({ extensions: [sequence(oid('1.2.3'), Uint8Array.of(1, 1, 1), octets(NULL))] }),
  ],
  [
    'X5 cA spelt out as FALSE',
    'certificate_extension',
    changed({ extensions: [extension('2.5.29.19', sequence(FALSE), 'critical')] }),
  ],
  ['a path length without cA', 'certificate_extension', changed({ extensions: [basicConstraints('leaf', 1)] })],
  [
    'a negative path length',
    'der_invalid',
    changed({ extensions: [extension('2.5.29.19', sequence(TRUE, der(2, Uint8Array.of(0xff))), 'critical')] }),
  ],
  [
    'something after basicConstraints',
    'der_invalid',
    changed({ extensions: [extension('2.5.29.19', concatBytes(sequence(TRUE), NULL), 'critical')] }),
  ],
  [
    'a key usage that is not defined',
    'certificate_extension',
    changed({ extensions: [extension('2.5.29.15', bits(Uint8Array.of(0x80, 0x40), 6), 'critical')] }),
  ],
  [
    'a key usage without bits',
    'der_invalid',
    changed({ extensions: [extension('2.5.29.15', bits(new Uint8Array(0)), 'critical')] }),
  ],
  [
    'an empty subject key identifier',
    'certificate_extension',
    changed({ extensions: [subjectKeyId(new Uint8Array(0))] }),
  ],
  [
    'an empty authority key identifier',
    'certificate_extension',
    changed({ extensions: [authorityKeyId(new Uint8Array(0))] }),
  ],
  [
    'an authority key identifier without a key',
    'der_invalid',
    changed({ extensions: [extension('2.5.29.35', sequence(der(0x82, Uint8Array.of(1))), 'plain')] }),
  ],
  [
    'a unique identifier of version 2',
    'der_invalid',
    changed({ extensions: null, spki: concatBytes(keyAt(2).spki, der(0x81, Uint8Array.of(0, 1))) }),
  ],
  ['C18 r of zero', 'certificate_signature_format', changed({ signature: () => scalars(0n, 1n) })],
  ['C18 s of zero', 'certificate_signature_format', changed({ signature: () => scalars(1n, 0n) })],
  ['C18 r of n', 'certificate_signature_format', changed({ signature: () => scalars(N, 1n) })],
  ['C18 s of n', 'certificate_signature_format', changed({ signature: () => scalars(1n, N) })],
  ['C18 r of 49 bytes', 'certificate_signature_format', changed({ signature: () => scalars(2n ** 384n, 1n) })],
  ['C18 a negative r', 'der_invalid', changed({ signature: () => sequence(der(2, Uint8Array.of(0xff)), unsigned(1)) })],
  ['C18 three integers', 'der_invalid', changed({ signature: () => sequence(unsigned(1), unsigned(1), unsigned(1)) })],
  ['C18 something after the pair', 'der_invalid', changed({ signature: (made) => concatBytes(made, NULL) })],
  ['C18 fixed-length bytes', 'der_invalid', changed({ signature: () => new Uint8Array(96).fill(1) })],
];

describe('parseCertificate', () => {
  it.each(cases)('refuses %s: %s', (_, code, bytes) => {
    expect(() => parseCertificate(bytes)).toThrow(expect.objectContaining({ code }));
  });

  it('reads what path validation needs', () => {
    const [, , ca, , leaf] = chain().map((bytes) => parseCertificate(bytes));
    expect(ca?.extensions).toEqual({
      basicConstraints: { critical: true, ca: true, pathLength: 1 },
      keyUsage: { digitalSignature: true, keyCertSign: true },
      subjectKeyIdentifier: Uint8Array.of(2, 7, 7),
      authorityKeyIdentifier: Uint8Array.of(1, 7, 7),
      unknownCritical: [],
      others: new Map(),
    });
    expect(leaf?.subject.commonName).toBe(`${MODULE_ID}.zz-test-1.aws`);
    expect(leaf?.key).toEqual({ kind: 'P-384', point: keyAt(4).point });
    expect(leaf?.extensions.keyUsage).toEqual({ digitalSignature: true, keyCertSign: false });
    expect(leaf?.notBefore).toBe(NOW - 3_600_000);
  });

  it('reads keys and signatures of other kinds by name only', () => {
    const other = parseCertificate(
      changed({ spki: testKey('P-256').spki, innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 }),
    );
    expect(other.key).toEqual({ kind: 'other', oid: '1.2.840.10045.3.1.7' });
    expect(other.signature).toEqual({ kind: 'other', oid: '1.2.840.10045.4.3.2' });
  });

  it('accepts a serial of twenty bytes with a sign byte, as AWS numbers its instance CAs', () => {
    const serial = concatBytes(Uint8Array.of(0xde), new Uint8Array(19).fill(1));
    expect(toHex(parseCertificate(changed({ serial: unsigned(serial) })).serial)).toBe(`00${toHex(serial)}`);
  });

  it('keeps nothing of the bytes it was given', () => {
    const bytes = Uint8Array.from(ROOT);
    const parsed = parseCertificate(bytes);
    bytes.fill(0);
    expect(parsed.bytes).toEqual(ROOT);
  });

  it('names the byte where it stopped', () => {
    const bytes = changed({ serial: unsigned(0) });
    try {
      parseCertificate(bytes);
      expect.unreachable();
    } catch (error) {
      const { place } = error as { place: { offset: number; checkId: string } };
      expect(toHex(bytes.subarray(place.offset, place.offset + 3))).toBe('020100');
      expect(place.checkId).toBe('C15');
    }
  });

  it('makes certificates that Node reads too, so that the cases above are wrong in one way only', async () => {
    const { X509Certificate } = await import('node:crypto');
    const [root, ca] = chain().map((bytes) => new X509Certificate(bytes));
    expect(ca?.verify((root as InstanceType<typeof X509Certificate>).publicKey)).toBe(true);
    expect(new X509Certificate(certificate({ ...bare })).subject).toContain('bare');
  });
});

const bare: CertificateSpec = {
  version: der(0xa0, unsigned(2)),
  serial: unsigned(1),
  innerAlgorithm: ECDSA_SHA384,
  outerAlgorithm: ECDSA_SHA384,
  issuer: name('bare'),
  subject: name('bare'),
  validity: sequence(time(NOW), time(Date.UTC(2051, 0, 1))),
  spki: keyAt(0).spki,
  extensions: [LEAF_USAGE],
  signer: keyAt(0).privateKey,
  signature: null,
  extra: new Uint8Array(0),
};
