import { sign } from 'node:crypto';
import type { SnpProduct } from '../../verifier/codec/snp-product.ts';
import {
  parseSnpPolicy,
  type SnpEvidence,
  type SnpFacts,
  type SnpOptions,
  type SnpPolicy,
  type Verdict,
  type Verified,
  verifySnpReport,
} from '../../verifier/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { NOW } from './certificates.ts';
import { unsigned } from './der-writer.ts';
import { sha256Hex } from './nitro-evidence.ts';
import {
  type EndorsementSpec,
  endorsementKey,
  ia5,
  type SnpChainOptions,
  snpChain,
  snpRoot,
} from './snp-certificates.ts';

/** SNP reports with their certificates, right by default and wrong in whatever way a test asks for. */
export const SNP_CHALLENGE: Uint8Array = new Uint8Array(32).fill(0x5a);
export const SNP_MEASUREMENT: Uint8Array = new Uint8Array(48).fill(0x11);

type Kind = 'VCEK' | 'VLEK';

/** TCB_VERSION as bytes of a report, and the same as levels of a certificate. */
interface Profile {
  readonly tcb: Uint8Array;
  readonly cpu: readonly [family: number, model: number, stepping: number];
  readonly endorsement: Pick<EndorsementSpec, 'levels' | 'structVersion'> & { readonly productName: Uint8Array };
  readonly chipId: Uint8Array;
}

const zeroLevels = { spl4: 0, spl5: 0, spl6: 0, spl7: 0 };
const longChipId = Uint8Array.from({ length: 64 }, (_, index) => index + 1);

export const profiles: { readonly [product in SnpProduct]: Profile } = {
  Milan: {
    tcb: Uint8Array.of(4, 0, 0, 0, 0, 0, 0x18, 0xdb),
    cpu: [0x19, 0x01, 1],
    endorsement: {
      levels: { bootloader: 4, tee: 0, ...zeroLevels, snp: 0x18, microcode: 0xdb },
      structVersion: unsigned(0),
      productName: ia5('Milan-B0'),
    },
    chipId: longChipId,
  },
  Genoa: {
    tcb: Uint8Array.of(10, 0, 0, 0, 0, 0, 0x1b, 0x58),
    cpu: [0x19, 0x11, 1],
    endorsement: {
      levels: { bootloader: 10, tee: 0, ...zeroLevels, snp: 0x1b, microcode: 0x58 },
      structVersion: unsigned(0),
      productName: ia5('Genoa'),
    },
    chipId: longChipId,
  },
  Turin: {
    tcb: Uint8Array.of(3, 1, 0, 2, 0, 0, 0, 0x47),
    cpu: [0x1a, 0x02, 1],
    endorsement: {
      levels: { fmc: 3, bootloader: 1, tee: 0, snp: 2, spl5: 0, spl6: 0, spl7: 0, microcode: 0x47 },
      structVersion: unsigned(1),
      productName: ia5('Turin'),
    },
    chipId: concatBytes(longChipId.subarray(0, 8), new Uint8Array(56)),
  },
};

/** Bytes to write over a report before it is signed, by offset. */
export type Patches = { readonly [offset: number]: Uint8Array | readonly number[] };

export interface SnpChanges {
  readonly product?: SnpProduct;
  readonly kind?: Kind;
  readonly version?: number;
  readonly patches?: Patches;
  /** Over the report once it is signed. */
  readonly signedPatches?: Patches;
  readonly chain?: Partial<SnpChainOptions>;
  readonly endorsement?: Partial<EndorsementSpec>;
  /** Replaces the whole chain. */
  readonly certificates?: readonly Uint8Array[];
  readonly revocationLists?: readonly Uint8Array[];
}

export function le(value: number | bigint, bytes: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value), true);
  return out.slice(0, bytes);
}

function patch(bytes: Uint8Array, patches: Patches): void {
  for (const [offset, content] of Object.entries(patches)) bytes.set(content, Number(offset));
}

