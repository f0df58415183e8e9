import { bits, NULL, sequence, TRUE, time, unsigned } from '../../support/der-writer.ts';
import {
  CHAIN,
  INSTANCE_ID,
  KEYS,
  LEAF_BEGINS,
  MODULE_ID,
  NOW,
  REGION,
  ROOT,
  SECOND,
} from '../../vectors/corpus/base.ts';
import {
  type CertificateEdit,
  editCertificate,
  extension,
  ID,
  nameOf,
  p384Key,
  subjectOf,
} from '../../vectors/corpus/certificate.ts';
import { chainWith } from '../../vectors/corpus/document.ts';
import { malleated, publishedKey, rootKey } from '../../vectors/corpus/keys.ts';
import { FOREIGN_ROOT, foreignKey } from '../../vectors/corpus/roots.ts';
import { type Change, changesOf } from '../change.ts';
import type { Random } from '../random.ts';
import { instead } from './certificate.ts';
import type { NitroEdit } from './evidence.ts';

/** Well-formed certificates that break one rule of path validation, signed by whoever they name. */
const broken = changesOf<NitroEdit>('resigned');

const LEAF = 4;
const at = (index: number, edit: CertificateEdit): NitroEdit => ({ chain: { [index]: edit } });
const authority = (random: Random): number => random.between(1, 3);
const below = (random: Random): number => random.between(1, LEAF);
const without = (id: string): CertificateEdit => {
  const replaced = instead(id, NULL);
  return { extensions: (made) => (replaced.extensions?.(made) ?? []).slice(0, -1) };
};
const constraints = (criticality: 'critical' | 'plain', ...fields: readonly Uint8Array[]): CertificateEdit =>
  instead(ID.basicConstraints, extension(ID.basicConstraints, sequence(...fields), criticality));
const usage = (...value: Parameters<typeof bits>): CertificateEdit =>
  instead(ID.keyUsage, extension(ID.keyUsage, bits(...value), 'critical'));
const keyId = (id: Uint8Array): CertificateEdit =>
  instead(ID.authorityKey, extension(ID.authorityKey, sequence(Uint8Array.of(0x80, id.length), id), 'plain'));

const rearranged = (...order: readonly number[]): NitroEdit => ({
  certificates: order.map((index) => CHAIN[index] as Uint8Array),
});
const otherName = nameOf(['2.5.4.10', 'SIMULATED'], ['2.5.4.3', 'somebody else']);
const keyOf = (index: number) => KEYS[index] as (typeof KEYS)[number];
const certificateAt = (index: number): Uint8Array => CHAIN[index] as Uint8Array;
const stranger = publishedKey('stranger');

const leafByLeaf = (): NitroEdit => ({
  certificates: [
    ...CHAIN,
    editCertificate(certificateAt(LEAF), keyOf(LEAF), {
      issuer: subjectOf(certificateAt(LEAF)),
      ...without(ID.authorityKey),
    }),
  ],
});

/** A CA of nobody's below the instance CA, which allows none, and the same leaf certified by it. */
function oneTooMany(random: Random): NitroEdit {
  const key = publishedKey(`one too many ${random.below(1_000)}`);
  const more = editCertificate(certificateAt(3), keyOf(3), {
    issuer: subjectOf(certificateAt(3)),
    subject: otherName,
    spki: p384Key(key.point),
    ...without(ID.authorityKey),
  });
  const leaf = editCertificate(certificateAt(LEAF), key, { issuer: otherName, ...without(ID.authorityKey) });
  return { certificates: [...CHAIN.slice(0, 4), more, leaf] };
}

