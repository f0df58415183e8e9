import { concatBytes, fromHex } from '../../../wire/bytes.ts';
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

/** Certificates of the vendors' shapes whose signatures are filler: parsers never check one, and every run has the same bytes. */
const GENERATOR = fromHex(
  '04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7' +
    '3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f',
);
const ecdsaKey = sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')), bits(GENERATOR));
const ecdsaSignature = bits(sequence(unsigned(new Uint8Array(48).fill(0x5c)), unsigned(new Uint8Array(48).fill(0x9d))));
const ECDSA = sequence(oid('1.2.840.10045.4.3.3'));

const rsaKey = sequence(
  sequence(oid('1.2.840.113549.1.1.1'), NULL),
  bits(sequence(unsigned(new Uint8Array(512).fill(0xe5)), unsigned(Uint8Array.of(1, 0, 1)))),
);
const SHA384 = sequence(oid('2.16.840.1.101.3.4.2.2'), NULL);
const PSS: Uint8Array = sequence(
  oid('1.2.840.113549.1.1.10'),
  sequence(
    der(0xa0, SHA384),
    der(0xa1, sequence(oid('1.2.840.113549.1.1.8'), SHA384)),
    der(0xa2, unsigned(48)),
    der(0xa3, unsigned(1)),
  ),
);
const rsaSignature: Uint8Array = bits(new Uint8Array(512).fill(0x61));

const FROM = Date.UTC(2024, 0, 31, 23, 59, 59);
const UNTIL = Date.UTC(2049, 11, 31);
const FAR = Date.UTC(2051, 1, 28, 1, 2, 3);

const extension = (id: string, value: Uint8Array): Uint8Array => sequence(oid(id), octets(value));
const critical = (id: string, value: Uint8Array): Uint8Array => sequence(oid(id), TRUE, octets(value));

const nitroLike: readonly Uint8Array[] = [
  critical('2.5.29.19', sequence(TRUE, unsigned(2))),
  critical('2.5.29.15', bits(Uint8Array.of(0x86), 1)),
  extension('2.5.29.14', octets(Uint8Array.of(1, 2, 3))),
  extension('2.5.29.35', sequence(der(0x80, Uint8Array.of(4, 5)))),
  extension('2.5.29.31', sequence()),
];

const AMD = '1.3.6.1.4.1.3704.1';
const levels = [1, 2, 3, 4, 5, 6, 7, 8].map((level) => extension(`${AMD}.3.${level}`, unsigned(level)));
const amdLike: readonly Uint8Array[] = [
  extension(`${AMD}.1`, unsigned(0)),
  extension(`${AMD}.2`, der(0x16, new TextEncoder().encode('Milan-B0'))),
  ...levels,
  extension(`${AMD}.4`, new Uint8Array(64).fill(7)),
];

interface Parts {
  readonly serial: Uint8Array;
  readonly until: number;
  readonly subject: Uint8Array;
  readonly extensions: readonly Uint8Array[];
  readonly algorithm: Uint8Array;
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}

const usual: Parts = {
  serial: unsigned(0x41),
  until: UNTIL,
  subject: name('leaf'),
  extensions: nitroLike,
  algorithm: ECDSA,
  key: ecdsaKey,
  signature: ecdsaSignature,
};

function certificate(changes: Partial<Parts>): Uint8Array {
  const { serial, until, subject, extensions, algorithm, key, signature } = { ...usual, ...changes };
  const tbs = sequence(
    der(0xa0, unsigned(2)),
    serial,
    algorithm,
    name('issuer'),
    sequence(time(FROM), time(until)),
    subject,
    key,
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  return sequence(tbs, algorithm, signature);
}

export const nitroCertificate: Uint8Array = certificate({});

const attribute = (type: string, value: Uint8Array): Uint8Array => set(sequence(oid(type), value));

export const certificateSeeds: readonly Uint8Array[] = [
  nitroCertificate,
  certificate({ extensions: [], until: FAR, serial: unsigned(new Uint8Array(20).fill(0x80)) }),
  certificate({ serial: unsigned(0), extensions: amdLike, subject: name('SEV-VCEK') }),
  certificate({
    serial: unsigned(0),
    extensions: [...amdLike.slice(0, -1), extension(`${AMD}.5`, der(0x16, concatBytes(Uint8Array.of(0x63, 0x73))))],
    subject: name('SEV-VLEK'),
  }),
  certificate({ algorithm: PSS, key: rsaKey, signature: rsaSignature, extensions: nitroLike.slice(0, 2) }),
  certificate({ subject: sequence(attribute('2.5.4.6', der(0x13, Uint8Array.of(0x55, 0x53)))) }),
  certificate({ subject: sequence(attribute('2.5.4.3', text('a')), attribute('2.5.4.3', text('b'))) }),
];

function revocationList(changes: {
  readonly entries: readonly Uint8Array[];
  readonly extensions: readonly Uint8Array[];
}): Uint8Array {
  const tbs = sequence(
    unsigned(1),
    PSS,
    name('issuer'),
    time(FROM),
    time(UNTIL),
    ...(changes.entries.length === 0 ? [] : [sequence(...changes.entries)]),
    ...(changes.extensions.length === 0 ? [] : [der(0xa0, sequence(...changes.extensions))]),
  );
  return sequence(tbs, PSS, rsaSignature);
}

export const revocationListSeeds: readonly Uint8Array[] = [
  revocationList({ entries: [], extensions: [] }),
  revocationList({
    entries: [
      sequence(unsigned(3), time(FROM)),
      sequence(unsigned(0x90), time(FROM), sequence(extension('2.5.29.21', Uint8Array.of(0x0a, 1, 1)))),
    ],
    extensions: [extension('2.5.29.20', unsigned(1))],
  }),
];
