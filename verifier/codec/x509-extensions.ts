import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';
import {
  contentOffset,
  contextTag,
  type DerElement,
  derBoolean,
  derCount,
  derNamedBits,
  derOid,
  derTag,
  inside,
  onlyElement,
  type TrailingZeroBits,
} from './der.ts';

export interface BasicConstraints {
  readonly critical: boolean;
  readonly ca: boolean;
  /** null: no limit was written. */
  readonly pathLength: number | null;
}

export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
}

/** What path validation reads. `null` means that the certificate does not have the extension. */
export interface Extensions {
  readonly basicConstraints: BasicConstraints | null;
  readonly keyUsage: KeyUsage | null;
  readonly subjectKeyIdentifier: Uint8Array | null;
  readonly authorityKeyIdentifier: Uint8Array | null;
  /** OIDs of critical extensions that nothing here understands: path validation refuses them. */
  readonly unknownCritical: readonly string[];
  /** Contents of the extensions that are read elsewhere or nowhere, by OID. */
  readonly others: ReadonlyMap<string, Uint8Array>;
}

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
} as const;

const KNOWN: ReadonlySet<string> = new Set(Object.values(OID));
/** Positions in the KeyUsage bit list (RFC 5280 section 4.2.1.3); 9 bits are defined. */
const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, bits: 9 } as const;

interface RawExtension {
  readonly critical: boolean;
  readonly value: DerElement;
}

export function parseExtensions(wrapper: DerElement | undefined, trailingZeroBits: TrailingZeroBits): Extensions {
  const found = wrapper === undefined ? new Map<string, RawExtension>() : readAll(wrapper);
  const basicConstraints = found.get(OID.basicConstraints);
  const keyUsage = found.get(OID.keyUsage);
  const subjectKeyIdentifier = found.get(OID.subjectKeyIdentifier);
  const authorityKeyIdentifier = found.get(OID.authorityKeyIdentifier);
  return {
    basicConstraints: basicConstraints === undefined ? null : parseBasicConstraints(basicConstraints),
    keyUsage: keyUsage === undefined ? null : parseKeyUsage(keyUsage, trailingZeroBits),
    subjectKeyIdentifier: subjectKeyIdentifier === undefined ? null : parseSubjectKeyIdentifier(subjectKeyIdentifier),
    authorityKeyIdentifier:
      authorityKeyIdentifier === undefined ? null : parseAuthorityKeyIdentifier(authorityKeyIdentifier),
    ...unknownTo(found),
  };
}

function unknownTo(found: ReadonlyMap<string, RawExtension>): Pick<Extensions, 'unknownCritical' | 'others'> {
  const unknownCritical: string[] = [];
  const others = new Map<string, Uint8Array>();
  for (const [oid, { critical, value }] of found) {
    if (KNOWN.has(oid)) continue;
    if (critical) unknownCritical.push(oid);
    others.set(oid, value.contents);
  }
  return { unknownCritical, others };
}

function readAll(wrapper: DerElement): ReadonlyMap<string, RawExtension> {
  const outer = inside(wrapper);
  const list = inside(outer.read(derTag.sequence));
  outer.end();
  const found = new Map<string, RawExtension>();
  do {
    const element = list.read(derTag.sequence);
    const fields = inside(element);
    const oid = derOid(fields.read(derTag.oid));
    const flag = fields.readOptional(derTag.boolean);
    // DER leaves out a value that is the default (X.690 section 11.5): an explicit FALSE is another spelling.
    if (flag !== undefined && !derBoolean(flag)) throw malformed('critical is spelt out as FALSE', flag);
    const value = fields.read(derTag.octetString);
    fields.end();
    if (found.has(oid)) {
      throw new VerifierError('certificate_extension_duplicate', oid, { checkId: 'C14', offset: element.offset });
    }
    if (found.size === limits.certificateExtensions) throw malformed('too many extensions', element);
    found.set(oid, { critical: flag !== undefined, value });
  } while (!list.done);
  return found;
}

function content({ value }: RawExtension, tag: number): DerElement {
  return onlyElement(value.contents, tag, contentOffset(value));
}

function parseBasicConstraints(extension: RawExtension): BasicConstraints {
  const element = content(extension, derTag.sequence);
  const fields = inside(element);
  const flag = fields.readOptional(derTag.boolean);
  if (flag !== undefined && !derBoolean(flag)) throw malformed('cA is spelt out as FALSE', flag);
  const ca = flag !== undefined;
  const length = fields.readOptional(derTag.integer);
  fields.end();
  // RFC 5280 section 4.2.1.9: a path length has a meaning only for a CA.
  if (length !== undefined && !ca) throw malformed('a path length without cA', element);
  return { critical: extension.critical, ca, pathLength: length === undefined ? null : derCount(length) };
}

function parseKeyUsage(extension: RawExtension, trailingZeroBits: TrailingZeroBits): KeyUsage {
  const element = content(extension, derTag.bitString);
  const bits = derNamedBits(element, trailingZeroBits);
  if (bits.slice(KEY_USAGE.bits).includes(true)) throw malformed('a key usage that is not defined', element);
  return {
    digitalSignature: bits[KEY_USAGE.digitalSignature] === true,
    keyCertSign: bits[KEY_USAGE.keyCertSign] === true,
  };
}

function parseSubjectKeyIdentifier(extension: RawExtension): Uint8Array {
  const element = content(extension, derTag.octetString);
  if (element.contents.length === 0) throw malformed('empty key identifier', element);
  return element.contents;
}

/** Only the form with a key identifier. The form with issuer and serial is legal and unused by the vendors here. */
function parseAuthorityKeyIdentifier(extension: RawExtension): Uint8Array {
  const fields = inside(content(extension, derTag.sequence));
  const element = fields.read(contextTag(0, 'primitive'));
  fields.end();
  if (element.contents.length === 0) throw malformed('empty key identifier', element);
  return element.contents;
}

function malformed(detail: string, element: DerElement): VerifierError {
  return new VerifierError('certificate_extension', detail, { checkId: 'C1', offset: element.offset });
}
