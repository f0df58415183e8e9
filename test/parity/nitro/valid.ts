import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import { bits, der, octets, oid, sequence, set, TRUE, time, unsigned } from '../../support/der-writer.ts';
import {
  CHAIN,
  HOUR,
  LEAF_BEGINS,
  LEAF_ENDS,
  MODULE_ID,
  NOW,
  pcrsWith,
  REGION,
  ROOT,
  SECOND,
} from '../../vectors/corpus/base.ts';
import {
  type CertificateEdit,
  derSignature,
  editCertificate,
  extension,
  ID,
  nameOf,
  p384Key,
  replaceExtension,
  subjectOf,
} from '../../vectors/corpus/certificate.ts';
import { chainWith, raw } from '../../vectors/corpus/document.ts';
import { publishedKey, rootKey, withS } from '../../vectors/corpus/keys.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import type { NitroEdit } from './evidence.ts';

/** Documents that are right in another way than usual: both sides have to accept them. */
const valid = changesOf<NitroEdit>('valid');

const at = (index: number, edit: CertificateEdit): NitroEdit => ({ chain: { [index]: edit } });
const below = (random: Random): number => random.between(1, 4);
const authority = (random: Random): number => random.between(1, 3);
const half = (random: Random) => {
  const which = random.pick(['high', 'low'] as const);
  return (fixed: Uint8Array): Uint8Array => withS(fixed, which);
};

function registers(random: Random): ReadonlyMap<number, Uint8Array> {
  const more = random.shuffled(Array.from({ length: 29 }, (_, index) => 3 + index)).slice(0, random.below(30));
  const image = [...pcrsWith({})].filter(([index]) => index < 3);
  return new Map([...image, ...more.map((index): [number, Uint8Array] => [index, random.bytes(48)])]);
}

const encodedPairs = (map: ReadonlyMap<number, Uint8Array>): readonly Uint8Array[] =>
  [...map].flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]);

/** A chain of this many CAs, the root counted: none of them limits what is below, and each has a key of its own. */
function chainOf(authorities: number): NitroEdit {
  const template = CHAIN[1] as Uint8Array;
  const keys = Array.from({ length: authorities }, (_, index) => (index === 0 ? rootKey : publishedKey(`CA ${index}`)));
  const names = keys.map((_, index) =>
    index === authorities - 1 ? subjectOf(CHAIN[3] as Uint8Array) : nameOf(['2.5.4.3', `CA ${index} of a long chain`]),
  );
  const open = extension(ID.basicConstraints, sequence(TRUE), 'critical');
  const certificates = [CHAIN[0] as Uint8Array];
  for (let index = 1; index < authorities; index++) {
    const issuer = index === 1 ? subjectOf(CHAIN[0] as Uint8Array) : (names[index - 1] as Uint8Array);
    certificates.push(
      editCertificate(template, keys[index - 1] as (typeof keys)[number], {
        issuer,
        subject: names[index] as Uint8Array,
        spki: p384Key((keys[index] as (typeof keys)[number]).point),
        extensions: (made) =>
          replaceExtension(ID.basicConstraints, open)(replaceExtension(ID.authorityKey, null)(made)),
      }),
    );
  }
  const leaf = editCertificate(CHAIN[4] as Uint8Array, keys.at(-1) as (typeof keys)[number], {
    issuer: names.at(-1) as Uint8Array,
    extensions: without(ID.authorityKey),
  });
  return { certificates: [...certificates, leaf] };
}

/** Some certificates have no such extension. */
function without(id: string): (made: readonly Uint8Array[]) => readonly Uint8Array[] {
  return (made) => made.filter((entry) => !Buffer.from(entry).includes(Buffer.from(oid(id))));
}

/** Another key at one place, with which what is below it is signed. */
function otherKey(random: Random): NitroEdit {
  const index = authority(random);
  const key = publishedKey(`other ${random.below(1_000_000)}`);
  return { chain: { [index]: { spki: p384Key(key.point) }, [index + 1]: { signer: key } } };
}

