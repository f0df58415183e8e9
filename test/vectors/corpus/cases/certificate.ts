import { concatBytes } from '../../../../wire/bytes.ts';
import { bits, der, NULL, octets, oid, sequence, TRUE, text, unsigned } from '../../../support/der-writer.ts';
import { KEYS } from '../base.ts';
import type { CaseSpec, Refusal } from '../case.ts';
import {
  append,
  type CertificateEdit,
  contentsOf,
  derSignature,
  ECDSA_SHA256,
  ECDSA_SHA384,
  elementsIn,
  extension,
  generalizedTimeText,
  ID,
  nameOf,
  p384Key,
  replaceExtension,
  utcTimeText,
} from '../certificate.ts';
import { ORDER_BYTES, replaceHalf } from '../keys.ts';

/** One certificate that no strict reader of DER and RFC 5280 takes, in a chain that is otherwise signed and right. */
const INSTANCE_CA = 3;
const LEAF = 4;

const refusedAs =
  (...expect: Refusal) =>
  (id: string, list: string, title: string, edit: CertificateEdit, index = INSTANCE_CA): CaseSpec => ({
    id: `certificate-${id}`,
    list,
    title,
    expect,
    edit: { chain: { [index]: edit } },
  });

const encoding = refusedAs('malformed', 'der_invalid', 'C1');
const date = refusedAs('malformed', 'certificate_time', 'C1');
const name = refusedAs('malformed', 'certificate_name', 'C1');
const malformedExtension = refusedAs('malformed', 'certificate_extension', 'C1');
const version = refusedAs('malformed', 'certificate_version', 'C2');
const algorithms = refusedAs('malformed', 'certificate_algorithm_mismatch', 'C3');
const key = refusedAs('malformed', 'certificate_key', 'C5');
const duplicate = refusedAs('malformed', 'certificate_extension_duplicate', 'C14');
const serial = refusedAs('malformed', 'certificate_serial', 'C15');
const signature = refusedAs('malformed', 'certificate_signature_format', 'C18');
const size = refusedAs('malformed', 'certificates_invalid', 'N14');

const none = new Uint8Array(48);
const TWO = Uint8Array.of(2);
const caConstraints = (...fields: readonly Uint8Array[]): Uint8Array =>
  extension(ID.basicConstraints, sequence(...fields), 'critical');
const constraints = (replacement: Uint8Array): CertificateEdit => ({
  extensions: replaceExtension(ID.basicConstraints, replacement),
});
const usage = (value: Uint8Array): CertificateEdit => ({
  extensions: replaceExtension(ID.keyUsage, extension(ID.keyUsage, value, 'critical')),
});

/** The same signed part, with its length in one byte more than it needs. */
const longLength = (made: Uint8Array): Uint8Array => {
  const contents = contentsOf(made);
  return concatBytes(Uint8Array.of(0x30, 0x83, 0, contents.length >> 8, contents.length & 0xff), contents);
};
const indefiniteLength = (made: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0x30, 0x80), contentsOf(made), Uint8Array.of(0, 0));
const point = (KEYS[INSTANCE_CA] as { readonly point: Uint8Array }).point;
const pointWith = (...changes: readonly (readonly [at: number, value: Uint8Array])[]): Uint8Array => {
  const changed = Uint8Array.from(point);
  for (const [at, value] of changes) changed.set(value, at);
  return changed;
};
const PRIME = concatBytes(
  new Uint8Array(31).fill(0xff),
  Uint8Array.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
);

