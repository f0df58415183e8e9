import { describe, expect, it } from 'vitest';
import { requireAccepted, type SnpOptions, type UntrustedCode } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { Suite } from '../../../wire/crypto/suite.ts';
import {
  basicConstraints,
  CA_USAGE,
  ECDSA_SHA384,
  extension,
  LEAF_USAGE,
  NOW,
  testKey,
  validity,
} from '../../support/certificates.ts';
import { bits, der, NULL, name, octets, oid, sequence, unsigned } from '../../support/der-writer.ts';
import {
  caKey,
  INTERMEDIATE_SERIAL,
  ia5,
  pss,
  revocationEntry,
  revocationList,
  rsaTestKey,
  snpRoot,
} from '../../support/snp-certificates.ts';
import {
  profiles,
  type SnpChanges,
  snpCertificates,
  snpEvidence,
  snpPolicy,
  snpReport,
  snpRulingOn,
  verifySnp,
} from '../../support/snp-evidence.ts';

const DAY = 86_400_000;
const anyProduct = snpPolicy({
  products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
});
const other = rsaTestKey();
const levels = (product: 'Genoa' | 'Turin', changes: { readonly [spl: string]: number | undefined }): SnpChanges => {
  const entries = Object.entries({ ...profiles[product].endorsement.levels, ...changes });
  const kept = Object.fromEntries(entries.filter(([, level]) => level !== undefined));
  return { product, endorsement: { levels: kept } };
};
const leafExtensions = (more: readonly Uint8Array[]): SnpChanges => ({ endorsement: { more } });
/** RSAPublicKey, as it lies in the bit string of a key. */
const rsaNumbers = caKey.spki.subarray(24);
const vlek = snpCertificates({ kind: 'VLEK' });
const vcek = snpCertificates();

interface TrustCase {
  readonly says: string;
  readonly code: UntrustedCode | 'accepted';
  readonly evidence: SnpChanges;
  readonly options?: Partial<SnpOptions>;
}