export const validNitro: readonly Change<NitroEdit>[] = [
  valid('N8', 'as AWS wrote it until 2025', () => ({ form: 'definite' })),
  valid('N8', 'as AWS writes it since', () => ({ form: 'indefinite' })),
  valid('N8', 'PCRs in an indefinite map', (random) => ({
    fields: { pcrs: raw(0xbf, ...encodedPairs(registers(random)), 0xff) },
  })),
  valid('N8', 'fields in another order', (random) => ({
    payload: (made) => shuffledFields(made, random),
    form: 'definite',
  })),
  valid('N1', 'tag 18', () => ({ whole: (made) => concatBytes(Uint8Array.of(0xd2), made) })),
  valid('N13', 'PCRs in any order', (random) => {
    const pairs = random.shuffled([...pcrsWith({})]);
    return { fields: { pcrs: raw(0xb0, ...encodedPairs(new Map(pairs))) } };
  }),
  valid('N13', 'any number of PCRs', (random) => ({ fields: { pcrs: registers(random) } })),
  valid('N16', 'public_key of any length', (random) => ({
    fields: { public_key: random.bytes(random.pick([1, 23, 24, 64, 65, 66, 255, 256, 294, 1_023, 1_024])) },
  })),
  valid('N16', 'user_data of any length', (random) => ({
    fields: { user_data: random.bytes(random.pick([0, 1, 23, 24, 31, 32, 33, 255, 256, 511, 512])) },
  })),
  valid('N16', 'nonce of any length', (random) => ({
    fields: { nonce: random.bytes(random.pick([0, 1, 23, 24, 31, 32, 33, 255, 256, 511, 512])) },
  })),
  valid('N9', 'optional fields absent or null', (random) => {
    const nothing = (): CborValue | undefined => random.pick([null, undefined]);
    return { fields: { public_key: nothing(), user_data: nothing(), nonce: nothing() } };
  }),
  valid('N12', 'a timestamp within the leaf', (random) => ({
    fields: { timestamp: random.between(LEAF_BEGINS, NOW) },
  })),
  valid('N20', 'a timestamp in the first or last millisecond of the leaf', (random) => ({
    ...random.pick<NitroEdit>([
      { fields: { timestamp: LEAF_BEGINS } },
      { fields: { timestamp: LEAF_ENDS }, at: LEAF_ENDS / SECOND },
    ]),
  })),
  valid('N19', 'a timestamp as far ahead as is allowed', () => ({ fields: { timestamp: NOW + 300 * SECOND } })),
  valid('N14', 'a certificate as long as is allowed', (random) => ofSize(below(random), 1_024)),
  valid('C1', 'a certificate with 32 extensions', (random) =>
    at(below(random), {
      extensions: (made) => [
        ...made,
        ...Array.from({ length: 32 - made.length }, (_, index) =>
          extension(`1.2.${index}`, new Uint8Array(0), 'plain'),
        ),
      ],
    }),
  ),
  valid('N23', 'other names of module, instance and region', (random) => {
    const instance = random.pick(['i-0', 'x', 'i-enc', `i-${random.below(1e9)}`, '-enc']);
    const moduleId = `${instance}-enc${random.pick(['', '0', 'ffff', '-enc'])}`;
    const region = random.pick(['a', '-', 'us-east-1', '0', 'z'.repeat(9)]);
    const vendor = (): string => random.pick(['', '.aws']);
    const name = nameOf(['2.5.4.3', `${instance}.${region}${vendor()}.nitro-enclaves`]);
    return {
      chain: {
        3: { subject: name },
        4: { issuer: name, subject: nameOf(['2.5.4.3', `${moduleId}.${region}${vendor()}`]) },
      },
      fields: { module_id: moduleId },
    };
  }),
  valid('N25', 'a leaf of three hours and a minute', () => at(4, { notAfter: time(LEAF_BEGINS + 10_860 * SECOND) })),
  valid('C18', 'the document with a high or a low s', (random) => ({ signature: half(random) })),
  valid('C18', 'certificates with a high or a low s', (random) => {
    const sign = (): CertificateEdit => {
      const chosen = half(random);
      return { signature: (fixed) => derSignature(chosen(fixed)) };
    };
    return { chain: { 1: sign(), 2: sign(), 3: sign(), 4: sign() } };
  }),
  valid('C13', 'an unknown extension', (random) =>
    at(below(random), {
      extensions: (made) => [...made, extension(ID.unknown, octets(random.bytes(random.below(40))), 'plain')],
    }),
  ),
  valid('C13', 'an extended key usage that is not critical', (random) =>
    at(below(random), {
      extensions: (made) => [...made, extension('2.5.29.37', sequence(oid('2.5.29.37.0')), 'plain')],
    }),
  ),
  valid('C11', 'a CA that may do more than sign certificates', (random) =>
    at(authority(random), {
      extensions: replaceExtension(
        ID.keyUsage,
        extension(
          ID.keyUsage,
          random.pick([
            bits(Uint8Array.of(0x04), 2),
            bits(Uint8Array.of(0x86), 1),
            bits(Uint8Array.of(0xff, 0x80), 7),
            bits(Uint8Array.of(0x05), 0),
          ]),
          random.pick(['critical', 'plain']),
        ),
      ),
    }),
  ),
  valid('C12', 'a leaf with other usages too', (random) =>
    at(4, {
      extensions: replaceExtension(
        ID.keyUsage,
        extension(
          ID.keyUsage,
          random.pick([bits(Uint8Array.of(0x80), 7), bits(Uint8Array.of(0xc0), 6), bits(Uint8Array.of(0xf8), 3)]),
          random.pick(['critical', 'plain']),
        ),
      ),
    }),
  ),
  valid('C12', 'a leaf without basicConstraints', () => at(4, { extensions: without(ID.basicConstraints) })),
  valid('C7', 'without the key identifier of the issuer', (random) =>
    at(below(random), { extensions: without(ID.authorityKey) }),
  ),
  valid('C7', 'without a key identifier', (random) => at(below(random), { extensions: without('2.5.29.14') })),
  valid('C15', 'another serial number', (random) => {
    const size = random.between(1, 20);
    const number = Uint8Array.from([random.between(1, 255), ...random.bytes(size - 1)]);
    return at(below(random), { serial: unsigned(number) });
  }),
  valid('C8', 'judged in the first second of a certificate', (random) => ({
    ...at(below(random), { notBefore: time(NOW) }),
    fields: { timestamp: NOW },
  })),
  valid('C17', 'the root twice, which certifies itself', () => ({ certificates: [ROOT, ...CHAIN] })),
  valid('C8', 'judged in the last second of a certificate', (random) => at(below(random), { notAfter: time(NOW) })),
  valid('C8', 'until 2050 or later', (random) =>
    at(authority(random), { notAfter: time(Date.UTC(random.between(2_049, 9_999), random.below(12), 28, 23, 59, 59)) }),
  ),
  valid('C8', 'since before 2000', (random) =>
    at(authority(random), { notBefore: time(Date.UTC(random.between(1_950, 2_001), random.below(12), 1)) }),
  ),
  valid('C8', 'judged at any moment of the leaf', (random) => {
    const moment = random.between(NOW / SECOND, LEAF_ENDS / SECOND);
    return { at: moment };
  }),
  valid('C8', 'a child that outlives its issuer', () => at(3, { notAfter: time(NOW + 2_000 * HOUR) })),
  valid('C10', 'wider path lengths', (random) =>
    at(authority(random), {
      extensions: replaceExtension(
        ID.basicConstraints,
        extension(
          ID.basicConstraints,
          random.pick([
            sequence(TRUE),
            sequence(TRUE, unsigned(random.between(2, 255))),
            sequence(TRUE, unsigned(Uint8Array.of(random.between(1, 255), random.below(256)))),
          ]),
          'critical',
        ),
      ),
    }),
  ),
  valid('C17', 'two to eight CAs', (random) => chainOf(random.between(2, 8))),
  valid('C5', 'another key of a CA', (random) => otherKey(random)),
  valid('C5', 'another key of the leaf', (random) => {
    const key = publishedKey(`other leaf ${random.below(1_000_000)}`);
    return { chain: { 4: { spki: p384Key(key.point) } }, signer: key };
  }),
  valid('C6', 'another name of a CA', (random) => {
    const index = random.between(1, 2);
    const name = otherName(random, random.pick(['x', 'x'.repeat(64), 'A.', ' ~']));
    return { chain: { [index]: { subject: name }, [index + 1]: { issuer: name } } };
  }),
  valid('C6', 'more in the name of the leaf', (random) =>
    at(4, { subject: otherName(random, `${MODULE_ID}.${REGION}`) }),
  ),
  valid('C10', 'a self-issued CA, which no path length counts', () => selfIssued()),
];

