import { describe, expect, it } from 'vitest';
import { amdProfile, parseCertificate } from '../../../verifier/codec/x509.ts';
import { anchors, type RefusedCode, type SnpOptions } from '../../../verifier/index.ts';
import { snpPolicyRules } from '../../../verifier/snp/rules.ts';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import { NOW } from '../../support/certificates.ts';
import { sha256Hex } from '../../support/nitro-evidence.ts';
import { revocationList } from '../../support/snp-certificates.ts';
import {
  anyTcb,
  type JsonChanges,
  le,
  profiles,
  SNP_MEASUREMENT,
  type SnpChanges,
  snpCertificates,
  snpEvidence,
  snpGuestPolicyJson,
  snpPlatformJson,
  snpPolicy,
  snpRulingOn,
  verifySnp,
} from '../../support/snp-evidence.ts';

interface RuleCase {
  readonly says: string;
  readonly code: RefusedCode | 'accepted';
  readonly evidence?: SnpChanges;
  readonly policy?: JsonChanges;
  readonly options?: Partial<SnpOptions>;
}

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
const platformInfo = (bits: number): SnpChanges => ({ patches: { 64: le(bits, 8) } });
const bit = (index: number): number => 2 ** index;
const genoaFloor = (changes: JsonChanges = {}): JsonChanges => ({
  ...anyTcb,
  Genoa: { bootloader: 10, tee: 0, snp: 0x1b, microcode: 'any', ...changes },
});
const floors = (name: string, changes: JsonChanges = {}): JsonChanges => ({
  tcb: { reported: anyTcb, committed: anyTcb, launch: anyTcb, [name]: genoaFloor(changes) },
});
const counted = (minimum: number, model = 0x11, stepping = 1): JsonChanges => ({
  microcode: [{ model, stepping, minimum }],
});
const TCB_AT = { current: 0x38, reported: 0x180, committed: 0x1e0, launch: 0x1f0 };
/** Current, committed and launch below what the certificate is for is one thing; reported must stay. */
const lowered = (name: 'committed' | 'launch', index: number): SnpChanges => ({
  patches: { [TCB_AT[name]]: profiles.Genoa.tcb.map((level, at) => (at === index ? level - 1 : level)) },
});

