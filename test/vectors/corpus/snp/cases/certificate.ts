import type { SnpCertificateRequest } from '../../../../../enclave/simulator/snp/certificate.ts';
import { bits, der, NULL, oid, sequence, TRUE, unsigned } from '../../../../support/der-writer.ts';
import { testKey } from '../../../golden/keys.ts';
import type { Refusal } from '../../case.ts';
import { append, ECDSA_SHA384, elementsIn, extension, ID, p256Key, p384Key } from '../../certificate.ts';
import { editRsa, JUST_OVER, machine, OTHER_CHIP, revocationList, SOON } from '../base.ts';
import type { SnpCaseSpec } from '../case.ts';
import { snpKeys } from '../keys.ts';
import { EDITED_ROOTS } from '../roots.ts';
import {
  AMD,
  altered,
  alteredCa,
  intermediate,
  leaf,
  refusedAs,
  root,
  vendor,
  withExtension,
  withoutKind,
} from './edits.ts';

/** Reports whose certificates no strict reader takes, or do not lead to a root of AMD. */
const malformed = (code: Refusal[1], check: string) => refusedAs('certificate', 'malformed', code, check);
const untrusted = (code: Refusal[1], check: string) => refusedAs('certificate', 'untrusted', code, check);

const renamed = (request: SnpCertificateRequest): SnpCertificateRequest => ({
  ...request,
  issuer: request.issuer.map(([type, value]) => [type, type === 'O' ? 'SOMEBODY ELSE' : value] as const),
});

