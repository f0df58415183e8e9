import { profiles } from '../../../../../enclave/simulator/snp/product.ts';
import { der } from '../../../../support/der-writer.ts';
import type { Refusal } from '../../case.ts';
import { elementsIn } from '../../certificate.ts';
import {
  CHIP,
  CSP_ID,
  editRsa,
  JUST_OVER,
  type MachineOptions,
  machine,
  OTHER_CHIP,
  revocationList,
  rootOf,
} from '../base.ts';
import type { SnpCaseSpec } from '../case.ts';
import { snpKeys } from '../keys.ts';
import { AMD, altered, refusedAs, vendor, withoutVendor } from './edits.ts';

/** Reports whose certificates are in order and not those of this chip, kind of key, line or TCB. */
const untrusted = (code: Refusal[1], check: string) => refusedAs('endorsement', 'untrusted', code, check);

const genoa = profiles.Genoa.tcb;
/** The certificate is for one TCB and the report claims another, with all else in order. */
const reportedTcb = (change: Partial<typeof genoa>): Partial<SnpCaseSpec> => ({
  guest: { reportedTcb: { ...genoa, ...change } },
  policy: 'any-firmware',
});
/** Certified as much higher as the report does not say. */
const certifiedTcb = (change: Partial<typeof genoa>): Partial<SnpCaseSpec> => ({
  machine: { tcb: { ...genoa, ...change } },
  guest: { reportedTcb: genoa, currentTcb: genoa, committedTcb: genoa, launchTcb: genoa },
});
const milanCertificates = (): readonly Uint8Array[] => machine({ product: 'Milan' }).certificates;
const lent: MachineOptions = { signer: 'vlek' };

export const snpEndorsementCases: readonly SnpCaseSpec[] = [
  untrusted('certificate_revoked', 'S27')('revoked', 'S16', 'the intermediate is on the revocation list', {
    lists: [revocationList('Genoa', { revoked: [{ serial: Uint8Array.of(2, 0, 1), at: JUST_OVER }] })],
  }),
  untrusted('revocation_list_signature', 'S27')('list-of-other-root', 'X20', "another line's revocation list", {
    lists: [revocationList('Turin')],
  }),
  untrusted('revocation_list_signature', 'S27')(
    'list-forged',
    'X20',
    'a revocation list with one bit of its signature flipped',
    {
      lists: [flippedAtEnd(revocationList('Genoa'))],
    },
  ),
  untrusted('endorsement_mismatch', 'S5')(
    'lent-named-chip-shown',
    'S11',
    'a report that names a lent key, with the certificate of the chip key that signed it',
    {
      guest: { signingKey: 1 },
      policy: 'any-cloud',
    },
  ),
  untrusted('endorsement_mismatch', 'S5')(
    'chip-named-lent-shown',
    'S11',
    'a report that names a chip key, with the certificate of the lent key that signed it',
    {
      machine: lent,
      guest: { signingKey: 0, chipId: CHIP },
    },
  ),
  untrusted('endorsement_mismatch', 'S5')(
    'chip-and-cloud',
    'S11',
    'a chip certificate that names a cloud too',
    altered((request) => ({
      ...request,
      extensions: [
        ...request.extensions,
        { kind: 'vendor', id: `${AMD}.5`, value: der(0x16, new TextEncoder().encode(CSP_ID)) },
      ],
    })),
  ),
  untrusted('report_unsigned', 'S5')('unsigned', 'S11', 'a report that says that no key signed it', {
    guest: { signingKey: 7 },
    policy: 'any-cloud',
  }),
  untrusted('report_unsigned', 'S5')('chip-key-masked', 'S11', 'a report that says that its chip key is not in use', {
    guest: { chipKeyMasked: true },
  }),
  untrusted('product_mismatch', 'S7')('other-product', 'S12', 'Genoa, where the caller expects Milan', {
    product: 'Milan',
  }),
  untrusted('product_mismatch', 'S7')('milan-cpu', 'S12', 'the CPU of Milan with the certificates of Genoa', {
    guest: { cpu: profiles.Milan.cpu },
    policy: 'any-firmware',
  }),
  untrusted('product_mismatch', 'S7')(
    'other-chain',
    'S12',
    'the leaf of Genoa below the intermediate and root of Milan',
    {
      certificates: ([vcek]) => [
        editRsa(vcek as Uint8Array, snpKeys.ask, { issuer: issuerName('Milan') }),
        ...milanCertificates().slice(1),
      ],
      lists: [revocationList('Milan')],
    },
  ),
  untrusted('product_unknown', 'S7')('unknown-cpu', 'S12', 'a CPU that nobody knows', {
    guest: { cpu: { family: 0x1b, model: 0, stepping: 0 } },
    policy: 'any-firmware',
  }),
  untrusted('product_unknown', 'S7')(
    'no-product',
    'S12',
    'a leaf without a product name',
    altered(withoutVendor(`${AMD}.2`)),
  ),
  ...(['bootloader', 'snp', 'microcode'] as const).flatMap((name) => [
    untrusted('tcb_mismatch', 'S9')(
      `${name}-lower`,
      'S8',
      `the reported ${name} is one below the certified`,
      reportedTcb({ [name]: genoa[name] - 1 }),
    ),
    untrusted('tcb_mismatch', 'S9')(
      `${name}-higher`,
      'S8',
      `the certified ${name} is one below the reported`,
      certifiedTcb({ [name]: genoa[name] - 1 }),
    ),
  ]),
  untrusted('tcb_mismatch', 'S9')(
    'tee-higher',
    'S8',
    'the certified tee is one above the reported',
    certifiedTcb({ tee: genoa.tee + 1 }),
  ),
  untrusted('tcb_mismatch', 'S9')(
    'level-missing',
    'S8',
    'a patch level that the certificate leaves out',
    altered(withoutVendor(`${AMD}.3.6`)),
  ),
  untrusted('tcb_mismatch', 'S9')('turin-as-zen4', 'S14', "Turin's reported TCB in the layout of Genoa", {
    machine: { product: 'Turin' },
    guest: { patches: [{ offset: 0x180, bytes: Uint8Array.of(1, 0, 0, 0, 0, 0, 2, 71) }] },
    policy: 'any-firmware',
  }),
  untrusted('chip_mismatch', 'S13')('other-chip', 'S10', 'a chip id that the certificate is not for', {
    guest: { chipId: OTHER_CHIP },
    policy: 'any-chip',
  }),
  untrusted('chip_mismatch', 'S13')(
    'short-chip',
    'S10',
    'a hardware id of 63 bytes',
    altered(vendor(`${AMD}.4`, CHIP.slice(0, 63))),
  ),
  untrusted('chip_mismatch', 'S13')('turin-tail', 'S14', "Turin's chip id with a byte after its eight", {
    machine: { product: 'Turin' },
    guest: { patches: [{ offset: 0x1a8, bytes: Uint8Array.of(1) }] },
    policy: 'any-chip',
  }),
];

function flippedAtEnd(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes, (byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));
}

function issuerName(product: 'Milan'): Uint8Array {
  return elementsIn(elementsIn(rootOf(product).ask.certificate)[0] as Uint8Array)[5] as Uint8Array;
}
