import { fromHex } from '../../wire/bytes.ts';
import {
  array,
  either,
  hexBytes,
  integer,
  literal,
  object,
  oneOf,
  type Reader,
  type Shape,
  text,
} from '../../wire/codec/fields.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import type { SnpProduct } from '../codec/snp-product.ts';
import type { SnpFirmware, SnpReportVersion } from '../codec/snp-report.ts';
import {
  type Any,
  headShape,
  listed,
  orAny,
  type PolicyHead,
  readPolicy,
  seconds,
  type WorkerPolicyRules,
  workerShape,
} from './readers.ts';

export type SnpSigner = 'VCEK' | 'VLEK';

/** What one bit of POLICY or PLATFORM_INFO must be. */
export type BitRule = Any | 'set' | 'clear';

/** Microcode is counted per CPU: the same product line has several counts, and no number holds for all of them. */
export interface MicrocodeFloor {
  readonly model: number;
  readonly stepping: number;
  readonly minimum: number;
}

export interface TcbFloor {
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  /** A CPU that is not in the list is refused. */
  readonly microcode: Any | readonly MicrocodeFloor[];
}

export interface TurinTcbFloor extends TcbFloor {
  readonly fmc: number;
}

export interface TcbFloors {
  readonly Milan: Any | TcbFloor;
  readonly Genoa: Any | TcbFloor;
  readonly Turin: Any | TurinTcbFloor;
}

/** The guest's own policy (AMD 56860 section 4.3), which the firmware enforces on the host. */
export interface GuestPolicyRules {
  readonly debug: 'refuse' | 'allow';
  readonly migrationAgent: 'refuse' | 'allow';
  readonly smtAllowed: BitRule;
  readonly singleSocket: BitRule;
  readonly cxlAllowed: BitRule;
  readonly aes256Xts: BitRule;
  readonly raplDisabled: BitRule;
  readonly ciphertextHiding: BitRule;
  readonly pageSwapDisabled: BitRule;
  readonly minimumAbi: Any | { readonly major: number; readonly minor: number };
}

/** PLATFORM_INFO: how the host set its machine up. */
export interface PlatformRules {
  readonly smtEnabled: BitRule;
  readonly tsmeEnabled: BitRule;
  readonly eccEnabled: BitRule;
  readonly raplDisabled: BitRule;
  readonly ciphertextHiding: BitRule;
  readonly aliasCheckComplete: BitRule;
  readonly iommuWriteSafe: BitRule;
  readonly tioEnabled: BitRule;
  readonly unknownBits: 'refuse' | 'ignore';
}

/** Every rule of a policy for AMD SEV-SNP evidence. Nothing is optional; an empty list accepts nothing. */
export interface SnpPolicyRules extends PolicyHead, WorkerPolicyRules {
  readonly tee: 'amd-sev-snp';
  readonly measurements: Any | readonly Uint8Array[];
  readonly reportVersions: readonly SnpReportVersion[];
  /** How long a report counts as fresh. It carries no time: its age is that of a challenge whose own time is known. */
  readonly maxAgeSeconds: Any | number;
  /** Which kinds of key are trusted of which product line (S28): a leaked root seed ends a line, whatever its TCB. */
  readonly products: { readonly [product in SnpProduct]: readonly SnpSigner[] };
  readonly vmpl: readonly number[];
  readonly tcb: { readonly reported: TcbFloors; readonly committed: TcbFloors; readonly launch: TcbFloors };
  readonly provisionalFirmware: 'refuse' | 'allow';
  readonly firmware: { readonly current: Any | SnpFirmware; readonly committed: Any | SnpFirmware };
  readonly maskedChipId: 'refuse' | 'vlek-only' | 'allow';
  /** CHIP_ID as in the report: 64 bytes, on Turin 8 and 56 zeros. */
  readonly chips: Any | readonly Uint8Array[];
  /** For VLEKs: the cloud as its certificate names it. */
  readonly cspIds: Any | readonly string[];
  readonly guestPolicy: GuestPolicyRules;
  readonly platform: PlatformRules;
  readonly minimumGuestSvn: Any | number;
  readonly hostData: Any | readonly Uint8Array[];
  readonly familyIds: Any | readonly Uint8Array[];
  readonly imageIds: Any | readonly Uint8Array[];
  /** Zeros mean that there was no ID block. */
  readonly idKeyDigests: Any | readonly Uint8Array[];
  readonly authorKeyDigests: Any | readonly Uint8Array[];
  readonly reportIds: Any | readonly Uint8Array[];
  readonly migrationAgents: Any | 'none' | readonly Uint8Array[];
  /** Bits that must be set (version 5). */
  readonly mitigations: { readonly launch: Any | bigint; readonly current: Any | bigint };
  readonly revocationList: Any | 'required';
  readonly denied: {
    /** SHA-256 of the signed part (TBSCertificate). */
    readonly certificates: readonly Uint8Array[];
    readonly chips: readonly Uint8Array[];
    readonly measurements: readonly Uint8Array[];
  };
}

declare const parsed: unique symbol;

