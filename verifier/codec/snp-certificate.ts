import { VerifierError } from '../errors.ts';
import { ascii, type DerElement, derCount, derTag, onlyElement } from './der.ts';
import type { SnpProduct } from './snp-product.ts';
import type { SplName } from './snp-tcb.ts';
import type { ParsedCertificate } from './x509.ts';

/** What AMD writes into the certificate of an endorsement key (57230, VCEK and VLEK extensions). null: not written. */
export interface SnpEndorsement {
  readonly kind: 'VCEK' | 'VLEK' | null;
  readonly product: SnpProduct | null;
  readonly levels: ReadonlyMap<SplName, number>;
  /** Of the chip: 64 bytes, or 8 from Turin on. */
  readonly hardwareId: Uint8Array | null;
  /** Of the cloud to which AMD gave the key. */
  readonly cspId: string | null;
}

const AMD = '1.3.6.1.4.1.3704.1';
const OID = {
  structVersion: `${AMD}.1`,
  productName: `${AMD}.2`,
  hardwareId: `${AMD}.4`,
  cspId: `${AMD}.5`,
} as const;

const LEVELS: readonly (readonly [name: SplName, oid: string])[] = [
  ['bootloader', `${AMD}.3.1`],
  ['tee', `${AMD}.3.2`],
  ['snp', `${AMD}.3.3`],
  ['spl4', `${AMD}.3.4`],
  ['spl5', `${AMD}.3.5`],
  ['spl6', `${AMD}.3.6`],
  ['spl7', `${AMD}.3.7`],
  ['microcode', `${AMD}.3.8`],
  ['fmc', `${AMD}.3.9`],
];

/** 0 up to Genoa, 1 from Turin on. Another one may mean that the extensions mean something else. */
const STRUCT_VERSIONS: readonly number[] = [0, 1];
/** The silicon stepping may follow the name, as in "Milan-B0". */
const PRODUCT_NAME = /^(Milan|Genoa|Turin)(?:-[A-Z][0-9])?$/;

export function parseSnpEndorsement({ subject, extensions: { others } }: ParsedCertificate): SnpEndorsement {
  const levels = new Map<SplName, number>();
  for (const [name, oid] of LEVELS) {
    const value = others.get(oid);
    if (value !== undefined) levels.set(name, parseByte(value, oid));
  }
  const structVersion = others.get(OID.structVersion);
  if (structVersion !== undefined && !STRUCT_VERSIONS.includes(parseByte(structVersion, OID.structVersion))) {
    throw malformed('an unknown version of the extensions', OID.structVersion);
  }
  const productName = others.get(OID.productName);
  const cspId = others.get(OID.cspId);
  return {
    kind: kindOf(subject.commonName),
    product: productName === undefined ? null : parseProduct(productName),
    levels,
    // Raw bytes, the only extension that AMD does not wrap in a type of its own.
    hardwareId: others.get(OID.hardwareId) ?? null,
    cspId: cspId === undefined ? null : parseText(cspId, OID.cspId),
  };
}

function kindOf(commonName: string | null): SnpEndorsement['kind'] {
  if (commonName === 'SEV-VCEK') return 'VCEK';
  return commonName === 'SEV-VLEK' ? 'VLEK' : null;
}

function parseByte(value: Uint8Array, oid: string): number {
  const level = derCount(only(value, derTag.integer));
  if (level > 0xff) throw malformed('a level of more than one byte', oid);
  return level;
}

function parseProduct(value: Uint8Array): SnpProduct | null {
  const name = PRODUCT_NAME.exec(parseText(value, OID.productName));
  // A product of another name is no damage; the rule that compares products will not find it.
  return name === null ? null : (name[1] as SnpProduct);
}

function parseText(value: Uint8Array, oid: string): string {
  const text = ascii(only(value, derTag.ia5String).contents);
  if (!/^[\x20-\x7e]{1,128}$/.test(text)) throw malformed('not 1 to 128 printable characters', oid);
  return text;
}

function only(value: Uint8Array, tag: number): DerElement {
  return onlyElement(value, tag);
}

function malformed(detail: string, oid: string): VerifierError {
  return new VerifierError('certificate_extension', detail, { checkId: 'C1', field: oid });
}
