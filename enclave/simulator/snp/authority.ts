import { type Extension, p384PublicKey } from '../certificate.ts';
import { SimulatorError } from '../errors.ts';
import type { Chance } from '../signing.ts';
import {
  type Holder,
  issueSnpCertificate,
  leafExtensions,
  PSS_SALT_BYTES,
  rsaPublicKey,
  type SnpCertificateRequest,
  snpName,
} from './certificate.ts';
import { type Product, profiles, type SignerKind, type Tcb } from './product.ts';
import { encodeReport, type Patch, type ReportFields, signReport } from './report.ts';
import type { RsaSigningKey } from './rsa.ts';

/**
 * AMD's authorities for one product line, and the firmware that signs reports under them. What it signs differs from
 * the real thing by its roots and by its names, which say SIMULATED where AMD's say AMD. Common names are AMD's, since
 * verifiers go by them: nothing is recognised as simulated but by its root (DESIGN section 9).
 */

const SECOND = 1_000;
const YEAR = 365 * 24 * 3_600 * SECOND;
const LIFETIME = { authority: 25 * YEAR, vcek: 7 * YEAR, vlek: YEAR } as const;
const CHIP_ID_BYTES = 64;

/** ".invalid" resolves nowhere (RFC 2606): there is no key distribution service behind ours. */
const KEY_SERVICE = 'https://kdsintf.simulated.proofmark.invalid';
/** Stands where AMD names the cloud and region that it lent the key to. */
const CSP_ID = 'CN=cc-zz-simulated-1.proofmark.invalid';

export interface SnpCa {
  readonly certificate: Uint8Array;
  readonly key: RsaSigningKey;
}

/** ARK, and below it ASK for chip keys and ASVK for lent keys. */
export interface SnpRoot {
  readonly product: Product;
  readonly ark: SnpCa;
  readonly ask: SnpCa;
  readonly asvk: SnpCa;
}

export interface SnpRootKeys {
  readonly ark: RsaSigningKey;
  readonly ask: RsaSigningKey;
  readonly asvk: RsaSigningKey;
}

export interface SnpAuthorityOptions {
  readonly root: SnpRoot;
  readonly signer: SignerKind;
  readonly now: number;
  readonly chance: Chance;
  /** 64 bytes, or 8 on Turin; drawn where left out. A lent key knows no chip, so with `vlek` it is not used. */
  readonly chipId?: Uint8Array;
  /** With `vlek`: "CN=..." of the cloud. */
  readonly cspId?: string;
  /** What the leaf certifies and reports say unless they are told otherwise; that of the line's firmware where left out. */
  readonly tcb?: Tcb;
  /** Changes what the leaf will say before it is signed: test vectors issue what AMD never would. */
  readonly alterLeaf?: (request: SnpCertificateRequest) => SnpCertificateRequest;
}

export type ReportRequest = Pick<ReportFields, 'reportData' | 'measurement'> &
  Partial<ReportFields> & {
    /** Written over all fields before the report is signed. */
    readonly patches?: readonly Patch[];
  };

export interface SnpAuthority {
  /** Leaf, ASK or ASVK, ARK. */
  readonly certificates: readonly [leaf: Uint8Array, intermediate: Uint8Array, root: Uint8Array];
  readonly report: (request: ReportRequest) => Uint8Array;
}

export interface SnpRootOptions {
  readonly product: Product;
  readonly now: number;
  readonly keys: SnpRootKeys;
  readonly chance: Chance;
  /** As `alterLeaf`, for the certificates above. */
  readonly alter?: (role: keyof SnpRootKeys, request: SnpCertificateRequest) => SnpCertificateRequest;
}

export function createSnpRoot(options: SnpRootOptions): SnpRoot {
  const { product, now, keys, chance } = options;
  const issue = (role: keyof SnpRootKeys): SnpCa => {
    const request: SnpCertificateRequest = {
      serial: authoritySerial(product, role),
      issuer: snpName(authorityName(product, 'ark')),
      subject: snpName(authorityName(product, role)),
      ...validity(now, LIFETIME.authority),
      subjectKey: rsaPublicKey(keys[role].modulus),
      extensions: authorityExtensions(product, role),
      trailer: 'written',
      salt: chance.bytes(PSS_SALT_BYTES),
    };
    return { key: keys[role], certificate: issueSnpCertificate(options.alter?.(role, request) ?? request, keys.ark) };
  };
  return { product, ark: issue('ark'), ask: issue('ask'), asvk: issue('asvk') };
}

/**
 * One chip (or fleet) at one TCB, with the key that the firmware derives for it. AMD issues another key and certificate
 * for every TCB: an update is another authority.
 */