/** A certificate of exactly this size, by way of an extension that nobody knows. */
export function ofSize(index: number, size: number): NitroEdit {
  let filling = 200;
  // Signatures differ in length by what they sign, so that another filling of the length that fitted may be needed.
  for (let attempt = 0; attempt < 40; attempt++) {
    const value = new Uint8Array(filling).fill(attempt);
    const certificates = chainWith({
      [index]: { extensions: (made) => [...made, extension(ID.unknown, value, 'plain')] },
    });
    const missing = size - (certificates[index] as Uint8Array).length;
    if (missing === 0) return { certificates };
    filling += missing;
  }
  throw new RangeError(`no certificate of ${size} bytes`);
}

/** The instance CA once more with a new key, certified by itself: RFC 5280 section 4.2.1.9 does not count it. */
function selfIssued(): NitroEdit {
  const key = publishedKey('self-issued');
  const again = editCertificate(CHAIN[3] as Uint8Array, publishedKey('instance again'), {
    issuer: subjectOf(CHAIN[3] as Uint8Array),
    spki: p384Key(key.point),
    extensions: without(ID.authorityKey),
  });
  const [root, regional, zonal, instance, leaf] = chainWith({
    3: { spki: p384Key(publishedKey('instance again').point) },
    4: { signer: key },
  }) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return { certificates: [root, regional, zonal, instance, again, leaf] };
}