export function snpReport({ product = 'Genoa', kind = 'VCEK', version = 5, ...changes }: SnpChanges = {}): Uint8Array {
  const { tcb, cpu, chipId } = profiles[product];
  const report = new Uint8Array(0x4a0);
  patch(report, {
    0: le(version, 4),
    8: le(0x3_0000, 8),
    52: le(1, 4),
    56: tcb,
    64: le(0x25, 8),
    72: le(kind === 'VLEK' ? 4 : 0, 4),
    80: new Uint8Array(32).fill(0x22),
    112: SNP_CHALLENGE,
    144: SNP_MEASUREMENT,
    320: new Uint8Array(32).fill(0x33),
    352: new Uint8Array(32).fill(0xff),
    384: tcb,
    392: version === 2 ? [] : cpu,
    416: kind === 'VLEK' ? new Uint8Array(64) : chipId,
    480: tcb,
    488: [55, 55, 1, 0, 55, 55, 1, 0],
    496: tcb,
    504: version === 5 ? concatBytes(le(0x0b, 8), le(0x0b, 8)) : [],
  });
  patch(report, changes.patches ?? {});
  const key = { key: endorsementKey.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  const signature = new Uint8Array(sign('sha384', report.subarray(0, 0x2a0), key));
  patch(report, { 672: signature.slice(0, 48).reverse(), 744: signature.slice(48).reverse() });
  patch(report, changes.signedPatches ?? {});
  return report;
}

export function snpCertificates(changes: SnpChanges = {}): readonly Uint8Array[] {
  const { product = 'Genoa', kind = 'VCEK' } = changes;
  const { endorsement, chipId } = profiles[product];
  return snpChain({
    product,
    kind,
    endorsement: {
      ...endorsement,
      hardwareId: kind === 'VLEK' ? null : chipId.slice(0, product === 'Turin' ? 8 : 64),
      cspId: kind === 'VLEK' ? ia5('CN=cc-zz-test-1.example') : null,
      more: [],
      ...changes.endorsement,
    },
    ...changes.chain,
  });
}

/** The chain of a kind and product is made once unless a test changes it: signing takes longer than verifying. */
const chains = new Map<string, readonly Uint8Array[]>();

export function snpEvidence(changes: SnpChanges = {}): SnpEvidence {
  return {
    report: snpReport(changes),
    certificates: changes.certificates ?? chainFor(changes),
    revocationLists: changes.revocationLists ?? [],
  };
}

function chainFor(changes: SnpChanges): readonly Uint8Array[] {
  if (changes.chain !== undefined || changes.endorsement !== undefined) return snpCertificates(changes);
  const name = `${changes.product} ${changes.kind}`;
  const made = chains.get(name) ?? snpCertificates(changes);
  chains.set(name, made);
  return made;
}

export type JsonChanges = { readonly [rule: string]: JsonValue };

export function snpPolicyJson(changes: JsonChanges = {}): { readonly [rule: string]: JsonValue } {
  return {
    version: 1,
    name: 'tests',
    expires: '2031-01-01T00:00:00Z',
    tee: 'amd-sev-snp',
    level: 'simulated',
    roots: (['Milan', 'Genoa', 'Turin'] as const).map((product) => sha256Hex(snpRoot(product))),
    measurements: [toHex(SNP_MEASUREMENT)],
    reportVersions: [3, 5],
    maxAgeSeconds: 'any',
    products: { Milan: ['VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
    vmpl: [0],
    tcb: { reported: anyTcb, committed: anyTcb, launch: anyTcb },
    provisionalFirmware: 'refuse',
    firmware: { current: 'any', committed: 'any' },
    maskedChipId: 'vlek-only',
    chips: 'any',
    cspIds: ['CN=cc-zz-test-1.example'],
    guestPolicy: snpGuestPolicyJson(),
    platform: snpPlatformJson(),
    minimumGuestSvn: 'any',
    hostData: 'any',
    familyIds: 'any',
    imageIds: 'any',
    idKeyDigests: 'any',
    authorKeyDigests: 'any',
    reportIds: 'any',
    migrationAgents: 'none',
    mitigations: { launch: 'any', current: 'any' },
    revocationList: 'any',
    configurations: 'any',
    runtimes: 'any',
    operators: 'any',
    chain: 'any',
    publishers: 'any',
    models: 'any',
    sealed: 'required',
    headers: 'client-only',
    anchors: 'none',
    denied: { certificates: [], chips: [], measurements: [] },
    ...changes,
  };
}

export const anyTcb: JsonChanges = { Milan: 'any', Genoa: 'any', Turin: 'any' };

export function snpGuestPolicyJson(changes: JsonChanges = {}): JsonChanges {
  return {
    debug: 'refuse',
    migrationAgent: 'refuse',
    smtAllowed: 'any',
    singleSocket: 'any',
    cxlAllowed: 'any',
    aes256Xts: 'any',
    raplDisabled: 'any',
    ciphertextHiding: 'any',
    pageSwapDisabled: 'any',
    minimumAbi: 'any',
    ...changes,
  };
}

export function snpPlatformJson(changes: JsonChanges = {}): JsonChanges {
  return {
    smtEnabled: 'any',
    tsmeEnabled: 'any',
    eccEnabled: 'any',
    raplDisabled: 'any',
    ciphertextHiding: 'any',
    aliasCheckComplete: 'set',
    iommuWriteSafe: 'any',
    tioEnabled: 'any',
    unknownBits: 'refuse',
    ...changes,
  };
}

export function snpPolicy(changes: JsonChanges = {}): SnpPolicy {
  return parseSnpPolicy(snpPolicyJson(changes));
}

const strict = snpPolicy();

export function verifySnp(
  evidence: SnpEvidence,
  options: Partial<SnpOptions> = {},
): Promise<Verdict<Verified<SnpFacts>>> {
  return verifySnpReport(evidence, {
    policy: strict,
    now: NOW,
    challenge: SNP_CHALLENGE,
    product: 'any',
    suite: nodeSuite,
    cache: 'none',
    ...options,
  });
}

/** `accepted`, or the verdict and its code in one text. */
export async function snpRulingOn(evidence: SnpEvidence, options: Partial<SnpOptions> = {}): Promise<string> {
  const verdict = await verifySnp(evidence, options);
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`;
}