/** A policy that `parseSnpPolicy` made. Verification takes no other object. */
export type SnpPolicy = SnpPolicyRules & { readonly [parsed]: 'policy' };

const made = new WeakSet<object>();

const byte = integer({ min: 0, max: 0xff });
const u32 = integer({ min: 0, max: 0xffff_ffff });
const anyOf = (length: number): Reader<Any | readonly Uint8Array[]> => orAny(listed(hexBytes(length)));
const bit: Reader<BitRule> = oneOf(['any', 'set', 'clear']);
const refuseOrAllow: Reader<'refuse' | 'allow'> = oneOf(['refuse', 'allow']);

const floorShape: Shape<TcbFloor> = {
  bootloader: byte,
  tee: byte,
  snp: byte,
  microcode: orAny(listed(object<MicrocodeFloor>({ model: byte, stepping: byte, minimum: byte }))),
};

const tcbFloors: Reader<TcbFloors> = object<TcbFloors>({
  Milan: orAny(object<TcbFloor>(floorShape)),
  Genoa: orAny(object<TcbFloor>(floorShape)),
  Turin: orAny(object<TurinTcbFloor>({ ...floorShape, fmc: byte })),
});

const firmware: Reader<Any | SnpFirmware> = orAny(object<SnpFirmware>({ major: byte, minor: byte, build: byte }));

/** Hex, most significant bit first, as AMD's bulletins print it. */
const mitigationBits: Reader<bigint> = (value, path) => {
  const digits = text({ min: 16, max: 16, pattern: /[0-9a-f]{16}/ })(value, path);
  return new DataView(fromHex(digits).buffer).getBigUint64(0);
};

const signers: Reader<readonly SnpSigner[]> = array(oneOf(['VCEK', 'VLEK']), { min: 0, max: 2 });
const reportVersion: Reader<SnpReportVersion> = either(literal(2), either(literal(3), literal(5)));

const readRules: Reader<SnpPolicyRules> = object<SnpPolicyRules>({
  ...headShape,
  ...workerShape,
  tee: literal('amd-sev-snp'),
  measurements: anyOf(48),
  reportVersions: array(reportVersion, { min: 0, max: 3 }),
  maxAgeSeconds: orAny(seconds),
  products: object<SnpPolicyRules['products']>({ Milan: signers, Genoa: signers, Turin: signers }),
  vmpl: array(integer({ min: 0, max: 3 }), { min: 0, max: 4 }),
  tcb: object<SnpPolicyRules['tcb']>({ reported: tcbFloors, committed: tcbFloors, launch: tcbFloors }),
  provisionalFirmware: refuseOrAllow,
  firmware: object<SnpPolicyRules['firmware']>({ current: firmware, committed: firmware }),
  maskedChipId: oneOf(['refuse', 'vlek-only', 'allow']),
  chips: anyOf(64),
  cspIds: orAny(listed(text({ min: 1, max: 128 }))),
  guestPolicy: object<GuestPolicyRules>({
    debug: refuseOrAllow,
    migrationAgent: refuseOrAllow,
    smtAllowed: bit,
    singleSocket: bit,
    cxlAllowed: bit,
    aes256Xts: bit,
    raplDisabled: bit,
    ciphertextHiding: bit,
    pageSwapDisabled: bit,
    minimumAbi: orAny(object<{ readonly major: number; readonly minor: number }>({ major: byte, minor: byte })),
  }),
  platform: object<PlatformRules>({
    smtEnabled: bit,
    tsmeEnabled: bit,
    eccEnabled: bit,
    raplDisabled: bit,
    ciphertextHiding: bit,
    aliasCheckComplete: bit,
    iommuWriteSafe: bit,
    tioEnabled: bit,
    unknownBits: oneOf(['refuse', 'ignore']),
  }),
  minimumGuestSvn: orAny(u32),
  hostData: anyOf(32),
  familyIds: anyOf(16),
  imageIds: anyOf(16),
  idKeyDigests: anyOf(48),
  authorKeyDigests: anyOf(48),
  reportIds: anyOf(32),
  migrationAgents: either(oneOf(['any', 'none']), array(hexBytes(32), { min: 0, max: limits.policyListItems })),
  mitigations: object<SnpPolicyRules['mitigations']>({
    launch: orAny(mitigationBits),
    current: orAny(mitigationBits),
  }),
  revocationList: oneOf(['any', 'required']),
  denied: object<SnpPolicyRules['denied']>({
    certificates: listed(hexBytes(32)),
    chips: listed(hexBytes(64)),
    measurements: listed(hexBytes(48)),
  }),
});

/** Reads a policy for AMD SEV-SNP from JSON bytes, or from what parsed JSON gave, as `parsePolicy` does for Nitro. */
export function parseSnpPolicy(source: Uint8Array | JsonValue): SnpPolicy {
  const rules = readPolicy(readRules, source);
  made.add(rules);
  return rules as SnpPolicy;
}

export function isParsedSnpPolicy(value: unknown): value is SnpPolicy {
  return typeof value === 'object' && value !== null && made.has(value);
}
