import { bits, NULL, sequence, TRUE, time, unsigned } from '../../../support/der-writer.ts';
import { testKey } from '../../golden/keys.ts';
import { CHAIN, HOUR, KEYS, NOW, SECOND } from '../base.ts';
import type { CaseSpec, Refusal } from '../case.ts';
import {
  type CertificateEdit,
  ECDSA_SHA256,
  editCertificate,
  extension,
  ID,
  nameOf,
  p256Key,
  replaceExtension,
  subjectOf,
} from '../certificate.ts';
import { chainWith, type DocumentEdit } from '../document.ts';
import { malleated, publishedKey } from '../keys.ts';
import { EXPIRED_ROOT, FOREIGN_ROOT, FUTURE_ROOT, foreignKey, SHA256_ROOT } from '../roots.ts';

/** Well-formed evidence whose certificates do not lead to the root. */
const [REGIONAL, ZONAL, INSTANCE_CA, LEAF] = [1, 2, 3, 4] as const;

const refusedAs =
  (...expect: Refusal) =>
  (id: string, list: string, title: string, edit: DocumentEdit, more: Partial<CaseSpec> = {}): CaseSpec => ({
    id: `path-${id}`,
    list,
    title,
    expect,
    edit,
    ...more,
  });

const root = refusedAs('untrusted', 'root_not_trusted', 'C16');
const algorithm = refusedAs('untrusted', 'algorithm_not_allowed', 'C4');
const keyKind = refusedAs('untrusted', 'key_not_allowed', 'C4');
const issuer = refusedAs('untrusted', 'issuer_mismatch', 'C6');
const keyId = refusedAs('untrusted', 'key_identifier_mismatch', 'C7');
const early = refusedAs('untrusted', 'certificate_not_yet_valid', 'C8');
const expired = refusedAs('untrusted', 'certificate_expired', 'C8');
const notCa = refusedAs('untrusted', 'issuer_not_ca', 'C9');
const tooLong = refusedAs('untrusted', 'path_too_long', 'C10');
const caUsage = refusedAs('untrusted', 'ca_key_usage', 'C11');
const leafCa = refusedAs('untrusted', 'leaf_is_ca', 'C12');
const leafUsage = refusedAs('untrusted', 'leaf_key_usage', 'C12');
const critical = refusedAs('untrusted', 'critical_extension_unknown', 'C13');
const forged = refusedAs('untrusted', 'certificate_signature', 'C18');
const forgedDocument = refusedAs('untrusted', 'document_signature', 'N7');

const at = (index: number, edit: CertificateEdit): DocumentEdit => ({ chain: { [index]: edit } });
const constraints = (criticality: 'critical' | 'plain', ...fields: readonly Uint8Array[]): CertificateEdit => ({
  extensions: replaceExtension(ID.basicConstraints, extension(ID.basicConstraints, sequence(...fields), criticality)),
});
const usage = (byte: number, unused: number): CertificateEdit => ({
  extensions: replaceExtension(ID.keyUsage, extension(ID.keyUsage, bits(Uint8Array.of(byte), unused), 'critical')),
});
const without = (id: string): CertificateEdit => ({ extensions: replaceExtension(id, null) });
const withExtension = (id: string, criticality: 'critical' | 'plain'): CertificateEdit => ({
  extensions: (made) => [...made, extension(id, NULL, criticality)],
});
const rearranged = (...order: readonly number[]): DocumentEdit => ({
  certificates: order.map((index) => CHAIN[index] as Uint8Array),
});

const NAMES = ['root', 'regional CA', 'zonal CA', 'instance CA'] as const;
const SLUGS = ['root', 'regional', 'zonal', 'instance'] as const;
const otherName = nameOf(['2.5.4.10', 'SIMULATED'], ['2.5.4.3', 'somebody else']);
const stranger = publishedKey('stranger');

/** The chain below a self-made root that has the right name; no identifier gives its key away. */
const belowForeignRoot = [
  FOREIGN_ROOT,
  chainWith({ [REGIONAL]: { signer: foreignKey, ...without(ID.authorityKey) } })[REGIONAL] as Uint8Array,
  ...CHAIN.slice(2),
];
/** The regional CA certified once more by the zonal CA that it certified. */
const crossSigned = editCertificate(CHAIN[REGIONAL] as Uint8Array, KEYS[ZONAL] as (typeof KEYS)[number], {
  issuer: subjectOf(CHAIN[ZONAL] as Uint8Array),
  ...without(ID.authorityKey),
});
/** Another enclave's leaf, certified by the leaf of this one. */
const leafByLeaf = editCertificate(CHAIN[LEAF] as Uint8Array, KEYS[LEAF] as (typeof KEYS)[number], {
  issuer: subjectOf(CHAIN[LEAF] as Uint8Array),
});