/** A leaf or an instance CA whose common name is not quite the one that the module id asks for. */
function namesApart(random: Random): NitroEdit {
  const leaf = (name: string): NitroEdit => at(LEAF, { subject: nameOf(['2.5.4.3', name]) });
  const instance = (name: string): NitroEdit => {
    const made = nameOf(['2.5.4.3', name]);
    return { chain: { 3: { subject: made }, 4: { issuer: made } } };
  };
  return random.pick<NitroEdit>([
    leaf(`${MODULE_ID}0.${REGION}`),
    leaf(MODULE_ID),
    leaf(`${MODULE_ID}.`),
    leaf(`${MODULE_ID}.${REGION}.`),
    leaf(`${MODULE_ID}.${REGION}.aws.`),
    leaf(`${MODULE_ID}.${REGION}.awsx`),
    leaf(`${MODULE_ID}.ZZ-1`),
    leaf(`${MODULE_ID}.other-1`),
    leaf(`${MODULE_ID}..aws`),
    leaf(`.${REGION}`),
    { chain: { 4: { subject: nameOf(['2.5.4.10', `${MODULE_ID}.${REGION}`]) } } },
    instance(`${INSTANCE_ID}.${REGION}`),
    instance(`${INSTANCE_ID}.${REGION}.nitro-enclave`),
    instance(`${INSTANCE_ID}.other-1.nitro-enclaves`),
    instance(`${INSTANCE_ID}0.${REGION}.nitro-enclaves`),
    instance(`.${REGION}.nitro-enclaves`),
    instance(`${INSTANCE_ID}.${REGION}.aws.aws.nitro-enclaves`),
    instance(`${INSTANCE_ID}.${REGION}..nitro-enclaves`),
    { fields: { module_id: `${MODULE_ID}0` } },
    { fields: { module_id: INSTANCE_ID } },
    { fields: { module_id: `${INSTANCE_ID}-enc` } },
    { fields: { module_id: MODULE_ID.toUpperCase() } },
  ]);
}

