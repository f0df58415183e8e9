import { describe, expect, it } from 'vitest';
import { amdProfile, parseCertificate } from '../../../verifier/codec/x509.ts';
import { anchors } from '../../../verifier/index.ts';
import { snpPolicyRules } from '../../../verifier/snp/rules.ts';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import { NOW } from '../../support/certificates.ts';
import { sha256Hex } from '../../support/nitro-evidence.ts';
import { revocationList } from '../../support/snp-certificates.ts';
import {
  type JsonChanges,
  le,
  profiles,
  SNP_MEASUREMENT,
  type SnpChanges,
  snpCertificates,
  snpEvidence,
  snpGuestPolicyJson,
  snpPolicy,
  snpRulingOn,
  verifySnp,
} from '../../support/snp-evidence.ts';
import { firmwareCases, platformCases, type SnpRuleCase } from './platform-cases.ts';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const certificates = snpCertificates();
const tbsOf = (index: number): string => sha256Hex(parseCertificate(certificates[index] as Uint8Array, amdProfile).tbs);
const none = { certificates: [], chips: [], measurements: [] };
const chipId = toHex(profiles.Genoa.chipId);
const field = (offset: number, length: number, byte: number): SnpChanges => ({
  patches: { [offset]: new Uint8Array(length).fill(byte) },
});
const guestPolicy = (bits: number): SnpChanges => ({ patches: { 8: le(0x3_0000 | bits, 8) } });
const bit = (index: number): number => 2 ** index;

const heads: readonly SnpRuleCase[] = [
  { says: 'good evidence', code: 'accepted' },
  { says: 'a policy at its last moment', code: 'accepted', policy: { expires: '2030-05-17T12:00:00Z' } },
  { says: 'a policy that ended a second ago', code: 'policy_expired', policy: { expires: '2030-05-17T11:59:59Z' } },
  {
    says: 'a denied intermediate',
    code: 'certificate_denied',
    evidence: { certificates },
    policy: { denied: { ...none, certificates: [tbsOf(1)] } },
  },
  {
    says: 'a denied endorsement certificate',
    code: 'certificate_denied',
    evidence: { certificates },
    policy: { denied: { ...none, certificates: [tbsOf(2)] } },
  },
  { says: 'a denied chip', code: 'chip_denied', policy: { denied: { ...none, chips: [chipId] } } },
  {
    says: 'a denied chip that hides in its report and not in its certificate',
    code: 'chip_denied',
    evidence: field(0x1a0, 64, 0),
    policy: { maskedChipId: 'allow', denied: { ...none, chips: [chipId] } },
  },
  { says: 'another denied chip', code: 'accepted', policy: { denied: { ...none, chips: ['00'.repeat(64)] } } },
  {
    says: 'a denied measurement',
    code: 'measurement_denied',
    policy: { denied: { ...none, measurements: [toHex(SNP_MEASUREMENT)] } },
  },
];