export const snpCertificateCases: readonly SnpCaseSpec[] = [
  malformed('certificates_invalid', 'X1')('too-many', 'S16', '17 certificates', {
    certificates: (made) => Array.from({ length: 17 }, (_, index) => made[index % 3] as Uint8Array),
  }),
  malformed('der_invalid', 'C1')('trailing', 'X12', 'a zero byte after the leaf', leaf({ whole: append(0) })),
  malformed('certificate_extension', 'C1')(
    'level-of-two-bytes',
    'S8',
    'a patch level of 256',
    altered(vendor(`${AMD}.3.3`, unsigned(Uint8Array.of(1, 0)))),
  ),
  malformed('certificate_extension', 'C1')(
    'struct-version-2',
    'S8',
    'an unknown version of the extensions',
    altered(vendor(`${AMD}.1`, unsigned(2))),
  ),
  malformed('certificate_version', 'C2')(
    'version-1',
    'X13',
    'a leaf of X.509 version 1',
    leaf({ version: der(0xa0, unsigned(0)) }),
  ),
  malformed('certificate_algorithm_mismatch', 'C3')(
    'algorithms-differ',
    'X11',
    'the unsigned algorithm of the leaf is ECDSA',
    leaf({ outerAlgorithm: ECDSA_SHA384 }),
  ),
  malformed('certificate_key', 'C5')(
    'key-off-curve',
    'X15',
    "the leaf's key is not on its curve",
    leaf({ spki: p384Key(Uint8Array.from([4, ...new Uint8Array(96)])) }),
  ),
  malformed('certificate_extension_duplicate', 'C14')(
    'extension-twice',
    'X10',
    'a patch level twice',
    leaf({ extensions: (made) => [...made, made.at(-1) as Uint8Array] }),
  ),
  malformed('certificate_serial', 'C15')(
    'serial-zero-ca',
    'X19',
    'an intermediate with the number 0',
    alteredCa((request) => ({ ...request, serial: Uint8Array.of(0) })),
  ),
  malformed('certificate_serial', 'C15')(
    'serial-negative',
    'X19',
    'a leaf with a negative number',
    leaf({ serial: der(0x02, Uint8Array.of(0x80)) }),
  ),
  malformed('revocation_list_invalid', 'C19.form')('two-lists', 'X20', 'two revocation lists', {
    lists: [revocationList('Genoa'), revocationList('Genoa', { number: 2 })],
  }),
  malformed('revocation_list_invalid', 'C19.form')('list-trailing', 'X20', 'a zero byte after the revocation list', {
    lists: [append(0)(revocationList('Genoa'))],
  }),

  untrusted('chain_incomplete', 'C17')('no-intermediate', 'S16', 'the intermediate is missing', {
    certificates: ([vcek, , ark]) => [vcek, ark] as Uint8Array[],
  }),
  untrusted('chain_incomplete', 'C17')('no-root', 'S16', 'the root is missing', {
    certificates: (made) => made.slice(0, 2),
  }),
  untrusted('chain_incomplete', 'C17')('no-leaf', 'S16', 'the leaf is missing', {
    certificates: (made) => made.slice(1),
  }),
  untrusted('chain_incomplete', 'C17')('no-certificate', 'S16', 'no certificate at all', { certificates: () => [] }),
  untrusted('chain_incomplete', 'C17')('two-leaves', 'S11', 'two chip certificates to choose between', {
    certificates: (made) => [...made, machine({ chipId: OTHER_CHIP }).certificates[0]],
  }),
  untrusted('root_not_trusted', 'C16')('root-not-pinned', 'S16', 'a root that no policy names', { policy: 'no-root' }),
  untrusted('root_not_trusted', 'C16')('simulated-under-hardware', 'P4', 'simulated evidence under a hardware policy', {
    policy: 'hardware',
  }),
  untrusted('algorithm_not_allowed', 'C4')(
    'root-other-padding',
    'S16',
    'a named root that signed itself with PKCS #1 v1.5',
    root(EDITED_ROOTS.otherPadding),
  ),
  untrusted('key_not_allowed', 'C4')(
    'leaf-p256',
    'X15',
    'a leaf with a P-256 key',
    leaf({ spki: p256Key(testKey('corpus').point) }),
  ),
  untrusted('issuer_mismatch', 'C6')(
    'other-issuer',
    'X16',
    'the leaf names an issuer of the right kind and another organisation',
    altered(renamed),
  ),
  untrusted('key_identifier_mismatch', 'C7')(
    'other-key-id',
    'X16',
    "the intermediate's authority key identifier is another's",
    intermediate({
      extensions: (made) =>
        made.map((entry) =>
          Buffer.compare(elementsIn(entry)[0] as Uint8Array, oid(ID.authorityKey)) === 0
            ? extension(ID.authorityKey, sequence(Uint8Array.of(0x80, 0x02, 0x01, 0x02)), 'plain')
            : entry,
        ),
    }),
  ),
  untrusted('certificate_expired', 'C8')(
    'expired-leaf',
    'X1',
    'the leaf ended a second ago',
    altered((request) => ({ ...request, notAfter: JUST_OVER })),
  ),
  untrusted('certificate_not_yet_valid', 'C8')(
    'early-leaf',
    'X2',
    'the leaf begins in a second',
    altered((request) => ({ ...request, notBefore: SOON })),
  ),
  untrusted('certificate_expired', 'C8')(
    'expired-intermediate',
    'X1',
    'the intermediate ended a second ago',
    alteredCa((request) => ({ ...request, notAfter: JUST_OVER })),
  ),
  untrusted('certificate_expired', 'C8')(
    'expired-root',
    'X1',
    'the root ended a second ago',
    root(EDITED_ROOTS.expired),
  ),
  untrusted('certificate_not_yet_valid', 'C8')(
    'early-root',
    'X2',
    'the root begins in a second',
    root(EDITED_ROOTS.early),
  ),
  untrusted('issuer_not_ca', 'C9')(
    'not-a-ca',
    'X4',
    'an intermediate without basicConstraints',
    alteredCa(withoutKind('authority')),
  ),
  untrusted('path_too_long', 'C10')(
    'path-too-long',
    'X6',
    'an intermediate below a root that allows none',
    root(EDITED_ROOTS.noCaBelow),
  ),
  untrusted('ca_key_usage', 'C11')(
    'ca-usage',
    'X7',
    'an intermediate without key usage',
    alteredCa(withoutKind('keyUsage')),
  ),
  untrusted('leaf_is_ca', 'C12')(
    'leaf-is-ca',
    'X8',
    'the leaf is marked as a CA',
    leaf(withExtension(ID.basicConstraints, sequence(TRUE), 'critical')),
  ),
  untrusted('leaf_key_usage', 'C12')(
    'leaf-usage',
    'X8',
    'the leaf may sign certificates',
    leaf(withExtension(ID.keyUsage, bits(Uint8Array.of(0x84), 2), 'critical')),
  ),
  untrusted('critical_extension_unknown', 'C13')(
    'critical',
    'X9',
    'a critical extension that nobody knows',
    leaf(withExtension(ID.unknown, NULL, 'critical')),
  ),
  untrusted('certificate_signature', 'C18')(
    'salt-32',
    'S16',
    'the leaf is signed with a salt of 32 bytes',
    altered((request) => ({ ...request, salt: new Uint8Array(32) })),
  ),
  untrusted('certificate_signature', 'C18')(
    'salt-0',
    'S16',
    'the intermediate is signed without a salt',
    alteredCa((request) => ({ ...request, salt: new Uint8Array(0) })),
  ),
  untrusted('certificate_signature', 'C18')('other-key', 'X16', 'the leaf is signed by the key for lent keys', {
    certificates: ([vcek, ask, ark]) => [editRsa(vcek as Uint8Array, snpKeys.asvk, {}), ask, ark] as Uint8Array[],
  }),
];
