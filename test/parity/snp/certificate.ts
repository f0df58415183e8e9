import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { bits, der, NULL, oid, sequence, TRUE, time, unsigned } from '../../support/der-writer.ts';
import { KEYS, NOW, SECOND } from '../../vectors/corpus/base.ts';
import {
  type CertificateEdit,
  ECDSA_SHA256,
  ECDSA_SHA384,
  extension,
  ID,
  nameOf,
  p384Key,
  subjectOf,
} from '../../vectors/corpus/certificate.ts';
import { AMD } from '../../vectors/corpus/snp/cases/edits.ts';
import { snpKeys } from '../../vectors/corpus/snp/keys.ts';
import { type Change, changesOf } from '../change.ts';
import { encodingChanges, instead } from '../nitro/certificate.ts';
import type { Random } from '../random.ts';
import { rootOf, type SnpEdit } from './evidence.ts';
import { ofSize, type SnpDraw } from './valid.ts';

/** One rule of a certificate broken, and signed by the authority above it. */
const broken = (check: string, kind: string, draw: (random: Random, start: SnpEdit) => SnpEdit): Change<SnpDraw> =>
  changesOf<SnpDraw>('resigned')(check, `certificate: ${kind}`, (random) => (start) => draw(random, start));

const either = (random: Random, edit: CertificateEdit): SnpEdit =>
  random.once(2) ? { leaf: edit } : { intermediate: edit };
const without = (id: string): CertificateEdit => ({
  extensions: (made) => made.filter((entry) => !Buffer.from(entry).includes(Buffer.from(oid(id)))),
});
const added = (entry: Uint8Array): CertificateEdit => ({ extensions: (made) => [...made, entry] });
const usage = (...value: Parameters<typeof bits>): Uint8Array => extension(ID.keyUsage, bits(...value), 'critical');
const constraints = (criticality: 'critical' | 'plain', ...fields: readonly Uint8Array[]): Uint8Array =>
  extension(ID.basicConstraints, sequence(...fields), criticality);
const vendor = (arc: string, value: Uint8Array): CertificateEdit =>
  instead(`${AMD}.${arc}`, extension(`${AMD}.${arc}`, value, 'plain'));
const ia5 = (text: string): Uint8Array => der(0x16, utf8(text));

/** RSASSA-PSS with these parameters. */
const pss = (hash: number, salt: number, ...trailer: readonly Uint8Array[]): Uint8Array => {
  const digest = sequence(der(0x06, Uint8Array.of(0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash)), NULL);
  const mask = sequence(oid('1.2.840.113549.1.1.8'), digest);
  const parameters = sequence(der(0xa0, digest), der(0xa1, mask), der(0xa2, unsigned(salt)), ...trailer);
  return sequence(oid('1.2.840.113549.1.1.10'), parameters);
};
const both = (algorithm: Uint8Array): CertificateEdit => ({ innerAlgorithm: algorithm, outerAlgorithm: algorithm });

/** What is said of ECDSA, of positive serial numbers and of P-384 keys in CAs does not hold here, and is said below. */
const OF_NITRO_ALONE: readonly string[] = [
  'serial number',
  'two algorithms',
  'another algorithm',
  'an algorithm that is none',
  'name',
  'key of another kind',
  'key that is no point',
  'key that is badly written',
  'usage that is badly written',
  'signature that is badly written',
  'signature out of range',
];
const KEYS_OF_LEAVES: readonly string[] = ['key that is no point', 'key that is badly written'];

const shared = encodingChanges
  .filter(({ kind }) => !OF_NITRO_ALONE.includes(kind))
  .map(({ check, kind, draw }) => broken(check, kind, (random) => either(random, draw(random, 1))));
const leafKeys = encodingChanges
  .filter(({ kind }) => KEYS_OF_LEAVES.includes(kind))
  .map(({ check, kind, draw }) => broken(check, `leaf ${kind}`, (random) => ({ leaf: draw(random, 4) })));

const rsaKey = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
  sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(sequence(unsigned(modulus), unsigned(exponent))));