const keys: readonly SnpRuleCase[] = [
  { says: 'S13 a VCEK of Milan', code: 'product_line_refused', evidence: { product: 'Milan' } },
  { says: 'a VLEK of Milan', code: 'accepted', evidence: { product: 'Milan', kind: 'VLEK' } },
  { says: 'a VCEK of Turin', code: 'accepted', evidence: { product: 'Turin' } },
  { says: 'a VLEK of Turin', code: 'accepted', evidence: { product: 'Turin', kind: 'VLEK' } },
  {
    says: 'a product line that is switched off',
    code: 'product_line_refused',
    policy: { products: { Milan: [], Genoa: [], Turin: ['VCEK'] } },
  },
  { says: 'S2 version 2', code: 'report_version_refused', evidence: { version: 2 } },
  { says: 'version 2 by name', code: 'accepted', evidence: { version: 2 }, policy: { reportVersions: [2] } },
  { says: 'version 3', code: 'accepted', evidence: { version: 3 } },
  { says: 'no version', code: 'report_version_refused', policy: { reportVersions: [] } },
  { says: 'a cloud that is not named', code: 'csp_refused', evidence: { kind: 'VLEK' }, policy: { cspIds: [] } },
  { says: 'any cloud', code: 'accepted', evidence: { kind: 'VLEK' }, policy: { cspIds: 'any' } },
  { says: 'a chip of its own where no cloud is named', code: 'accepted', policy: { cspIds: [] } },
  { says: 'S10 a masked chip id', code: 'chip_masked', evidence: field(0x1a0, 64, 0) },
  {
    says: 'a masked chip id, allowed',
    code: 'accepted',
    evidence: field(0x1a0, 64, 0),
    policy: { maskedChipId: 'allow' },
  },
  {
    says: 'a masked chip id of a VLEK, refused',
    code: 'chip_masked',
    evidence: { kind: 'VLEK' },
    policy: { maskedChipId: 'refuse' },
  },
  { says: 'a listed chip', code: 'accepted', policy: { chips: [chipId] } },
  { says: 'another chip', code: 'chip_refused', policy: { chips: ['01'.repeat(64)] } },
  { says: 'no chip allowed', code: 'chip_refused', policy: { chips: [] } },
  { says: 'a VLEK without a chip', code: 'chip_refused', evidence: { kind: 'VLEK' }, policy: { chips: [chipId] } },
];

const guests: readonly SnpRuleCase[] = [
  { says: 'S3 DEBUG', code: 'guest_debug', evidence: guestPolicy(bit(19)) },
  {
    says: 'DEBUG, allowed by name',
    code: 'accepted',
    evidence: guestPolicy(bit(19)),
    policy: { guestPolicy: snpGuestPolicyJson({ debug: 'allow' }) },
  },
  { says: 'S4 MIGRATE_MA', code: 'guest_migratable', evidence: guestPolicy(bit(18)) },
  {
    says: 'MIGRATE_MA, allowed by name',
    code: 'accepted',
    evidence: guestPolicy(bit(18)),
    policy: { guestPolicy: snpGuestPolicyJson({ migrationAgent: 'allow' }) },
  },
  ...(
    [
      ['smtAllowed', 16],
      ['singleSocket', 20],
      ['cxlAllowed', 21],
      ['aes256Xts', 22],
      ['raplDisabled', 23],
      ['ciphertextHiding', 24],
      ['pageSwapDisabled', 25],
    ] as const
  ).flatMap(([name, index]): readonly SnpRuleCase[] => {
    const set = { patches: { 8: le(0x2_0000 | bit(index), 8) } };
    const clear = { patches: { 8: le(0x2_0000, 8) } };
    const wants = (rule: string): JsonChanges => ({ guestPolicy: snpGuestPolicyJson({ [name]: rule }) });
    return [
      { says: `${name} set and wanted`, code: 'accepted', evidence: set, policy: wants('set') },
      { says: `${name} clear and wanted`, code: 'accepted', evidence: clear, policy: wants('clear') },
      { says: `${name} set and not wanted`, code: 'guest_policy_refused', evidence: set, policy: wants('clear') },
      { says: `${name} clear and not wanted`, code: 'guest_policy_refused', evidence: clear, policy: wants('set') },
    ];
  }),
  ...(
    [
      [1, 31, 'accepted'],
      [1, 32, 'guest_policy_refused'],
      [2, 0, 'guest_policy_refused'],
      [0, 99, 'accepted'],
    ] as const
  ).map(
    ([major, minor, code]): SnpRuleCase => ({
      says: `ABI 1.31 where ${major}.${minor} is wanted`,
      code,
      evidence: guestPolicy(0x011f),
      policy: { guestPolicy: snpGuestPolicyJson({ minimumAbi: { major, minor } }) },
    }),
  ),
  { says: 'S6 VMPL 1', code: 'vmpl_refused', evidence: field(0x30, 1, 1) },
  { says: 'S6 VMPL 3', code: 'vmpl_refused', evidence: field(0x30, 1, 3) },
  { says: 'VMPL 1, allowed', code: 'accepted', evidence: field(0x30, 1, 1), policy: { vmpl: [0, 1] } },
  { says: 'VMPL 0 where only 1 is allowed', code: 'vmpl_refused', policy: { vmpl: [1] } },
  {
    says: 'a report that the host asked for',
    code: 'vmpl_refused',
    evidence: field(0x30, 4, 0xff),
    policy: { vmpl: [0, 1, 2, 3] },
  },
  {
    says: 'S20 a lower security version of the same measurement',
    code: 'guest_svn_too_low',
    evidence: { patches: { 4: le(6, 4) } },
    policy: { minimumGuestSvn: 7 },
  },
  {
    says: 'the security version wanted',
    code: 'accepted',
    evidence: { patches: { 4: le(7, 4) } },
    policy: { minimumGuestSvn: 7 },
  },
  {
    says: 'the security version of all ones',
    code: 'accepted',
    evidence: { patches: { 4: le(0xffff_ffff, 4) } },
    policy: { minimumGuestSvn: 0xffff_ffff },
  },
];