/** With other attributes around the common name. */
function otherName(random: Random, commonName: string): Uint8Array {
  const attribute = (type: string, value: Uint8Array): Uint8Array => set(sequence(oid(type), value));
  const common = attribute('2.5.4.3', der(random.pick([0x0c, 0x13]), utf8(commonName)));
  const others = Array.from({ length: random.below(16) }, () =>
    attribute(
      random.pick(['2.5.4.6', '2.5.4.10', '2.5.4.11', '1.3.6.1.4.1.99999.2']),
      der(random.pick([0x0c, 0x13, 0x16, 0x14]), random.bytes(random.below(9))),
    ),
  );
  return sequence(...random.shuffled([common, ...others]));
}

function shuffledFields(made: Uint8Array, random: Random): Uint8Array {
  const names = [
    'module_id',
    'digest',
    'timestamp',
    'pcrs',
    'certificate',
    'cabundle',
    'public_key',
    'user_data',
    'nonce',
  ];
  const buffer = Buffer.from(made);
  const starts = names.flatMap((name) => {
    const found = buffer.indexOf(Buffer.from(encodeCbor(name)));
    return found === -1 ? [] : [found];
  });
  const sorted = [...starts].sort((a, b) => a - b);
  const parts = sorted.map((from, index) => made.subarray(from, sorted[index + 1] ?? made.length));
  return concatBytes(made.subarray(0, sorted[0]), ...random.shuffled(parts));
}
