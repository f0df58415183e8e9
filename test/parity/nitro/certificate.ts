import { concatBytes } from '../../../wire/bytes.ts';
import { bits, der, NULL, octets, oid, sequence, set, TRUE, text, unsigned } from '../../support/der-writer.ts';
import { KEYS } from '../../vectors/corpus/base.ts';
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
  p256Key,
  p384Key,
  utcTimeText,
} from '../../vectors/corpus/certificate.ts';
import { ORDER_BYTES } from '../../vectors/corpus/keys.ts';
import { testKey } from '../../vectors/golden/keys.ts';
import type { Random } from '../random.ts';

/** One rule of DER or of RFC 5280 broken in one certificate, which its issuer signs as it stands. */
export interface CertificateChange {
  readonly check: string;
  readonly kind: string;
  /** `place` counts from the root, which is 0. */
  readonly draw: (random: Random, place: number) => CertificateEdit;
}

const change = (check: string, kind: string, draw: CertificateChange['draw']): CertificateChange => ({
  check,
  kind,
  draw,
});

const added = (...entries: readonly Uint8Array[]): CertificateEdit => ({ extensions: (made) => [...made, ...entries] });
const usage = (value: Uint8Array): Uint8Array => extension(ID.keyUsage, value, 'critical');
/** In the place of one that is there, or as one more. */
export const instead = (id: string, replacement: Uint8Array): CertificateEdit => ({
  extensions: (made) => {
    const wanted = Buffer.from(oid(id));
    return [...made.filter((entry) => !Buffer.from(entry).includes(wanted)), replacement];
  },
});
const ECDSA = oid('1.2.840.10045.4.3.3');
const PRIME = concatBytes(
  new Uint8Array(31).fill(0xff),
  Uint8Array.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
);

function point(random: Random): Uint8Array {
  const made = Uint8Array.from((KEYS[random.below(5)] as (typeof KEYS)[number]).point);
  const at = (offset: number, value: Uint8Array): Uint8Array => {
    made.set(value, offset);
    return made;
  };
  return random.pick<() => Uint8Array>([
    () => at(96, Uint8Array.of((made[96] as number) ^ 1)),
    () => at(1, PRIME),
    () => at(49, PRIME),
    () => at(1, new Uint8Array(96)),
    () => at(0, Uint8Array.of(2)),
    () => at(0, Uint8Array.of(0)),
    () => Uint8Array.from([2, ...made.subarray(1, 49)]),
    () => made.subarray(0, 96),
    () => concatBytes(made, Uint8Array.of(0)),
    () => new Uint8Array(1),
    () => new Uint8Array(0),
  ])();
}

const DATES: readonly Uint8Array[] = [
  utcTimeText('300230120000Z'),
  utcTimeText('300517110000'),
  utcTimeText('300517110000+0000'),
  utcTimeText('3005171100Z'),
  utcTimeText('300516240000Z'),
  utcTimeText('300516236000Z'),
  utcTimeText('300516235960Z'),
  utcTimeText('300016235959Z'),
  utcTimeText('301316235959Z'),
  utcTimeText('300500235959Z'),
  utcTimeText('290229120000Z'),
  utcTimeText('30051 110000Z'),
  utcTimeText('-30517110000Z'),
  utcTimeText(''),
  generalizedTimeText('20300517110000Z'),
  generalizedTimeText('20491231235959Z'),
  generalizedTimeText('20500517110000.5Z'),
  generalizedTimeText('20500517110000'),
  generalizedTimeText('20500229110000Z'),
  generalizedTimeText('21000229110000Z'),
  der(0x16, Uint8Array.of(0x33)),
  NULL,
];

const NAMES: readonly Uint8Array[] = [
  sequence(),
  nameOf(['2.5.4.3', 'first'], ['2.5.4.3', 'second']),
  nameOf(['2.5.4.3', 'x'.repeat(65)]),
  nameOf(['2.5.4.3', '']),
  nameOf(['2.5.4.3', 'a\n']),
  nameOf(['2.5.4.3', '\u00e9']),
  nameOf(...Array.from({ length: 17 }, () => ['2.5.4.10', 'a'] as const)),
  sequence(set(sequence(oid('2.5.4.3'), text('a')), sequence(oid('2.5.4.10'), text('b')))),
  sequence(sequence(oid('2.5.4.3'), text('a'))),
  sequence(set(sequence(oid('2.5.4.3'), der(0x16, Uint8Array.of(0x61))))),
  sequence(set(sequence(oid('2.5.4.10'), sequence()))),
  sequence(set(sequence(oid('2.5.4.10'), text('a'), NULL))),
  sequence(set(sequence(der(0x06), text('a')))),
  sequence(set()),
  set(),
  nameOf(['2.5.4.3', 'a']).subarray(0, 1),
];

/** SEQUENCE of contents with a head that DER does not have. */
const headed =
  (...head: readonly number[]) =>
  (made: Uint8Array): Uint8Array =>
    concatBytes(Uint8Array.from(head), contentsOf(made));
