import type { RefusedCode } from '../errors.ts';
import type { BitRule } from '../policy/snp-policy.ts';
import { failed, notAsked, passed } from '../rules.ts';
import type { SnpFinding, SnpPolicyContext, SnpRule } from './context.ts';

/** POLICY (AMD 56860 section 4.3). Bits 18 and 19 have rules of their own. */
const GUEST_POLICY = {
  smtAllowed: 16n,
  singleSocket: 20n,
  cxlAllowed: 21n,
  aes256Xts: 22n,
  raplDisabled: 23n,
  ciphertextHiding: 24n,
  pageSwapDisabled: 25n,
} as const;
const MIGRATE_MA = 18n;
const DEBUG = 19n;

/** PLATFORM_INFO (AMD 56860 section 7.3). Bit 6 is younger than most specifications; every public Turin report has it. */
const PLATFORM_INFO = {
  smtEnabled: 0n,
  tsmeEnabled: 1n,
  eccEnabled: 2n,
  raplDisabled: 3n,
  ciphertextHiding: 4n,
  aliasCheckComplete: 5n,
  iommuWriteSafe: 6n,
  tioEnabled: 7n,
} as const;
const KNOWN_PLATFORM_BITS = 8n;

export function isDebuggable(guestPolicy: bigint): boolean {
  return isSet(guestPolicy, DEBUG);
}

function isSet(bits: bigint, bit: bigint): boolean {
  return ((bits >> bit) & 1n) === 1n;
}

function judge(wanted: BitRule, bits: bigint, bit: bigint, code: RefusedCode): SnpFinding {
  if (wanted === 'any') return notAsked('set or clear');
  const found = isSet(bits, bit) ? 'set' : 'clear';
  return found === wanted ? passed(found) : failed(code, `${found}, ${wanted} wanted`);
}

const guestBit = (name: keyof typeof GUEST_POLICY, title: string): SnpRule => ({
  id: `S15.${name}`,
  title,
  run: ({ policy, report }) =>
    judge(policy.guestPolicy[name], report.guestPolicy, GUEST_POLICY[name], 'guest_policy_refused'),
});

const platformBit = (
  name: keyof typeof PLATFORM_INFO,
  title: string,
  code: RefusedCode = 'platform_refused',
): SnpRule => ({
  id: `S16.${name}`,
  title,
  run: ({ policy, report }) => judge(policy.platform[name], report.platformInfo, PLATFORM_INFO[name], code),
});

/** S15: what the guest's owner lets the host do. */
export const guestPolicyRules: readonly SnpRule[] = [
  { id: 'S15.debug', title: 'the host may not debug the guest', run: debugIsOff },
  { id: 'S15.migrationAgent', title: 'no migration agent may take the guest', run: migrationIsOff },
  guestBit('smtAllowed', "SMT in the guest's policy is as wanted"),
  guestBit('singleSocket', "one socket only in the guest's policy is as wanted"),
  guestBit('cxlAllowed', "CXL memory in the guest's policy is as wanted"),
  guestBit('aes256Xts', "AES-256-XTS in the guest's policy is as wanted"),
  guestBit('raplDisabled', "power metering in the guest's policy is as wanted"),
  guestBit('ciphertextHiding', "hiding of ciphertext in the guest's policy is as wanted"),
  guestBit('pageSwapDisabled', "swapping of pages in the guest's policy is as wanted"),
  { id: 'S15.abi', title: "the guest's policy demands a firmware ABI that is new enough", run: abiIsDemanded },
];

/** S16: how the host set its machine up. */
export const platformRules: readonly SnpRule[] = [
  platformBit('aliasCheckComplete', 'the check for aliased memory is complete', 'alias_check_incomplete'),
  platformBit('smtEnabled', 'SMT of the platform is as wanted'),
  platformBit('tsmeEnabled', 'transparent encryption of the platform is as wanted'),
  platformBit('eccEnabled', 'error correction of the platform is as wanted'),
  platformBit('raplDisabled', 'power metering of the platform is as wanted'),
  platformBit('ciphertextHiding', 'hiding of ciphertext on the platform is as wanted'),
  platformBit('iommuWriteSafe', "the IOMMU's writes are as wanted"),
  platformBit('tioEnabled', 'trusted I/O of the platform is as wanted'),
  { id: 'S16.unknown', title: 'the platform reports nothing that is not understood', run: platformIsUnderstood },
];

function debugIsOff({ policy, report }: SnpPolicyContext): SnpFinding {
  if (policy.guestPolicy.debug === 'allow') {
    return notAsked('the policy allows debugging, with which the host may read the guest');
  }
  return isDebuggable(report.guestPolicy) ? failed('guest_debug', 'DEBUG is set') : passed('clear');
}

function migrationIsOff({ policy, report }: SnpPolicyContext): SnpFinding {
  if (policy.guestPolicy.migrationAgent === 'allow') return notAsked('the policy allows migration agents');
  return isSet(report.guestPolicy, MIGRATE_MA) ? failed('guest_migratable', 'MIGRATE_MA is set') : passed('clear');
}

function abiIsDemanded({ policy, report }: SnpPolicyContext): SnpFinding {
  const wanted = policy.guestPolicy.minimumAbi;
  if (wanted === 'any') return notAsked('any version');
  const minor = Number(report.guestPolicy & 0xffn);
  const major = Number((report.guestPolicy >> 8n) & 0xffn);
  const detail = `${major}.${minor}, at least ${wanted.major}.${wanted.minor} wanted`;
  const enough = major > wanted.major || (major === wanted.major && minor >= wanted.minor);
  return enough ? passed(detail) : failed('guest_policy_refused', detail);
}

function platformIsUnderstood({ policy, report }: SnpPolicyContext): SnpFinding {
  if (policy.platform.unknownBits === 'ignore') return notAsked('bits of a later specification are ignored');
  const unknown = report.platformInfo >> KNOWN_PLATFORM_BITS;
  return unknown === 0n ? passed('none') : failed('platform_refused', `bits 0x${report.platformInfo.toString(16)}`);
}