export const certificateChanges: readonly Change<SnpDraw>[] = [
  ...shared,
  ...leafKeys,
  broken('X1', 'one byte too many', (random) => ofSize(random.pick(['leaf', 'intermediate']), 4_097)),
  broken('C15', 'serial number', (random) =>
    either(random, {
      serial: random.pick([
        der(0x02, Uint8Array.of(0x80)),
        unsigned(new Uint8Array(21).fill(0x7f)),
        unsigned(new Uint8Array(21).fill(0xff)),
        der(0x02, Uint8Array.of(0, 1)),
        der(0x02),
      ]),
    }),
  ),
  broken('C15', 'an intermediate with the number 0', () => ({ intermediate: { serial: unsigned(0) } })),
  broken('C3', 'two algorithms', (random) =>
    either(random, { outerAlgorithm: random.pick([ECDSA_SHA384, ECDSA_SHA256, pss(2, 32)]) }),
  ),
  broken('C4', 'another algorithm', (random) =>
    either(
      random,
      both(
        random.pick([
          ECDSA_SHA384,
          sequence(oid('1.2.840.113549.1.1.12'), NULL),
          pss(1, 48),
          pss(3, 48),
          pss(2, 32),
          pss(2, 64),
          pss(2, 48, der(0xa3, unsigned(2))),
        ]),
      ),
    ),
  ),
  broken('C1', 'an algorithm that is none', (random) =>
    either(random, both(random.pick([sequence(NULL), sequence(), NULL, sequence(oid('1.2.840.113549.1.1.10'))]))),
  ),
  broken('C4', 'key of another kind', (random) =>
    random.pick<SnpEdit>([
      { leaf: { spki: rsaKey(snpKeys.ask.modulus, Uint8Array.of(1, 0, 1)) } },
      { intermediate: { spki: p384Key((KEYS[1] as (typeof KEYS)[number]).point) } },
      { intermediate: { spki: rsaKey(snpKeys.ask.modulus, Uint8Array.of(3)) } },
      { intermediate: { spki: rsaKey(snpKeys.ask.modulus.subarray(256), Uint8Array.of(1, 0, 1)) } },
      { intermediate: { spki: rsaKey(concatBytes(Uint8Array.of(1), snpKeys.ask.modulus), Uint8Array.of(1, 0, 1)) } },
    ]),
  ),
  broken('C8', 'ended a second ago', (random) => either(random, { notAfter: time(NOW - SECOND) })),
  broken('C8', 'begins in a second', (random) => either(random, { notBefore: time(NOW + SECOND) })),
  broken('C8', 'judged before or after its time', (random) => ({
    at: NOW / SECOND + random.pick([-86_401, -1e8, 1e9]),
  })),
  broken('C6', 'another issuer', (random) =>
    either(random, { issuer: nameOf(['2.5.4.10', 'SOMEBODY ELSE'], ['2.5.4.3', 'SEV-Genoa']) }),
  ),
  broken('C6', 'the same common name of somebody else', (_random, { product = 'Genoa', signer = 'vcek' }) => ({
    intermediate: {
      subject: nameOf(['2.5.4.10', 'ELSE'], ['2.5.4.3', `SEV-${signer === 'vlek' ? 'VLEK-' : ''}${product}`]),
    },
  })),
  broken('C7', 'the key identifier of another issuer', (random) => ({
    intermediate: instead(
      ID.authorityKey,
      extension(ID.authorityKey, sequence(Uint8Array.of(0x80, 2), random.bytes(2)), 'plain'),
    ),
  })),
  broken('C9', 'an intermediate without constraints', () => ({ intermediate: without(ID.basicConstraints) })),
  broken('C9', 'an intermediate that is no CA', (random) => ({
    intermediate: instead(ID.basicConstraints, random.pick([constraints('critical'), constraints('plain', TRUE)])),
  })),
  broken('C11', 'an intermediate without usage', () => ({ intermediate: without(ID.keyUsage) })),
  broken('C11', 'an intermediate that may not sign certificates', (random) => ({
    intermediate: instead(ID.keyUsage, random.pick([usage(Uint8Array.of(0x02), 1), usage(Uint8Array.of(0x80), 7)])),
  })),
  broken('C12', 'the leaf is a CA', () => ({ leaf: added(constraints('critical', TRUE)) })),
  broken('C12', 'the leaf may not make signatures', (random) => ({
    leaf: added(
      random.pick([usage(Uint8Array.of(0x84), 2), usage(Uint8Array.of(0x08), 3), usage(Uint8Array.of(0x04), 2)]),
    ),
  })),
  broken('C13', 'a critical extension that nobody knows', (random) =>
    either(random, added(extension(random.pick([ID.unknown, '2.5.29.30', `${AMD}.6`]), NULL, 'critical'))),
  ),
  broken('C16', 'the root signed again with one thing changed', (random) => ({
    root: random.pick<CertificateEdit>([
      { serial: unsigned(9) },
      { notAfter: time(NOW + random.between(1, 1e6) * SECOND) },
    ]),
  })),
  broken('C16', 'a root that is not among the anchors', () => ({
    root: { signer: { point: new Uint8Array(0), sign: (message) => snpKeys.asvk.sign(message, new Uint8Array(48)) } },
  })),
  broken('C17', 'one of them twice and another missing', (random) => {
    const order = random.pick([
      [0, 2, 2],
      [0, 0, 2],
      [0, 1, 1],
      [1, 1, 2],
    ]);
    return { certificates: (made) => order.map((index) => made[index]) as unknown as typeof made };
  }),
  broken('S7', 'the intermediate and root of another line', (random, { product = 'Genoa', signer = 'vcek' }) => {
    const other = rootOf(random.pick((['Milan', 'Genoa', 'Turin'] as const).filter((line) => line !== product)));
    const issuer = signer === 'vcek' ? other.ask : other.asvk;
    return {
      leaf: { issuer: subjectOf(issuer.certificate) },
      certificates: ([leaf]) => [leaf, issuer.certificate, other.ark.certificate],
    };
  }),
  broken('S5', 'the intermediate for the other kind of key', (_random, { product = 'Genoa', signer = 'vcek' }) => {
    const { ask, asvk } = rootOf(product);
    const [issuer, key] = signer === 'vcek' ? [asvk, snpKeys.asvk] : [ask, snpKeys.ask];
    return {
      leaf: { issuer: subjectOf(issuer.certificate) },
      leafSigner: key,
      certificates: ([leaf, , root]) => [leaf, issuer.certificate, root],
    };
  }),
  broken('S5', 'a leaf of another name', (random) => ({
    leaf: {
      subject: nameOf(['2.5.4.3', random.pick(['SEV-VCEK ', 'SEV-VXEK', 'SEV-Genoa', 'ARK-Genoa', 'sev-vcek'])]),
    },
  })),
  broken('S5', 'the name of the other kind of key', (_random, { signer = 'vcek' }) => ({
    leaf: { subject: nameOf(['2.5.4.3', signer === 'vcek' ? 'SEV-VLEK' : 'SEV-VCEK']) },
  })),
  broken('S5', 'a chip and a cloud', (random, { signer = 'vcek' }) => ({
    leaf: signer === 'vcek' ? vendor('5', ia5('CN=cloud')) : vendor('4', random.bytes(64)),
  })),
  broken('S5', 'neither a chip nor a cloud', (_random, { signer = 'vcek' }) => ({
    leaf: without(`${AMD}.${signer === 'vcek' ? 4 : 5}`),
  })),
  broken('S7', 'no product, or an unknown one', (random) => ({
    leaf: random.pick([
      without(`${AMD}.2`),
      ...['Rome', 'genoa', 'Genoa-b0', 'Genoa-', 'Turin-B10'].map((name) => vendor('2', ia5(name))),
    ]),
  })),
  broken('S7', 'the product of another line', (random, { product = 'Genoa' }) => ({
    leaf: vendor('2', ia5(random.pick(['Milan', 'Genoa', 'Turin'].filter((name) => name !== product)))),
  })),
  broken('S9', 'a level is left out', (random, { product = 'Genoa' }) => ({
    leaf: without(`${AMD}.3.${random.pick(product === 'Turin' ? [1, 2, 3, 5, 6, 7, 8, 9] : [1, 2, 3, 4, 5, 6, 7, 8])}`),
  })),
  broken('S9', 'a level that is badly written', (random) => ({
    leaf: vendor(
      `3.${random.pick([1, 2, 3, 8])}`,
      random.pick([
        unsigned(Uint8Array.of(1, 0)),
        der(0x02, Uint8Array.of(0xff)),
        der(0x02),
        NULL,
        concatBytes(unsigned(4), NULL),
        der(0x04, Uint8Array.of(4)),
      ]),
    ),
  })),
  broken('S9', 'extensions of an unknown version', (random) => ({
    leaf: vendor('1', random.pick([unsigned(2), unsigned(255), unsigned(Uint8Array.of(1, 0)), NULL])),
  })),
  broken('C1', 'a product or cloud that is badly written', (random, { signer = 'vcek' }) => ({
    leaf: vendor(
      signer === 'vlek' ? random.pick(['2', '5']) : '2',
      random.pick([
        ia5(''),
        ia5('x'.repeat(129)),
        ia5('a\n'),
        der(0x0c, utf8('Genoa')),
        utf8('Genoa'),
        new Uint8Array(0),
      ]),
    ),
  })),
  broken('S13', 'a hardware id of another length', (random) => ({
    signer: 'vcek',
    leaf: vendor('4', random.bytes(random.pick([0, 1, 7, 9, 63, 65]))),
  })),
  broken('S13', 'the hardware id of another chip', (random, { product = 'Genoa' }) => ({
    signer: 'vcek',
    leaf: vendor('4', random.bytes(product === 'Turin' ? 8 : 64)),
  })),
  broken('C18', 'the leaf signed by another key', (random, { signer = 'vcek' }) => ({
    leafSigner: random.pick([snpKeys.ark, signer === 'vcek' ? snpKeys.asvk : snpKeys.ask]),
  })),
  broken('C18', 'the intermediate signed by another key', (random) => ({
    intermediateSigner: random.pick([snpKeys.ask, snpKeys.asvk]),
  })),
  broken('C18', 'another salt than the algorithm says', (random) => {
    const salt = random.bytes(random.pick([0, 20, 32, 47, 49, 64]));
    const by = (key: typeof snpKeys.ask) => ({
      signer: { point: new Uint8Array(0), sign: (message: Uint8Array) => key.sign(message, salt) },
    });
    return random.once(2) ? { intermediate: by(snpKeys.ark) } : { signer: 'vcek', leaf: by(snpKeys.ask) };
  }),
  broken('C18', 'a signature of another length', (random) =>
    either(random, {
      signature: random.pick<(made: Uint8Array) => Uint8Array>([
        (made) => made.subarray(0, 511),
        (made) => concatBytes(Uint8Array.of(0), made),
        () => new Uint8Array(0),
        () => new Uint8Array(512).fill(0xff),
        () => new Uint8Array(512),
      ]),
    }),
  ),
];