const fields: readonly SnpRuleCase[] = [
  { says: 'another measurement', code: 'measurement_refused', evidence: field(0x90, 48, 9) },
  { says: 'no measurement allowed', code: 'measurement_refused', policy: { measurements: [] } },
  { says: 'any measurement', code: 'accepted', policy: { measurements: 'any' } },
  ...(
    [
      ['hostData', 0xc0, 32, 'host_data_refused'],
      ['familyIds', 0x10, 16, 'family_refused'],
      ['imageIds', 0x20, 16, 'image_id_refused'],
      ['idKeyDigests', 0xe0, 48, 'id_key_refused'],
      ['reportIds', 0x140, 32, 'report_id_refused'],
    ] as const
  ).flatMap(([rule, offset, length, code]): readonly SnpRuleCase[] => {
    const value = field(offset, length, 7);
    return [
      { says: `${rule} as listed`, code: 'accepted', evidence: value, policy: { [rule]: ['07'.repeat(length)] } },
      { says: `${rule} of another value`, code, evidence: value, policy: { [rule]: ['08'.repeat(length)] } },
      { says: `${rule} with an empty list`, code, evidence: value, policy: { [rule]: [] } },
    ];
  }),
  {
    says: 'S17 no ID block where one is wanted',
    code: 'id_key_refused',
    policy: { idKeyDigests: ['07'.repeat(48)] },
  },
  {
    says: 'a listed author key',
    code: 'accepted',
    evidence: { patches: { 72: [1], 272: new Uint8Array(48).fill(7) } },
    policy: { authorKeyDigests: ['07'.repeat(48)] },
  },
  {
    says: 'another author key',
    code: 'author_key_refused',
    evidence: { patches: { 72: [1], 272: new Uint8Array(48).fill(8) } },
    policy: { authorKeyDigests: ['07'.repeat(48)] },
  },
  {
    says: 'an author key that is not in use',
    code: 'author_key_refused',
    evidence: field(0x110, 48, 7),
    policy: { authorKeyDigests: ['07'.repeat(48)] },
  },
  { says: 'a migration agent', code: 'migration_agent_refused', evidence: field(0x160, 32, 7) },
  {
    says: 'a listed migration agent',
    code: 'accepted',
    evidence: field(0x160, 32, 7),
    policy: { migrationAgents: ['07'.repeat(32)] },
  },
  {
    says: 'another migration agent',
    code: 'migration_agent_refused',
    evidence: field(0x160, 32, 8),
    policy: { migrationAgents: ['07'.repeat(32)] },
  },
  {
    says: 'no migration agent where one may be',
    code: 'accepted',
    policy: { migrationAgents: ['07'.repeat(32)] },
  },
  { says: 'any migration agent', code: 'accepted', evidence: field(0x160, 32, 7), policy: { migrationAgents: 'any' } },
  { says: 'another challenge', code: 'challenge_mismatch', options: { challenge: new Uint8Array(32) } },
  { says: 'S15 a challenge in the first half', code: 'challenge_mismatch', evidence: field(0x70, 32, 0) },
  { says: 'no challenge', code: 'accepted', evidence: field(0x70, 32, 0), options: { challenge: 'any' } },
];