export const certificateCases: readonly CaseSpec[] = [
  algorithms('algorithms-differ', 'X11', 'the unsigned signature algorithm is ecdsa-with-SHA256', {
    outerAlgorithm: ECDSA_SHA256,
  }),
  algorithms('algorithm-parameters', 'X11', 'the unsigned algorithm has NULL parameters, the signed one has none', {
    outerAlgorithm: sequence(oid('1.2.840.10045.4.3.3'), NULL),
  }),
  encoding('null-parameters', 'X11', 'ECDSA with NULL parameters in both copies', {
    innerAlgorithm: sequence(oid('1.2.840.10045.4.3.3'), NULL),
    outerAlgorithm: sequence(oid('1.2.840.10045.4.3.3'), NULL),
  }),
  encoding('trailing-outside', 'X12', 'a zero byte after the certificate', { whole: append(0) }),
  encoding('trailing-outside-leaf', 'X12', 'a zero byte after the leaf', { whole: append(0) }, LEAF),
  encoding('trailing-inside', 'X12', 'NULL after the signature, inside the certificate', { inside: NULL }),
  encoding('trailing-in-tbs', 'X12', 'NULL after the extensions, inside the signed part', {
    tbs: (made) => sequence(...elementsIn(made), NULL),
  }),
  encoding('trailing-in-signature', 'X12', 'a zero byte after the signature value', {
    signature: (fixed) => concatBytes(derSignature(fixed), Uint8Array.of(0)),
  }),
  encoding('long-length', 'X13', 'the length of the signed part in more bytes than needed', { tbs: longLength }),
  encoding('indefinite-length', 'X13', 'the signed part has an indefinite length', { tbs: indefiniteLength }),
  encoding('integer-not-minimal', 'X13', 'the serial number has a zero byte too many', {
    serial: der(0x02, Uint8Array.of(0, 1)),
  }),
  encoding('integer-empty', 'X13', 'the serial number has no byte', { serial: der(0x02) }),
  encoding(
    'boolean-one',
    'X13',
    'cA is the BOOLEAN 01',
    constraints(caConstraints(Uint8Array.of(1, 1, 1), unsigned(0))),
  ),
  encoding('signature-bits', 'X13', 'the signature is a bit string with an unused bit', {
    whole: (made) => {
      const [tbs, algorithm, value] = elementsIn(made) as [Uint8Array, Uint8Array, Uint8Array];
      return sequence(tbs, algorithm, der(0x03, Uint8Array.of(1), contentsOf(value).subarray(1)));
    },
  }),
  encoding('usage-not-minimal', 'X13', 'the key usage keeps zero bits at its end', usage(bits(Uint8Array.of(0x04), 0))),
  encoding(
    'usage-dirty-bits',
    'X13',
    'an unused bit of the key usage is set',
    usage(der(0x03, Uint8Array.of(2, 0x05))),
  ),
  malformedExtension('critical-false', 'X13', 'critical is spelt out as FALSE', {
    extensions: (made) => [...made, sequence(oid(ID.unknown), Uint8Array.of(1, 1, 0), octets(NULL))],
  }),
  malformedExtension(
    'ca-false',
    'X13',
    'cA of the leaf is spelt out as FALSE',
    constraints(caConstraints(Uint8Array.of(1, 1, 0))),
    LEAF,
  ),
  malformedExtension(
    'path-length-without-ca',
    'X6',
    'the leaf has a path length',
    constraints(caConstraints(unsigned(0))),
    LEAF,
  ),
  malformedExtension(
    'usage-undefined',
    'X7',
    'a key usage beyond the nine that are defined',
    usage(der(0x03, Uint8Array.of(5, 0x04, 0x00, 0x20))),
  ),
  malformedExtension('key-id-empty', 'X16', 'the authority key identifier is empty', {
    extensions: replaceExtension(ID.authorityKey, extension(ID.authorityKey, sequence(der(0x80)), 'plain')),
  }),
  date('february-30', 'X14', 'notBefore is 30 February', { notBefore: utcTimeText('300230120000Z') }),
  date('no-z', 'X14', 'notBefore does not end in Z', { notBefore: utcTimeText('300517110000') }),
  date('offset', 'X14', 'notBefore has an offset from UTC', { notBefore: utcTimeText('300517110000+0000') }),
  date('no-seconds', 'X14', 'notBefore has no seconds', { notBefore: utcTimeText('3005171100Z') }),
  date('fraction', 'X14', 'notAfter has a fraction of a second', {
    notAfter: generalizedTimeText('20500517110000.5Z'),
  }),
  date('hour-24', 'X14', 'notBefore is at hour 24', { notBefore: utcTimeText('300516240000Z') }),
  date('generalized-2049', 'X14', 'a date before 2050 is a GeneralizedTime', {
    notAfter: generalizedTimeText('20491231235959Z'),
  }),
  name('name-empty', 'X16', 'the subject of the leaf is empty', { subject: sequence() }, LEAF),
  name(
    'name-twice',
    'X16',
    'the subject of the leaf has two common names',
    {
      subject: nameOf(['2.5.4.3', 'first'], ['2.5.4.3', 'second']),
    },
    LEAF,
  ),
  encoding(
    'name-set-of-two',
    'X16',
    'a part of the name has two attributes',
    {
      subject: sequence(der(0x31, sequence(oid('2.5.4.3'), text('a')), sequence(oid('2.5.4.10'), text('b')))),
    },
    LEAF,
  ),
  encoding(
    'name-not-sets',
    'X16',
    'the parts of the name are no sets',
    {
      subject: sequence(sequence(oid('2.5.4.3'), text('a'))),
    },
    LEAF,
  ),
  version('version-1', 'X13', 'X.509 version 1', { version: der(0xa0, unsigned(0)) }),
  version('version-2', 'X13', 'X.509 version 2', { version: der(0xa0, unsigned(1)) }),
  version('version-4', 'X13', 'an X.509 version 4', { version: der(0xa0, unsigned(3)) }),
  serial('serial-zero', 'X19', 'the serial number is zero', { serial: der(0x02, Uint8Array.of(0)) }),
  serial('serial-negative', 'X19', 'the serial number is negative', { serial: der(0x02, Uint8Array.of(0x80)) }),
  serial('serial-21', 'X19', 'the serial number has 21 bytes', { serial: der(0x02, new Uint8Array(21).fill(0x41)) }),
  duplicate('extension-twice', 'X10', 'key usage twice', { extensions: (made) => [...made, made[1] as Uint8Array] }),
  duplicate('unknown-extension-twice', 'X10', 'an unknown extension twice', {
    extensions: (made) => [...made, extension(ID.unknown, NULL, 'plain'), extension(ID.unknown, TRUE, 'plain')],
  }),
  key('key-infinity', 'X15', 'the key is the point at infinity', { spki: p384Key(Uint8Array.of(0)) }),
  key('key-compressed', 'X15', 'the key is a compressed point', {
    spki: p384Key(concatBytes(TWO, point.subarray(1, 49))),
  }),
  key('key-off-curve', 'X15', 'the key is not on the curve', { spki: p384Key(pointWith([49, none])) }),
  key('key-x-too-large', 'X15', 'x is p', { spki: p384Key(pointWith([1, PRIME])) }),
  key('key-truncated', 'X15', 'the key has 96 bytes', { spki: p384Key(point.subarray(0, 96)) }),
  signature('signature-r-0', 'V12', 'r = 0', { signature: (fixed) => derSignature(replaceHalf(fixed, 'r', none)) }),
  signature('signature-s-n', 'V12', 's = n', {
    signature: (fixed) => derSignature(replaceHalf(fixed, 's', ORDER_BYTES)),
  }),
  encoding('signature-negative', 'X13', 'r is a negative INTEGER', {
    signature: (fixed) => sequence(der(0x02, Uint8Array.of(0x80)), unsigned(fixed.subarray(48))),
  }),
  encoding('signature-raw', 'X13', 'the signature is r || s and no DER', { signature: (fixed) => fixed }),
  size('too-long', 'X22', 'a certificate of more than 1024 bytes', {
    extensions: (made) => [...made, extension(ID.unknown, octets(new Uint8Array(600)), 'plain')],
  }),
  encoding('algorithm-not-oid', 'X13', 'the algorithm starts with no object identifier', {
    innerAlgorithm: sequence(NULL),
    outerAlgorithm: sequence(NULL),
  }),
  encoding('two-keys', 'X12', 'the signed part holds a second key before the extensions', {
    tbs: (made) => {
      const parts = elementsIn(made);
      return sequence(...parts.slice(0, 7), parts[6] as Uint8Array, ...parts.slice(7));
    },
  }),
  algorithms('algorithm-order', 'X11', 'the signed algorithm is SHA-256 and the unsigned one SHA-384', {
    innerAlgorithm: ECDSA_SHA256,
    outerAlgorithm: ECDSA_SHA384,
  }),
];
