import {
  createSnpRoot,
  makeSnpAuthority,
  type ReportRequest,
  type SnpAuthority,
  type SnpAuthorityOptions,
  type SnpRoot,
  type SnpRootOptions,
} from '../../../../enclave/simulator/snp/authority.ts';
import { type Product, profiles } from '../../../../enclave/simulator/snp/product.ts';
import { issueRevocationList, type RevocationListRequest } from '../../../../enclave/simulator/snp/revocation.ts';
import type { RsaSigningKey } from '../../../../enclave/simulator/snp/rsa.ts';
import { concatBytes } from '../../../../wire/bytes.ts';
import { filler } from '../../golden/keys.ts';
import { CHALLENGE, HOUR, NOW, SECOND } from '../base.ts';
import { type CertificateEdit, editCertificate } from '../certificate.ts';
import { publishedChance } from '../keys.ts';
import { snpKeys } from './keys.ts';

/** A machine of each product line of the simulator, and the evidence that every case starts from: Genoa's, version 5. */
const ISSUED = NOW - 24 * HOUR;
const SALT = filler('corpus PSS salt', 48);

export const CHIP: Uint8Array = filler('corpus chip', 64);
export const TURIN_CHIP: Uint8Array = CHIP.slice(0, 8);
export const OTHER_CHIP: Uint8Array = filler('corpus other chip', 64);
export const CSP_ID = 'CN=cc-zz-simulated-1.proofmark.invalid';
export const MEASUREMENT: Uint8Array = filler('corpus measurement', 48);
export const BINDINGS: {
  readonly hostData: Uint8Array;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
} = {
  hostData: filler('corpus host data', 32),
  familyId: filler('corpus family', 16),
  imageId: filler('corpus image', 16),
  idKeyDigest: filler('corpus id key', 48),
  authorKeyDigest: filler('corpus author key', 48),
  reportId: filler('corpus report id', 32),
};

const roots = new Map<string, SnpRoot>();

export function rootOf(product: Product, alter?: SnpRootOptions['alter']): SnpRoot {
  const make = (): SnpRoot =>
    createSnpRoot({
      product,
      now: ISSUED,
      keys: snpKeys,
      chance: publishedChance(`SEV-SNP root ${product}`),
      ...(alter === undefined ? {} : { alter }),
    });
  if (alter !== undefined) return make();
  const known = roots.get(product) ?? make();
  roots.set(product, known);
  return known;
}

export interface MachineOptions extends Partial<Omit<SnpAuthorityOptions, 'root' | 'chance' | 'now'>> {
  readonly product?: Product;
  readonly alter?: NonNullable<SnpRootOptions['alter']>;
}

const plain = new Map<string, SnpAuthority>();

/** RSA-4096 signatures take their time, so machines without changes are made once. */
export function machine(options: MachineOptions = {}): SnpAuthority {
  const { product = 'Genoa', signer = 'vcek', alter, ...changes } = options;
  const make = (): SnpAuthority =>
    makeSnpAuthority({
      root: rootOf(product, alter),
      signer,
      now: ISSUED,
      chance: publishedChance(`SEV-SNP ${product} ${signer}`),
      chipId: product === 'Turin' ? TURIN_CHIP : CHIP,
      cspId: CSP_ID,
      ...changes,
    });
  if (alter !== undefined || Object.keys(changes).length > 0) return make();
  const name = `${product} ${signer}`;
  const known = plain.get(name) ?? make();
  plain.set(name, known);
  return known;
}

/** What the strict policy asks for, on any line: Genoa's firmware, platform and mitigations. */
export const GUEST: ReportRequest = {
  reportData: concatBytes(filler('corpus identity'), CHALLENGE),
  measurement: MEASUREMENT,
  guestSvn: 5,
  guestPolicy: 0x3001fn,
  authorKeyEnabled: true,
  platformInfo: profiles.Genoa.platformInfo,
  currentFirmware: profiles.Genoa.firmware,
  committedFirmware: profiles.Genoa.firmware,
  mitigations: { launch: 0x0bn, current: 0x0bn },
  ...BINDINGS,
};

export type ListChanges = Partial<Omit<RevocationListRequest, 'root' | 'chance'>>;

export function revocationList(product: Product, changes: ListChanges = {}): Uint8Array {
  return issueRevocationList({
    root: rootOf(product),
    thisUpdate: NOW - HOUR,
    nextUpdate: NOW + HOUR,
    number: 1,
    revoked: [],
    chance: publishedChance(`SEV-SNP list ${product}`),
    ...changes,
  });
}

/** `editCertificate` for what an RSA key signed. */
export function editRsa(original: Uint8Array, key: RsaSigningKey, edit: CertificateEdit): Uint8Array {
  const signer = { point: new Uint8Array(0), sign: (message: Uint8Array) => key.sign(message, SALT) };
  return editCertificate(original, signer, { signature: (fixed) => fixed, ...edit });
}

export const SOON: number = NOW + SECOND;
export const JUST_OVER: number = NOW - SECOND;
export type { Product };