const chainCases: readonly TrustCase[] = [
  { says: 'no certificates', code: 'chain_incomplete', evidence: { certificates: [] } },
  { says: 'an endorsement certificate alone', code: 'chain_incomplete', evidence: { certificates: vcek.slice(2) } },
  { says: 'no intermediate', code: 'chain_incomplete', evidence: { certificates: [vcek[0], vcek[2]] as Uint8Array[] } },
  { says: 'no root', code: 'chain_incomplete', evidence: { certificates: vcek.slice(1) } },
  { says: 'no endorsement certificate', code: 'chain_incomplete', evidence: { certificates: vcek.slice(0, 2) } },
  {
    says: 'two intermediates of one name',
    code: 'chain_incomplete',
    evidence: { certificates: [...vcek, snpCertificates()[1] as Uint8Array] },
  },
  {
    says: 'two endorsement certificates of one kind',
    code: 'chain_incomplete',
    evidence: { certificates: [...vcek, snpCertificates()[2] as Uint8Array] },
  },
  { says: 'two roots', code: 'chain_incomplete', evidence: { certificates: [...vcek, snpRoot('Turin')] } },
  { says: 'certificates in another order', code: 'accepted', evidence: { certificates: [...vcek].reverse() } },
  { says: 'certificates twice', code: 'accepted', evidence: { certificates: [...vcek, ...vcek] } },
  {
    says: 'both kinds of endorsement certificate',
    code: 'accepted',
    evidence: { certificates: [...vlek, ...vcek] },
  },
  {
    says: 'both kinds, for a report by a VLEK',
    code: 'accepted',
    evidence: { kind: 'VLEK', certificates: [...vlek, ...vcek] },
  },
  { says: 'another root of the same name', code: 'root_not_trusted', evidence: { chain: { root: {} } } },
  {
    says: 'S16 an intermediate signed with a salt of 32 bytes',
    code: 'algorithm_not_allowed',
    evidence: { chain: { intermediate: { algorithm: pss(32), salt: 32 } } },
  },
  {
    says: 'a leaf that says a salt of 48 bytes and has one of 32',
    code: 'certificate_signature',
    evidence: { chain: { leaf: { salt: 32 } } },
  },
  {
    says: 'a trailer field that is not 1',
    code: 'algorithm_not_allowed',
    evidence: {
      chain: { leaf: { algorithm: sequence(oid('1.2.840.113549.1.1.10'), sequence(der(0xa3, unsigned(2)))) } },
    },
  },
  {
    says: 'RSA without PSS',
    code: 'algorithm_not_allowed',
    evidence: { chain: { leaf: { algorithm: sequence(oid('1.2.840.113549.1.1.12'), NULL) } } },
  },
  {
    says: 'an intermediate with a key of 2048 bits',
    code: 'key_not_allowed',
    evidence: { chain: { intermediate: { spki: rsaTestKey(2048).spki } } },
  },
  ...(
    [
      ['rsaEncryption without its NULL', sequence(oid('1.2.840.113549.1.1.1'))],
      ['rsaEncryption with more than its NULL', sequence(oid('1.2.840.113549.1.1.1'), NULL, NULL)],
      ['an RSA key only for PSS', sequence(oid('1.2.840.113549.1.1.10'), NULL)],
    ] as const
  ).map(
    ([says, algorithm]): TrustCase => ({
      says: `an intermediate with ${says}`,
      code: 'key_not_allowed',
      evidence: { chain: { intermediate: { spki: sequence(algorithm, bits(rsaNumbers)) } } },
    }),
  ),
  {
    says: 'a leaf signed with ECDSA',
    code: 'algorithm_not_allowed',
    evidence: {
      chain: {
        leaf: { algorithm: ECDSA_SHA384, signature: () => sequence(unsigned(1), unsigned(1)) },
      },
    },
  },
  {
    says: 'a leaf with an RSA key',
    code: 'key_not_allowed',
    evidence: { chain: { leaf: { spki: caKey.spki } } },
  },
  {
    says: 'an intermediate by another root',
    code: 'issuer_mismatch',
    evidence: { chain: { intermediate: { issuer: name('ARK-Turin') } } },
  },
  {
    says: 'X1 a leaf that ended a second ago',
    code: 'certificate_expired',
    evidence: { chain: { leaf: { validity: validity(NOW - DAY, NOW - 1_000) } } },
  },
  {
    says: 'an intermediate that begins in a second',
    code: 'certificate_not_yet_valid',
    evidence: { chain: { intermediate: { validity: validity(NOW + 1_000, NOW + DAY) } } },
  },
  {
    says: 'X5 an intermediate that is no CA',
    code: 'issuer_not_ca',
    evidence: { chain: { intermediate: { extensions: [CA_USAGE] } } },
  },
  {
    says: 'X7 an intermediate that may not sign',
    code: 'ca_key_usage',
    evidence: { chain: { intermediate: { extensions: [basicConstraints('ca', 0)] } } },
  },
  { says: 'X8 a leaf that is a CA', code: 'leaf_is_ca', evidence: leafExtensions([basicConstraints('ca')]) },
  { says: 'a leaf with the usage to sign certificates', code: 'leaf_key_usage', evidence: leafExtensions([CA_USAGE]) },
  { says: 'a leaf with a key usage that fits', code: 'accepted', evidence: leafExtensions([LEAF_USAGE]) },
  {
    says: 'X9 an unknown critical extension',
    code: 'critical_extension_unknown',
    evidence: leafExtensions([extension('1.2.3.4', octets(new Uint8Array(1)), 'critical')]),
  },
  {
    says: 'an intermediate signed by another key',
    code: 'certificate_signature',
    evidence: { chain: { intermediate: { signer: other.privateKey } } },
  },
  {
    says: 'a leaf signed by another key',
    code: 'certificate_signature',
    evidence: { chain: { leaf: { signer: other.privateKey } } },
  },
  {
    says: 'an intermediate with another key than signed the leaf',
    code: 'certificate_signature',
    evidence: { chain: { intermediate: { spki: other.spki } } },
  },
];