const heads: readonly RuleCase[] = [
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

const keys: readonly RuleCase[] = [
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

const guests: readonly RuleCase[] = [
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
  ).flatMap(([name, index]): readonly RuleCase[] => {
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
    ([major, minor, code]): RuleCase => ({
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

const fields: readonly RuleCase[] = [
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
  ).flatMap(([rule, offset, length, code]): readonly RuleCase[] => {
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

const firmware: readonly RuleCase[] = [
  ...(['reported', 'committed', 'launch'] as const).flatMap((name): readonly RuleCase[] => [
    { says: `a ${name} TCB at its minimum`, code: 'accepted', policy: floors(name, counted(0x58)) },
    { says: `a ${name} TCB below in bootloader`, code: 'tcb_too_low', policy: floors(name, { bootloader: 11 }) },
    { says: `a ${name} TCB below in tee`, code: 'tcb_too_low', policy: floors(name, { tee: 1 }) },
    { says: `a ${name} TCB below in snp`, code: 'tcb_too_low', policy: floors(name, { snp: 0x1c }) },
    { says: `a ${name} TCB below in microcode`, code: 'tcb_too_low', policy: floors(name, counted(0x59)) },
    {
      says: `a ${name} TCB above in all and below in one`,
      code: 'tcb_too_low',
      policy: floors(name, { bootloader: 0, tee: 0, snp: 0x1c }),
    },
  ]),
  {
    says: 'a TCB at launch below the one running now',
    code: 'tcb_too_low',
    evidence: lowered('launch', 6),
    policy: floors('launch'),
  },
  {
    says: 'a committed TCB below the one running now',
    code: 'tcb_too_low',
    evidence: lowered('committed', 6),
    policy: { ...floors('committed'), provisionalFirmware: 'allow' },
  },
  { says: 'a model without a minimum of microcode', code: 'tcb_too_low', policy: floors('reported', counted(0, 0xa0)) },
  { says: 'a stepping without one', code: 'tcb_too_low', policy: floors('reported', counted(0, 0x11, 2)) },
  {
    says: 'a report that names no CPU',
    code: 'tcb_too_low',
    evidence: { version: 2 },
    policy: { ...floors('reported', counted(0)), reportVersions: [2] },
  },
  ...(['fmc', 'bootloader', 'snp'] as const).map(
    (name): RuleCase => ({
      says: `S14 a TCB of Turin below in ${name}`,
      code: 'tcb_too_low',
      evidence: { product: 'Turin' },
      policy: {
        tcb: {
          committed: anyTcb,
          launch: anyTcb,
          reported: {
            ...anyTcb,
            Turin: { fmc: 3, bootloader: 1, tee: 0, snp: 2, microcode: 'any', [name]: 4 },
          },
        },
      },
    }),
  ),
  {
    says: 'S9 a committed TCB above the current one',
    code: 'tcb_order',
    evidence: { patches: { 480: profiles.Genoa.tcb.map((level, at) => (at === 7 ? level + 1 : level)) } },
    policy: { provisionalFirmware: 'allow' },
  },
  {
    says: 'a reported TCB above the current one',
    code: 'tcb_order',
    evidence: {
      patches: {
        56: profiles.Genoa.tcb.map((level, at) => (at === 0 ? level - 1 : level)),
        480: profiles.Genoa.tcb.map((level, at) => (at === 0 ? level - 1 : level)),
      },
    },
  },
  {
    says: 'committed firmware above the current one',
    code: 'tcb_order',
    evidence: { patches: { 492: [56] } },
    policy: { provisionalFirmware: 'allow' },
  },
  {
    says: 'S9 firmware that is not committed, by its TCB',
    code: 'firmware_provisional',
    evidence: lowered('committed', 7),
  },
  {
    says: 'firmware that is not committed, by its version',
    code: 'firmware_provisional',
    evidence: { patches: { 492: [54] } },
  },
  {
    says: 'firmware that is not committed, allowed',
    code: 'accepted',
    evidence: lowered('committed', 7),
    policy: { provisionalFirmware: 'allow' },
  },
  ...(['current', 'committed'] as const).flatMap((name) =>
    (
      [
        [1, 55, 55, 'accepted'],
        [1, 55, 56, 'firmware_too_old'],
        [1, 56, 0, 'firmware_too_old'],
        [2, 0, 0, 'firmware_too_old'],
        [1, 54, 99, 'accepted'],
        [0, 99, 99, 'accepted'],
      ] as const
    ).map(
      ([major, minor, build, code]): RuleCase => ({
        says: `${name} firmware 1.55.55 where ${major}.${minor}.${build} is wanted`,
        code,
        policy: { firmware: { current: 'any', committed: 'any', [name]: { major, minor, build } } },
      }),
    ),
  ),
  ...(['launch', 'current'] as const).flatMap((name): readonly RuleCase[] => {
    const wants = (bits: string): JsonChanges => ({ mitigations: { launch: 'any', current: 'any', [name]: bits } });
    return [
      { says: `mitigations at ${name} as wanted`, code: 'accepted', policy: wants('000000000000000b') },
      { says: `fewer mitigations wanted at ${name}`, code: 'accepted', policy: wants('0000000000000002') },
      { says: `a mitigation missing at ${name}`, code: 'mitigation_missing', policy: wants('0000000000000004') },
      { says: `the highest bit missing at ${name}`, code: 'mitigation_missing', policy: wants('8000000000000000') },
      {
        says: `a version without mitigations at ${name}`,
        code: 'mitigation_missing',
        evidence: { version: 3 },
        policy: wants('0000000000000001'),
      },
    ];
  }),
];

const platforms: readonly RuleCase[] = [
  { says: 'S18 an alias check that is not complete', code: 'alias_check_incomplete', evidence: platformInfo(0x05) },
  {
    says: 'an alias check that is not asked',
    code: 'accepted',
    evidence: platformInfo(0x05),
    policy: { platform: snpPlatformJson({ aliasCheckComplete: 'any' }) },
  },
  ...(
    [
      ['smtEnabled', 0],
      ['tsmeEnabled', 1],
      ['eccEnabled', 2],
      ['raplDisabled', 3],
      ['ciphertextHiding', 4],
      ['iommuWriteSafe', 6],
      ['tioEnabled', 7],
    ] as const
  ).flatMap(([name, index]): readonly RuleCase[] => {
    const set = platformInfo(bit(5) | bit(index));
    const clear = platformInfo(bit(5));
    const wants = (rule: string): JsonChanges => ({ platform: snpPlatformJson({ [name]: rule }) });
    return [
      { says: `${name} set and wanted`, code: 'accepted', evidence: set, policy: wants('set') },
      { says: `${name} clear and wanted`, code: 'accepted', evidence: clear, policy: wants('clear') },
      { says: `S19 ${name} set and not wanted`, code: 'platform_refused', evidence: set, policy: wants('clear') },
      { says: `${name} clear and not wanted`, code: 'platform_refused', evidence: clear, policy: wants('set') },
    ];
  }),
  { says: 'a bit that is not understood', code: 'platform_refused', evidence: platformInfo(0x125) },
  {
    says: 'a bit that is not understood, ignored',
    code: 'accepted',
    evidence: platformInfo(0x125),
    policy: { platform: snpPlatformJson({ unknownBits: 'ignore' }) },
  },
];

const required = { revocationList: 'required' };
const lists: readonly RuleCase[] = [
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

const all = [...heads, ...keys, ...guests, ...fields, ...firmware, ...platforms, ...lists];

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
