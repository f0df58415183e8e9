import type { SnpPolicyRules, TcbFloor, TcbFloors, TurinTcbFloor } from '../../../verifier/policy/snp-policy.ts';

/** Policies for SEV-SNP as `contracts/src/policy/PolicyTypes.sol` has them, from those that the verifier reads. */

export const PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const;
export type Product = (typeof PRODUCTS)[number];

const GUEST_BITS = {
  smtAllowed: 16,
  singleSocket: 20,
  cxlAllowed: 21,
  aes256Xts: 22,
  raplDisabled: 23,
  ciphertextHiding: 24,
  pageSwapDisabled: 25,
} as const;

const PLATFORM_BITS = {
  smtEnabled: 0,
  tsmeEnabled: 1,
  eccEnabled: 2,
  raplDisabled: 3,
  ciphertextHiding: 4,
  aliasCheckComplete: 5,
  iommuWriteSafe: 6,
  tioEnabled: 7,
} as const;

export interface HardwareRules {
  readonly lines: number;
  readonly reportVersions: number;
  readonly vmpls: number;
  readonly vlekMayHideChip: boolean;
  readonly provisionalFirmware: boolean;
  readonly minimumAbi: number;
  readonly minimumGuestSvn: number;
  readonly guestSet: number;
  readonly guestClear: number;
  readonly platformSet: number;
  readonly platformClear: number;
  readonly unknownPlatformBits: boolean;
  readonly expiresAt: number;
}

export interface Floor {
  readonly any: boolean;
  readonly anyMicrocode: boolean;
  readonly minimum: bigint;
}

export interface Floors {
  readonly reported: Floor;
  readonly committed: Floor;
  readonly launch: Floor;
}

export interface CpuMicrocode {
  readonly product: number;
  readonly model: number;
  readonly stepping: number;
  readonly minima: {
    readonly stated: boolean;
    readonly reported: number;
    readonly committed: number;
    readonly launch: number;
  };
}

export function hardwareRules(policy: SnpPolicyRules): HardwareRules {
  const { guestPolicy, platform } = policy;
  const refused =
    (guestPolicy.debug === 'refuse' ? 1 << 19 : 0) | (guestPolicy.migrationAgent === 'refuse' ? 1 << 18 : 0);
  return {
    lines: PRODUCTS.flatMap((product, index) =>
      policy.products[product].map((signer) => 1 << (1 + 2 * index + (signer === 'VLEK' ? 1 : 0))),
    ).reduce((lines, line) => lines | line, 1),
    reportVersions: policy.reportVersions.reduce<number>((mask, version) => mask | (1 << version), 0),
    vmpls: policy.vmpl.reduce((mask, level) => mask | (1 << level), 0),
    vlekMayHideChip: policy.maskedChipId === 'vlek-only',
    provisionalFirmware: policy.provisionalFirmware === 'allow',
    minimumAbi:
      guestPolicy.minimumAbi === 'any' ? 0 : guestPolicy.minimumAbi.major * 256 + guestPolicy.minimumAbi.minor,
    minimumGuestSvn: policy.minimumGuestSvn === 'any' ? 0 : policy.minimumGuestSvn,
    guestSet: maskOf(GUEST_BITS, (name) => guestPolicy[name] === 'set'),
    guestClear: maskOf(GUEST_BITS, (name) => guestPolicy[name] === 'clear') | refused,
    platformSet: maskOf(PLATFORM_BITS, (name) => platform[name] === 'set'),
    platformClear: maskOf(PLATFORM_BITS, (name) => platform[name] === 'clear'),
    unknownPlatformBits: platform.unknownBits === 'ignore',
    expiresAt: policy.expires / 1000,
  };
}

function maskOf<Name extends string>(
  bits: { readonly [name in Name]: number },
  isWanted: (name: Name) => boolean,
): number {
  return (Object.entries(bits) as [Name, number][])
    .filter(([name]) => isWanted(name))
    .reduce((mask, [, bit]) => mask | (1 << bit), 0);
}

export function floors({ tcb }: SnpPolicyRules): readonly { readonly product: number; readonly floors: Floors }[] {
  return PRODUCTS.map((name, index) => ({
    product: index + 1,
    floors: {
      reported: floor(tcb.reported[name]),
      committed: floor(tcb.committed[name]),
      launch: floor(tcb.launch[name]),
    },
  }));
}

function floor(wanted: TcbFloors[Product]): Floor {
  if (wanted === 'any') return { any: true, anyMicrocode: false, minimum: 0n };
  const bytes =
    'fmc' in wanted
      ? [wanted.fmc, wanted.bootloader, wanted.tee, wanted.snp, 0, 0, 0, 0]
      : [wanted.bootloader, wanted.tee, 0, 0, 0, 0, wanted.snp, 0];
  return { any: false, anyMicrocode: wanted.microcode === 'any', minimum: wordOf(bytes) };
}

/**
 * A contract states all three minima of a CPU together. One that a list leaves out is refused by that list, so it is left
 * out altogether, unless no list has a say.
 */
export function microcode({ tcb }: SnpPolicyRules): readonly CpuMicrocode[] {
  return PRODUCTS.flatMap((name, index) => {
    const lists = [tcb.reported[name], tcb.committed[name], tcb.launch[name]].map(listOf);
    const cpus = new Set(lists.flatMap((list) => list?.map(({ model, stepping }) => model * 256 + stepping) ?? []));
    return [...cpus].flatMap((cpu) => {
      const [model, stepping] = [cpu >> 8, cpu & 0xff];
      const minima = lists.map((list) =>
        list === undefined ? 0 : list.find((entry) => entry.model === model && entry.stepping === stepping)?.minimum,
      );
      if (minima.includes(undefined)) return [];
      const [reported, committed, launch] = minima as [number, number, number];
      return [{ product: index + 1, model, stepping, minima: { stated: true, reported, committed, launch } }];
    });
  });
}

function listOf(
  wanted: 'any' | TcbFloor | TurinTcbFloor,
): readonly { model: number; stepping: number; minimum: number }[] | undefined {
  return wanted === 'any' || wanted.microcode === 'any' ? undefined : wanted.microcode;
}

/** Eight bytes as in a report, the first one highest. */
export function wordOf(bytes: Iterable<number>): bigint {
  let word = 0n;
  for (const byte of bytes) word = (word << 8n) | BigInt(byte);
  return word;
}