export function makeSnpAuthority(options: SnpAuthorityOptions): SnpAuthority {
  const { root, signer, now, chance } = options;
  const { product } = root;
  const profile = profiles[product];
  const tcb = options.tcb ?? profile.tcb;
  const holder: Holder =
    signer === 'vcek'
      ? { signer, chipId: options.chipId ?? chance.bytes(profile.chipIdBytes) }
      : { signer, cspId: options.cspId ?? CSP_ID };
  const key = chance.key();
  const issuer = signer === 'vcek' ? root.ask : root.asvk;
  const request: SnpCertificateRequest = {
    serial: Uint8Array.of(0),
    issuer: snpName(authorityName(product, signer === 'vcek' ? 'ask' : 'asvk')),
    subject: snpName(signer === 'vcek' ? 'SEV-VCEK' : 'SEV-VLEK'),
    ...validity(now, LIFETIME[signer]),
    subjectKey: p384PublicKey(key.point),
    extensions: leafExtensions(product, tcb, holder),
    trailer: 'left out',
    salt: chance.bytes(PSS_SALT_BYTES),
  };
  const leaf = issueSnpCertificate(options.alterLeaf?.(request) ?? request, issuer.key);
  const defaults = {
    ...GUEST_DEFAULTS,
    currentTcb: tcb,
    platformInfo: profile.platformInfo,
    signingKey: signer === 'vcek' ? 0 : 1,
    reportId: chance.bytes(32),
    reportedTcb: tcb,
    cpu: profile.cpu,
    chipId: reportedChipId(product, holder),
    committedTcb: tcb,
    currentFirmware: profile.firmware,
    committedFirmware: profile.firmware,
    launchTcb: tcb,
    mitigations: { launch: profile.mitigations, current: profile.mitigations },
  };
  return {
    certificates: [leaf, issuer.certificate, root.ark.certificate],
    report: ({ patches = [], ...fields }) =>
      signReport(encodeReport(product, { ...defaults, ...fields }, patches), key),
  };
}

/** A guest launched with the plainest policy (SMT allowed; bit 17 is always one), without ID block or migration agent. */
const GUEST_DEFAULTS = {
  version: 5,
  guestSvn: 0,
  guestPolicy: 0x30000n,
  familyId: new Uint8Array(16),
  imageId: new Uint8Array(16),
  vmpl: 0,
  signatureAlgorithm: 1,
  authorKeyEnabled: false,
  chipKeyMasked: false,
  hostData: new Uint8Array(32),
  idKeyDigest: new Uint8Array(48),
  authorKeyDigest: new Uint8Array(48),
  migrationAgentReportId: new Uint8Array(32).fill(0xff),
} as const;

function reportedChipId(product: Product, holder: Holder): Uint8Array {
  const chipId = new Uint8Array(CHIP_ID_BYTES);
  if (holder.signer === 'vlek') return chipId;
  if (holder.chipId.length !== profiles[product].chipIdBytes) {
    throw new SimulatorError('argument_invalid', `a chip id of ${holder.chipId.length} bytes on ${product}`);
  }
  chipId.set(holder.chipId);
  return chipId;
}

function authorityName(product: Product, role: keyof SnpRootKeys): string {
  switch (role) {
    case 'ark':
      return `ARK-${product}`;
    case 'ask':
      return `SEV-${product}`;
    case 'asvk':
      return `SEV-VLEK-${product}`;
  }
}

/** As AMD numbers them: the line, 1 for lent keys, 1 for what is not the root. */
function authoritySerial(product: Product, role: keyof SnpRootKeys): Uint8Array {
  return Uint8Array.of(profiles[product].line, role === 'asvk' ? 1 : 0, role === 'ark' ? 0 : 1);
}

function authorityExtensions(product: Product, role: keyof SnpRootKeys): readonly Extension[] {
  const service = role === 'asvk' ? 'vlek' : 'vcek';
  const revocationList: Extension = { kind: 'revocationList', url: `${KEY_SERVICE}/${service}/v1/${product}/crl` };
  return role === 'ark'
    ? [
        { kind: 'keyUsage', uses: ['keyCertSign', 'cRLSign'], criticality: 'critical' },
        { kind: 'subjectKey' },
        { kind: 'authority', pathLength: 'unbounded' },
        revocationList,
      ]
    : [
        { kind: 'subjectKey' },
        { kind: 'authorityKey' },
        { kind: 'authority', pathLength: 0 },
        { kind: 'keyUsage', uses: ['keyCertSign'], criticality: 'critical' },
        revocationList,
      ];
}

function validity(now: number, lifetime: number): { readonly notBefore: number; readonly notAfter: number } {
  const notBefore = Math.floor(now / SECOND) * SECOND;
  return { notBefore, notAfter: notBefore + lifetime };
}