const endorsementCases: readonly TrustCase[] = [
  { says: 'a report that no key signed', code: 'report_unsigned', evidence: { patches: { 72: [7 << 2] } } },
  { says: 'a VCEK behind a masked chip key', code: 'report_unsigned', evidence: { patches: { 72: [2] } } },
  { says: 'S11 a report by a VLEK with a VCEK', code: 'endorsement_mismatch', evidence: { patches: { 72: [4] } } },
  {
    says: 'S11 a report by a VCEK with a VLEK',
    code: 'endorsement_mismatch',
    evidence: { certificates: vlek },
  },
  { says: 'a VCEK with a cloud', code: 'endorsement_mismatch', evidence: { endorsement: { cspId: ia5('CN=x') } } },
  { says: 'a VCEK without a chip', code: 'endorsement_mismatch', evidence: { endorsement: { hardwareId: null } } },
  {
    says: 'a VLEK without a cloud',
    code: 'endorsement_mismatch',
    evidence: { kind: 'VLEK', endorsement: { cspId: null } },
  },
  {
    says: 'a VLEK with a chip',
    code: 'endorsement_mismatch',
    evidence: { kind: 'VLEK', endorsement: { hardwareId: profiles.Genoa.chipId } },
  },
  {
    says: 'a VCEK by the intermediate of VLEKs',
    code: 'endorsement_mismatch',
    evidence: {
      chain: { intermediate: { subject: name('SEV-VLEK-Genoa') }, leaf: { issuer: name('SEV-VLEK-Genoa') } },
    },
  },
  {
    says: 'S12 a Milan certificate in a Genoa chain',
    code: 'product_mismatch',
    evidence: { endorsement: { productName: ia5('Milan-B0') } },
  },
  {
    says: 'S12 a Milan report with a Genoa chain',
    code: 'product_mismatch',
    evidence: { patches: { 392: profiles.Milan.cpu } },
  },
  {
    says: 'S12 a Genoa intermediate under the root of Turin',
    code: 'product_mismatch',
    evidence: {
      certificates: [
        snpRoot('Turin'),
        ...snpCertificates({ chain: { intermediate: { issuer: name('ARK-Turin') } } }).slice(1),
      ],
    },
  },
  {
    says: 'a certificate without a product',
    code: 'product_unknown',
    evidence: { endorsement: { productName: null } },
  },
  {
    says: 'a product that nobody knows',
    code: 'product_unknown',
    evidence: { endorsement: { productName: ia5('Venice') } },
  },
  ...(
    [
      [0x17, 0x31],
      [0x19, 0x20],
      [0x19, 0x9f],
      [0x19, 0xb0],
      [0x1a, 0x12],
      [0x1a, 0x50],
    ] as const
  ).map(
    ([family, model]): TrustCase => ({
      says: `a CPU of family ${family}, model ${model}`,
      code: 'product_unknown',
      evidence: { patches: { 392: [family, model, 0] } },
    }),
  ),
  { says: 'Siena under Genoa', code: 'accepted', evidence: { patches: { 392: [0x19, 0xa0, 2] } } },
  { says: 'a product that the caller expects', code: 'accepted', evidence: {}, options: { product: 'Genoa' } },
  {
    says: 'another product than the caller expects',
    code: 'product_mismatch',
    evidence: { version: 2 },
    options: { product: 'Milan', policy: snpPolicy({ reportVersions: [2] }) },
  },
  ...['bootloader', 'tee', 'snp', 'spl4', 'spl5', 'spl6', 'spl7', 'microcode'].flatMap((spl): readonly TrustCase[] => {
    const known = profiles.Genoa.endorsement.levels[spl as 'snp'] as number;
    return [
      {
        says: `S8 a certificate for ${spl} + 1`,
        code: 'tcb_mismatch',
        evidence: levels('Genoa', { [spl]: known + 1 }),
      },
      { says: `a certificate without ${spl}`, code: 'tcb_mismatch', evidence: levels('Genoa', { [spl]: undefined }) },
    ];
  }),
  { says: 'S14 another fmc on Turin', code: 'tcb_mismatch', evidence: levels('Turin', { fmc: 4 }) },
  { says: 'no fmc on Turin', code: 'tcb_mismatch', evidence: levels('Turin', { fmc: undefined }) },
  {
    says: 'S14 a Turin report in the layout of Genoa',
    code: 'tcb_mismatch',
    evidence: { product: 'Turin', patches: { 384: [1, 0, 0, 0, 0, 0, 2, 0x47] } },
  },
  {
    says: 'S10 another chip',
    code: 'chip_mismatch',
    evidence: { endorsement: { hardwareId: new Uint8Array(64).fill(9) } },
  },
  {
    says: 'a wrapped hardware id',
    code: 'chip_mismatch',
    evidence: { endorsement: { hardwareId: octets(profiles.Genoa.chipId) } },
  },
  {
    says: 'a short hardware id before Turin',
    code: 'chip_mismatch',
    evidence: {
      patches: { 416: new Uint8Array(64).fill(0, 8) },
      endorsement: { hardwareId: profiles.Genoa.chipId.slice(0, 8) },
    },
  },
  {
    says: 'a chip id of Turin with something behind it',
    code: 'chip_mismatch',
    evidence: { product: 'Turin', patches: { 479: [1] } },
  },
  {
    says: 'S21 r and s with their bytes turned around',
    code: 'report_signature',
    evidence: {
      signedPatches: { 672: snpReport().slice(672, 720).reverse(), 744: snpReport().slice(744, 792).reverse() },
    },
  },
  {
    says: 'a signature of zeros',
    code: 'report_signature',
    evidence: { signedPatches: { 672: new Uint8Array(512) } },
  },
  {
    says: 'a report signed by another key',
    code: 'report_signature',
    evidence: { chain: { leaf: { spki: testKey().spki } } },
  },
  { says: 'V14 one bit of the report', code: 'report_signature', evidence: { signedPatches: { 144: [0x10] } } },
];