export const pathChanges: readonly Change<NitroEdit>[] = [
  broken('C16', 'path: another root of the same name', () => {
    const regional = chainWith({ 1: { signer: foreignKey, ...without(ID.authorityKey) } })[1] as Uint8Array;
    return { certificates: [FOREIGN_ROOT, regional, ...CHAIN.slice(2)] };
  }),
  broken('C16', 'path: the root signed again with one thing changed', (random) => {
    const root = editCertificate(
      ROOT,
      rootKey,
      random.pick<CertificateEdit>([
        { serial: unsigned(random.between(1, 255)) },
        { notAfter: time(NOW + random.between(1, 1e6) * SECOND) },
        { signature: (fixed) => sequence(...[fixed.subarray(0, 48), malleated(fixed).subarray(48)].map(unsigned)) },
      ]),
    );
    return { certificates: [root, ...CHAIN.slice(1)] };
  }),
  broken('C16', 'path: the root is missing or not first', (random) =>
    random.pick([rearranged(1, 2, 3, 4), rearranged(3, 2, 1, 0, 4), rearranged(4, 4), rearranged(1, 0, 2, 3, 4)]),
  ),
  broken('C17', 'path: in another order, twice or with a gap', (random) =>
    random.pick([
      rearranged(0, 2, 1, 3, 4),
      rearranged(0, 1, 1, 2, 3, 4),
      rearranged(0, 1, 3, 4),
      rearranged(0, 1, 2, 4),
      rearranged(0, 4),
      rearranged(0, 1, 2, 3, 3, 4),
      rearranged(0, 1, 2, 3),
      rearranged(0, 0),
      rearranged(0, 1, 2, 3, 4, 4),
    ]),
  ),
  broken('C6', 'path: another issuer than the one before', (random) => at(below(random), { issuer: otherName })),
  broken('C6', 'path: another subject than the next one names', (random) =>
    at(authority(random), { subject: otherName }),
  ),
  broken('C6', 'path: the same name in another encoding', () => {
    const name = nameOf(['2.5.4.3', 'same']);
    const printable = Uint8Array.from(name, (byte, index) => (index === name.length - 6 ? 0x13 : byte));
    return { chain: { 3: { subject: name }, 4: { issuer: printable } } };
  }),
  broken('C7', 'path: the key identifier of another issuer', (random) =>
    at(random.between(1, 3), keyId(random.bytes(random.pick([1, 20, 32])))),
  ),
  broken('C8', 'path: ended a second ago', (random) => at(below(random), { notAfter: time(NOW - SECOND) })),
  broken('C8', 'path: ended long ago', (random) =>
    at(below(random), {
      notBefore: time(Date.UTC(1_960, 0, 1)),
      notAfter: time(Date.UTC(random.between(1_960, 2_029), 6, 1)),
    }),
  ),
  broken('C8', 'path: begins in a second', (random) => at(below(random), { notBefore: time(NOW + SECOND) })),
  broken('C8', 'path: ends before it begins', (random) =>
    at(below(random), { notBefore: time(NOW + SECOND), notAfter: time(NOW - SECOND) }),
  ),
  broken('C8', 'path: judged before or after its time', (random) => ({
    at: Math.floor(NOW / SECOND) + random.pick([-3_604, -1e6, 10_000, 1e6, 1e8]),
  })),
  broken('C9', 'path: a CA without constraints', (random) => at(authority(random), without(ID.basicConstraints))),
  broken('C9', 'path: constraints that say no CA', (random) => at(authority(random), constraints('critical'))),
  broken('C9', 'path: constraints that are not critical', (random) =>
    at(authority(random), constraints('plain', TRUE, unsigned(3))),
  ),
  broken('C9', 'path: a leaf that certifies', () => leafByLeaf()),
  broken('C10', 'path: a path length that is too short', (random) => {
    const index = random.between(1, 2);
    return at(index, constraints('critical', TRUE, unsigned(random.below(3 - index))));
  }),
  broken('C10', 'path: one CA more than the last one allows', (random) => oneTooMany(random)),
  broken('C11', 'path: a CA without usage', (random) => at(authority(random), without(ID.keyUsage))),
  broken('C11', 'path: a CA that may not sign certificates', (random) =>
    at(
      authority(random),
      random.pick([usage(Uint8Array.of(0x02), 1), usage(Uint8Array.of(0x80), 7), usage(Uint8Array.of(0xfb, 0x80), 7)]),
    ),
  ),
  broken('C12', 'path: the leaf is a CA', () => at(LEAF, constraints('critical', TRUE))),
  broken('C12', 'path: the leaf has no usage', () => at(LEAF, without(ID.keyUsage))),
  broken('C12', 'path: the leaf may not make signatures', (random) =>
    at(LEAF, random.pick([usage(Uint8Array.of(0x08), 3), usage(Uint8Array.of(0x40), 6)])),
  ),
  broken('C12', 'path: the leaf may sign certificates', (random) =>
    at(LEAF, random.pick([usage(Uint8Array.of(0x84), 2), usage(Uint8Array.of(0xc4), 2)])),
  ),
  broken('C13', 'path: a critical extension that nobody knows', (random) =>
    at(below(random), {
      extensions: (made) => [
        ...made,
        extension(random.pick([ID.unknown, '2.5.29.30', '2.5.29.37', '2.5.29.36', '2.5.29.19.1']), NULL, 'critical'),
      ],
    }),
  ),
  broken('N23', 'path: names that do not belong together', (random) => namesApart(random)),
  broken('N25', 'path: a leaf that lives too long', (random) =>
    at(LEAF, { notAfter: time(LEAF_BEGINS + (10_860 + random.pick([1, 60, 1e6])) * SECOND) }),
  ),
  broken('C18', 'path: signed by another key', (random) => at(below(random), { signer: stranger })),
  broken('C18', 'path: signed by itself', (random) => {
    const index = below(random);
    return at(index, { signer: keyOf(index) });
  }),
  broken('C18', 'path: signed by the issuer of its issuer', (random) => {
    const index = random.between(2, LEAF);
    return at(index, { signer: keyOf(index - 2) });
  }),
  broken('C18', 'path: another key in a CA than the one that signs', (random) =>
    at(authority(random), { spki: p384Key(publishedKey(`unused ${random.below(1_000)}`).point) }),
  ),
  broken('N7', 'path: the document signed by another key', (random) => ({
    signer: random.pick([stranger, keyOf(3), keyOf(0), publishedKey(`document ${random.below(1_000)}`)]),
  })),
  broken('N7', 'path: r of one signature and s of another', () => ({
    signature: (made) => Uint8Array.from([...made.subarray(0, 48), ...stranger.sign(made).subarray(48)]),
  })),
];
