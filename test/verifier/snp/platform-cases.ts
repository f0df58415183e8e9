import type { RefusedCode, SnpOptions } from '../../../verifier/index.ts';
import {
  anyTcb,
  type JsonChanges,
  le,
  profiles,
  type SnpChanges,
  snpPlatformJson,
} from '../../support/snp-evidence.ts';

/** What one change of evidence or policy leads to. */
export interface SnpRuleCase {
  readonly says: string;
  readonly code: RefusedCode | 'accepted';
  readonly evidence?: SnpChanges;
  readonly policy?: JsonChanges;
  readonly options?: Partial<SnpOptions>;
}

const bit = (index: number): number => 2 ** index;
const platformInfo = (bits: number): SnpChanges => ({ patches: { 64: le(bits, 8) } });
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

export const firmwareCases: readonly SnpRuleCase[] = [
  ...(['reported', 'committed', 'launch'] as const).flatMap((name): readonly SnpRuleCase[] => [
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
    (name): SnpRuleCase => ({
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
      ([major, minor, build, code]): SnpRuleCase => ({
        says: `${name} firmware 1.55.55 where ${major}.${minor}.${build} is wanted`,
        code,
        policy: { firmware: { current: 'any', committed: 'any', [name]: { major, minor, build } } },
      }),
    ),
  ),
  ...(['launch', 'current'] as const).flatMap((name): readonly SnpRuleCase[] => {
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

export const platformCases: readonly SnpRuleCase[] = [
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
  ).flatMap(([name, index]): readonly SnpRuleCase[] => {
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