export const pathCases: readonly CaseSpec[] = [
  {
    id: 'ok-child-outlives-parent',
    list: 'X3',
    title: 'a certificate that ends after its issuer, while both are valid',
    expect: 'accepted',
    edit: at(INSTANCE_CA, { notAfter: time(NOW + 2_000 * HOUR) }),
  },
  {
    id: 'ok-unknown-extension',
    list: 'X9',
    title: 'an unknown extension that is not critical',
    expect: 'accepted',
    edit: at(LEAF, withExtension(ID.unknown, 'plain')),
  },
  {
    id: 'ok-critical-leaf-usage',
    list: 'X7',
    title: "the leaf's key usage is critical, which AWS's is not",
    expect: 'accepted',
    edit: at(LEAF, usage(0xc0, 6)),
  },
  {
    id: 'ok-no-key-identifiers',
    list: 'X16',
    title: 'an instance CA without key identifier of its issuer, as AWS made them until 2022',
    expect: 'accepted',
    edit: at(INSTANCE_CA, without(ID.authorityKey)),
  },
  {
    id: 'ok-serial-20',
    list: 'X19',
    title: 'a serial number of 20 bytes after its sign byte',
    expect: 'accepted',
    edit: at(INSTANCE_CA, { serial: unsigned(new Uint8Array(20).fill(0xff)) }),
  },
  {
    id: 'ok-year-2050',
    list: 'X14',
    title: 'a CA until 2050, written as GeneralizedTime',
    expect: 'accepted',
    edit: at(REGIONAL, { notAfter: time(Date.UTC(2050, 0, 1)) }),
  },
  {
    id: 'ok-other-root',
    list: 'X17',
    title: 'another root of the same name, under a policy that names it',
    expect: 'accepted',
    edit: { certificates: belowForeignRoot },
    policy: 'foreign-root',
  },

  root('root-not-pinned', 'V27', 'a chain whose root no policy names', {}, { policy: 'no-root' }),
  root('root-of-others', 'X17', 'a self-signed root with the same name', { certificates: belowForeignRoot }),
  root('simulated-under-hardware', 'P4', 'simulated evidence under a hardware policy', {}, { policy: 'hardware' }),
  root('leaf-first', 'V27', 'the chain in reverse order', rearranged(3, 2, 1, 0, 4)),
  root('no-root', 'V27', 'the CA bundle begins after the root', rearranged(1, 2, 3, 4)),
  algorithm(
    'root-sha256',
    'X11',
    'a pinned root that signed itself with SHA-256',
    { certificates: [SHA256_ROOT, ...CHAIN.slice(1)] },
    {
      policy: 'root-signed-with-sha256',
    },
  ),
  algorithm(
    'leaf-sha256',
    'X11',
    'the leaf names ecdsa-with-SHA256',
    at(LEAF, { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 }),
  ),
  keyKind('key-p256', 'X15', 'a CA with a P-256 key', at(INSTANCE_CA, { spki: p256Key(testKey('corpus').point) })),
  issuer('swapped', 'V27', 'regional and zonal CA change places', rearranged(0, 2, 1, 3, 4)),
  issuer('duplicate', 'V27', 'the regional CA twice', rearranged(0, 1, 1, 2, 3, 4)),
  issuer('gap', 'V27', 'the zonal CA is missing', rearranged(0, 1, 3, 4)),
  issuer(
    'other-issuer',
    'X16',
    'the leaf names another issuer than the one that signed it',
    at(LEAF, { issuer: otherName }),
  ),
  issuer('other-subject', 'X16', 'the CA has another name than the leaf says', at(INSTANCE_CA, { subject: otherName })),
  keyId(
    'other-key-id',
    'X16',
    "the authority key identifier names another key than the issuer's",
    at(INSTANCE_CA, {
      extensions: replaceExtension(
        ID.authorityKey,
        extension(ID.authorityKey, sequence(Uint8Array.of(0x80, 0x02, 0x01, 0x02)), 'plain'),
      ),
    }),
  ),
  ...[REGIONAL, ZONAL, INSTANCE_CA].flatMap((index) => [
    expired(
      `expired-${SLUGS[index]}`,
      'X1',
      `the ${NAMES[index]} ended a second ago`,
      at(index, { notAfter: time(NOW - SECOND) }),
    ),
    early(
      `early-${SLUGS[index]}`,
      'X2',
      `the ${NAMES[index]} begins in a second`,
      at(index, { notBefore: time(NOW + SECOND) }),
    ),
  ]),
  expired('expired-leaf', 'X1', 'the leaf ended a second ago', {
    ...at(LEAF, { notAfter: time(NOW - SECOND) }),
    fields: { timestamp: NOW - 2 * SECOND },
  }),
  early('early-leaf', 'X2', 'the leaf begins in a second', {
    ...at(LEAF, { notBefore: time(NOW + SECOND) }),
    fields: { timestamp: NOW + SECOND },
  }),
  expired(
    'expired-root',
    'X1',
    'the root ended a second ago',
    { certificates: [EXPIRED_ROOT, ...CHAIN.slice(1)] },
    { policy: 'root-expired' },
  ),
  early(
    'early-root',
    'X2',
    'the root begins in a second',
    { certificates: [FUTURE_ROOT, ...CHAIN.slice(1)] },
    { policy: 'root-of-tomorrow' },
  ),
  expired(
    'outlived-parent',
    'X3',
    'a leaf that outlives its CA, judged after the end of the CA',
    {
      ...at(INSTANCE_CA, { notAfter: time(NOW + HOUR) }),
      fields: { timestamp: NOW + HOUR },
    },
    { at: NOW + HOUR + SECOND },
  ),
  notCa('no-constraints', 'X4', 'a CA without basicConstraints', at(INSTANCE_CA, without(ID.basicConstraints))),
  notCa('not-ca', 'X5', 'a CA whose basicConstraints do not say so', at(INSTANCE_CA, constraints('critical'))),
  notCa(
    'constraints-not-critical',
    'X4',
    'a CA whose basicConstraints are not critical',
    at(INSTANCE_CA, constraints('plain', TRUE, unsigned(0))),
  ),
  notCa('leaf-as-issuer', 'X8', 'a leaf that certifies another leaf', { certificates: [...CHAIN, leafByLeaf] }),
  tooLong(
    'path-length-1',
    'X6',
    'two CAs below one that allows one',
    at(REGIONAL, constraints('critical', TRUE, unsigned(1))),
  ),
  tooLong(
    'path-length-0',
    'X6',
    'a CA below one that allows none',
    at(ZONAL, constraints('critical', TRUE, unsigned(0))),
  ),
  tooLong('loop', 'X18', 'a CA that is certified again by the one that it certified', {
    certificates: [...CHAIN.slice(0, 3), crossSigned, ...CHAIN.slice(2)],
  }),
  caUsage('ca-no-usage', 'X7', 'a CA without key usage', at(INSTANCE_CA, without(ID.keyUsage))),
  caUsage('ca-no-cert-sign', 'X7', 'a CA that may sign revocation lists only', at(INSTANCE_CA, usage(0x02, 1))),
  leafCa('leaf-is-ca', 'X8', 'the leaf is marked as a CA', at(LEAF, constraints('critical', TRUE))),
  leafUsage('leaf-no-usage', 'X7', 'the leaf has no key usage', at(LEAF, without(ID.keyUsage))),
  leafUsage('leaf-no-signature', 'X7', 'the leaf may agree on keys only', at(LEAF, usage(0x08, 3))),
  leafUsage('leaf-cert-sign', 'X8', 'the leaf may sign certificates', at(LEAF, usage(0x84, 2))),
  critical(
    'critical-leaf',
    'X9',
    'a critical extension of the leaf that nobody knows',
    at(LEAF, withExtension(ID.unknown, 'critical')),
  ),
  critical(
    'critical-ca',
    'X9',
    'a critical extension of a CA that nobody knows',
    at(ZONAL, withExtension(ID.unknown, 'critical')),
  ),
  critical(
    'critical-name-constraints',
    'X9',
    'critical name constraints, which these chains never have',
    at(REGIONAL, withExtension('2.5.29.30', 'critical')),
  ),
  forged(
    'other-key',
    'X16',
    'the leaf is signed by another key than the one its issuer has',
    at(LEAF, { signer: stranger }),
  ),
  forged(
    'other-key-ca',
    'X16',
    'the regional CA is signed by another key than the root',
    at(REGIONAL, { signer: stranger }),
  ),
  forged('own-key', 'X8', 'the leaf signed itself', at(LEAF, { signer: KEYS[LEAF] as (typeof KEYS)[number] })),
  forgedDocument('document-other-key', 'V14', 'the document is signed by a key of nobody', { signer: stranger }),
  forgedDocument('document-ca-key', 'V14', "the document is signed by the instance CA's key", {
    signer: KEYS[INSTANCE_CA] as (typeof KEYS)[number],
  }),
  forgedDocument('document-other-curve-point', 'V13', 'r of one signature and s of another', {
    signature: (made) => Uint8Array.from([...made.subarray(0, 48), ...malleated(stranger.sign(made)).subarray(48)]),
  }),
];