const listOf = (...lists: readonly Uint8Array[]): SnpChanges => ({ revocationLists: lists });
const listCases: readonly TrustCase[] = [
  {
    says: 'a revoked intermediate',
    code: 'certificate_revoked',
    evidence: listOf(revocationList('Genoa', { revoked: [revocationEntry(INTERMEDIATE_SERIAL)] })),
  },
  {
    says: 'another revoked intermediate',
    code: 'accepted',
    evidence: listOf(revocationList('Genoa', { revoked: [revocationEntry(unsigned(7))] })),
  },
  {
    says: 'X20 a list by another key',
    code: 'revocation_list_signature',
    evidence: listOf(revocationList('Genoa', { signer: other.privateKey })),
  },
  {
    says: 'X20 a list by another root',
    code: 'revocation_list_signature',
    evidence: listOf(revocationList('Turin')),
  },
];

describe('what makes a report AMD’s word', () => {
  it.each([...chainCases, ...endorsementCases, ...listCases])('$says: $code', async ({ code, evidence, options }) => {
    const ruling = await snpRulingOn(snpEvidence(evidence), { policy: anyProduct, ...options });
    expect(ruling).toBe(code === 'accepted' ? 'accepted' : `untrusted ${code}`);
  });

  it('takes the word of the certificate for the product of a version 2 report', async () => {
    const policy = snpPolicy({ reportVersions: [2] });
    const facts = requireAccepted(await verifySnp(snpEvidence({ version: 2 }), { policy }));
    expect(facts).toMatchObject({ reportVersion: 2, product: 'Genoa', cpu: null, mitigations: null });
  });

  it('checks no signature before every cheap rule of the chain has passed, and three when all is well', async () => {
    let signatures = 0;
    const count = (good: boolean): boolean => {
      signatures += 1;
      return good;
    };
    const suite = {
      ...nodeSuite,
      verifyRsaPss384: async (...args: Parameters<Suite['verifyRsaPss384']>) =>
        count(await nodeSuite.verifyRsaPss384(...args)),
      verifyP384: async (...args: Parameters<Suite['verifyP384']>) => count(await nodeSuite.verifyP384(...args)),
    };
    expect(await snpRulingOn(snpEvidence(), { suite, now: NOW + 100 * DAY })).toBe('untrusted certificate_expired');
    expect(signatures).toBe(0);
    expect(await snpRulingOn(snpEvidence(), { suite })).toBe('accepted');
    expect(signatures).toBe(3);
  });

  it('takes nothing but a clear yes from the suite', async () => {
    const no = [
      (): boolean => false,
      (): boolean => 1 as unknown as boolean,
      (): boolean => {
        throw new Error('no such algorithm');
      },
    ];
    for (const answer of no) {
      const rsa = await snpRulingOn(snpEvidence(), { suite: { ...nodeSuite, verifyRsaPss384: answer } });
      expect(rsa).toBe('untrusted certificate_signature');
      const p384 = await snpRulingOn(snpEvidence(), { suite: { ...nodeSuite, verifyP384: answer } });
      expect(p384).toBe('untrusted report_signature');
    }
  });
});