const longLength = (made: Uint8Array): Uint8Array => {
  const size = contentsOf(made).length;
  return headed(0x30, 0x83, 0, size >> 8, size & 0xff)(made);
};

const scalars = (...integers: readonly Uint8Array[]): CertificateEdit => ({ signature: () => sequence(...integers) });

export const encodingChanges: readonly CertificateChange[] = [
  change('C2', 'version', (random) => ({
    version: random.pick([
      der(0xa0, unsigned(0)),
      der(0xa0, unsigned(1)),
      der(0xa0, unsigned(3)),
      der(0xa0, unsigned(Uint8Array.of(1, 2))),
      new Uint8Array(0),
      der(0xa0, der(0x02, Uint8Array.of(0, 2))),
      der(0xa0, unsigned(2), NULL),
      unsigned(2),
    ]),
  })),
  change('C15', 'serial number', (random) => ({
    serial: random.pick([
      unsigned(0),
      der(0x02, Uint8Array.of(0x80)),
      der(0x02, Uint8Array.of(0xff, 0x7f)),
      unsigned(new Uint8Array(21).fill(0x7f)),
      unsigned(new Uint8Array(21).fill(0xff)),
      der(0x02, Uint8Array.of(0, 1)),
      der(0x02, Uint8Array.of(0xff, 0x80)),
      der(0x02),
      der(0x04, Uint8Array.of(1)),
    ]),
  })),
  change('C3', 'two algorithms', (random) =>
    random.pick<CertificateEdit>([
      { outerAlgorithm: ECDSA_SHA256 },
      { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA384 },
      { outerAlgorithm: sequence(ECDSA, NULL) },
    ]),
  ),
  change('C4', 'another algorithm', (random) => {
    const other = random.pick([
      ECDSA_SHA256,
      sequence(oid('1.2.840.10045.4.3.4')),
      sequence(oid('1.2.840.113549.1.1.12'), NULL),
    ]);
    return { innerAlgorithm: other, outerAlgorithm: other };
  }),
  change('C1', 'an algorithm that is none', (random) => {
    const other = random.pick([sequence(ECDSA, NULL), sequence(NULL), sequence(), sequence(der(0x06)), NULL]);
    return { innerAlgorithm: other, outerAlgorithm: other };
  }),
  change('C1', 'date', (random) => ({ [random.pick(['notBefore', 'notAfter'] as const)]: random.pick(DATES) })),
  change('C1', 'name', (random, place) =>
    place === 4 ? { subject: random.pick(NAMES) } : { issuer: random.pick(NAMES) },
  ),
  change('C4', 'key of another kind', (random) => ({
    spki: random.pick([
      p256Key(testKey('corpus').point),
      sequence(sequence(oid('1.3.101.112')), bits(random.bytes(32))),
      sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(sequence(unsigned(random.bytes(256)), unsigned(3)))),
    ]),
  })),
  change('C5', 'key that is no point', (random) => ({ spki: p384Key(point(random)) })),
  change('C1', 'key that is badly written', (random) => {
    const good = (KEYS[random.below(5)] as (typeof KEYS)[number]).point;
    const algorithm = sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34'));
    return {
      spki: random.pick([
        sequence(algorithm, bits(good, 1)),
        sequence(algorithm, octets(good)),
        sequence(algorithm, bits(good), NULL),
        sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34'), NULL), bits(good)),
        sequence(sequence(oid('1.2.840.10045.2.1')), bits(good)),
        sequence(sequence(oid('1.2.840.10045.2.1'), NULL), bits(good)),
        sequence(algorithm),
        sequence(),
      ]),
    };
  }),
  change('C14', 'an extension twice', (random) => ({
    extensions: (made) => [...made, random.pick(made)],
  })),
  change('C14', 'an unknown extension twice', (random) =>
    added(extension(ID.unknown, random.bytes(2), 'plain'), extension(ID.unknown, random.bytes(3), 'plain')),
  ),
  change('C1', 'more than 32 extensions', () =>
    added(...Array.from({ length: 33 }, (_, index) => extension(`1.2.3.${index}`, new Uint8Array(0), 'plain'))),
  ),
  change('C1', 'no extension in the list', () => ({ extensions: () => [] })),
  change('C1', 'an extension that is badly written', (random) =>
    added(
      random.pick([
        sequence(oid(ID.unknown), Uint8Array.of(1, 1, 0), octets(NULL)),
        sequence(oid(ID.unknown), Uint8Array.of(1, 1, 1), octets(NULL)),
        sequence(oid(ID.unknown), octets(NULL), NULL),
        sequence(oid(ID.unknown), NULL),
        sequence(oid(ID.unknown)),
        sequence(octets(NULL)),
        sequence(der(0x06, Uint8Array.of(0x2a, 0x80, 0x01)), octets(NULL)),
        sequence(der(0x06, Uint8Array.of(0x2a, 0x83)), octets(NULL)),
        sequence(der(0x06, Uint8Array.of(0x2a, 0x9f, 0xff, 0xff, 0xff, 0x7f)), octets(NULL)),
        NULL,
      ]),
    ),
  ),
  change('C1', 'constraints that are badly written', (random, place) => {
    const fields = random.pick<readonly Uint8Array[]>([
      [Uint8Array.of(1, 1, 0)],
      [Uint8Array.of(1, 1, 1)],
      [TRUE, unsigned(Uint8Array.of(1, 0, 0))],
      [TRUE, der(0x02, Uint8Array.of(0x80))],
      [TRUE, der(0x02, Uint8Array.of(0, 1))],
      [TRUE, unsigned(3), NULL],
      place === 4 ? [unsigned(0)] : [NULL],
    ]);
    return instead(ID.basicConstraints, extension(ID.basicConstraints, sequence(...fields), 'critical'));
  }),
  change('C1', 'usage that is badly written', (random) =>
    instead(
      ID.keyUsage,
      usage(
        random.pick([
          bits(Uint8Array.of(0x84), 0),
          der(0x03, Uint8Array.of(2, 0x85)),
          der(0x03, Uint8Array.of(5, 0x84, 0x00, 0x20)),
          bits(Uint8Array.of(0x84, 0x40), 6),
          der(0x03, Uint8Array.of(8, 0x84)),
          der(0x03, Uint8Array.of(0)),
          der(0x03),
          octets(Uint8Array.of(0x84)),
          concatBytes(bits(Uint8Array.of(0x84), 2), NULL),
        ]),
      ),
    ),
  ),
  change('C1', 'key identifier that is badly written', (random) =>
    random.pick([
      instead(ID.authorityKey, extension(ID.authorityKey, sequence(der(0x80)), 'plain')),
      instead(ID.authorityKey, extension(ID.authorityKey, sequence(), 'plain')),
      instead(ID.authorityKey, extension(ID.authorityKey, sequence(der(0x82, Uint8Array.of(1))), 'plain')),
      instead(ID.authorityKey, extension(ID.authorityKey, sequence(der(0x80, Uint8Array.of(1)), NULL), 'plain')),
      instead('2.5.29.14', extension('2.5.29.14', octets(new Uint8Array(0)), 'plain')),
      instead('2.5.29.14', extension('2.5.29.14', NULL, 'plain')),
    ]),
  ),
  change('C1', 'something more than there should be', (random) =>
    random.pick<CertificateEdit>([
      { whole: append(0) },
      { inside: NULL },
      { tbs: (made) => sequence(...elementsIn(made), NULL) },
      { tbs: (made) => sequence(...elementsIn(made), der(0x81, Uint8Array.of(0, 1))) },
      { tbs: (made) => sequence(...elementsIn(made), elementsIn(made).at(-1) as Uint8Array) },
      {
        tbs: (made) =>
          sequence(...elementsIn(made).slice(0, 7), der(0x81, Uint8Array.of(0, 1)), ...elementsIn(made).slice(7)),
      },
      { tbs: (made) => sequence(...elementsIn(made).slice(0, 7), ...elementsIn(made).slice(6)) },
    ]),
  ),
  change('C1', 'less than there should be', (random) => {
    const missing = random.below(7);
    return { tbs: (made) => sequence(...elementsIn(made).filter((_, index) => index !== missing)) };
  }),
  change('C1', 'a length that DER does not have', (random) =>
    random.pick<CertificateEdit>([
      { tbs: longLength },
      { tbs: (made) => concatBytes(headed(0x30, 0x80)(made), Uint8Array.of(0, 0)) },
      { whole: longLength },
      { serial: Uint8Array.of(0x02, 0x81, 0x01, 0x07) },
      { tbs: (made) => headed(0x30, 0x82, 0xff, 0xff)(made) },
      { whole: (made) => made.subarray(0, made.length - 1) },
    ]),
  ),
  change('C18', 'signature that is badly written', (random) =>
    random.pick<CertificateEdit>([
      { signature: (fixed) => concatBytes(derSignature(fixed), Uint8Array.of(0)) },
      { signature: (fixed) => sequence(...elementsIn(derSignature(fixed)), unsigned(1)) },
      { signature: (fixed) => concatBytes(Uint8Array.of(0x30, 0x81), derSignature(fixed).subarray(1)) },
      { signature: (fixed) => der(0x31, contentsOf(derSignature(fixed))) },
      {
        signature: (fixed) =>
          sequence(der(0x02, new Uint8Array(2), fixed.subarray(0, 48)), unsigned(fixed.subarray(48))),
      },
      { signature: (fixed) => fixed },
      { signature: () => new Uint8Array(0) },
    ]),
  ),
  change('C18', 'signature out of range', (random) =>
    random.pick([
      scalars(unsigned(0), unsigned(1)),
      scalars(unsigned(1), unsigned(0)),
      scalars(unsigned(1), unsigned(ORDER_BYTES)),
      scalars(unsigned(ORDER_BYTES), unsigned(1)),
      scalars(unsigned(new Uint8Array(49).fill(1)), unsigned(1)),
      scalars(unsigned(1), der(0x02, Uint8Array.of(0xff))),
    ]),
  ),
];