const required = { revocationList: 'required' };
const lists: readonly SnpRuleCase[] = [
  { says: 'no list where one is wanted', code: 'revocation_unknown', policy: required },
  {
    says: 'a list where one is wanted',
    code: 'accepted',
    evidence: { revocationLists: [revocationList('Genoa')] },
    policy: required,
  },
  {
    says: 'a list at its last moment',
    code: 'accepted',
    evidence: { revocationLists: [revocationList('Genoa', { nextUpdate: NOW })] },
    policy: required,
  },
  {
    says: 'X20 a list that ended a second ago',
    code: 'revocation_stale',
    evidence: { revocationLists: [revocationList('Genoa', { nextUpdate: NOW - SECOND })] },
  },
  {
    says: 'a list of tomorrow',
    code: 'revocation_stale',
    evidence: { revocationLists: [revocationList('Genoa', { thisUpdate: NOW + SECOND, nextUpdate: NOW + DAY })] },
  },
];

const all = [...heads, ...keys, ...guests, ...fields, ...firmwareCases, ...platformCases, ...lists];

describe('the policy rules for SEV-SNP', () => {
  it.each(all)('$says: $code', async (rule) => {
    const evidence = snpEvidence(rule.evidence);
    const ruling = await snpRulingOn(evidence, { policy: snpPolicy(rule.policy), ...rule.options });
    expect(ruling).toBe(rule.code === 'accepted' ? 'accepted' : `refused ${rule.code}`);
  });

  it('are each failed by one of these cases, but for the two that need a vendor’s signature', async () => {
    const failed = new Set<string>();
    for (const { evidence, policy, options } of all.filter(({ code }) => code !== 'accepted')) {
      const verdict = await verifySnp(snpEvidence(evidence), { policy: snpPolicy(policy), ...options });
      for (const { id, outcome } of verdict.checks) if (outcome === 'failed') failed.add(id);
    }
    const missing = snpPolicyRules.map(({ id }) => id).filter((id) => !failed.has(id));
    expect(missing).toEqual(['A2', 'S16.root']);
  });
});

describe('level and root', () => {
  const vendorRoot = anchors.find(({ name }) => name === 'amd-ark-genoa')?.sha256 as string;
  const hardware = snpPolicy({ level: 'attested', roots: [vendorRoot] });

  it('refuses simulated evidence under a hardware policy: nobody vouches for its root (A2)', async () => {
    expect(await snpRulingOn(snpEvidence(), { policy: hardware })).toBe('untrusted root_not_trusted');
  });

  it('refuses a self-made root that the policy does not name', async () => {
    for (const roots of [[], ['11'.repeat(32)]]) {
      expect(await snpRulingOn(snpEvidence(), { policy: snpPolicy({ roots }) })).toBe('untrusted root_not_trusted');
    }
  });

  // Through the whole verification these two need a vendor's signature: vectors.test.ts has them.
  it.each(['level_refused', 'root_refused'] as const)('has a rule of its own: %s', async (code) => {
    const context = {
      rootSha256: code === 'root_refused' ? new Uint8Array(32) : fromHex(vendorRoot),
      level: code === 'level_refused' ? ('simulated' as const) : ('attested' as const),
      policy: hardware,
    };
    const [, level, root] = snpPolicyRules;
    const finding = await (code === 'level_refused' ? level : root)?.run(context as never);
    expect(finding).toMatchObject({ outcome: 'failed', code });
  });
});
