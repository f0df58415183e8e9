import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';
import { ascii, type DerElement, derOid, derRaw, derTag, inside } from './der.ts';

/** A name as received, for byte comparison, and the one attribute that rules speak about. */
export interface DistinguishedName {
  readonly raw: Uint8Array;
  readonly commonName: string | null;
}

const OID_COMMON_NAME = '2.5.4.3';
/** The tag bit of an element made of elements (X.690 section 8.1.2.5). */
const CONSTRUCTED = 0x20;

/**
 * RDNSequence with one attribute in each part. Parts with several attributes are legal X.509 that no vendor here
 * issues, and they would make "the" common name ambiguous.
 */
export function parseName(element: DerElement): DistinguishedName {
  const parts = inside(element);
  let commonName: string | null = null;
  let count = 0;
  while (!parts.done) {
    count += 1;
    if (count > limits.nameAttributes) throw nameError('too many attributes', element);
    const set = inside(parts.read(derTag.set));
    const attribute = inside(set.read(derTag.sequence));
    set.end();
    const oid = derOid(attribute.read(derTag.oid));
    const value = attribute.readAny();
    attribute.end();
    if ((value.tag & CONSTRUCTED) !== 0) throw nameError('an attribute that is not a plain string', value);
    if (oid !== OID_COMMON_NAME) continue;
    if (commonName !== null) throw nameError('two common names', value);
    commonName = parseCommonName(value);
  }
  // An empty issuer would be equal to any other empty subject.
  if (count === 0) throw nameError('empty name', element);
  return { raw: derRaw(element), commonName };
}

function parseCommonName(element: DerElement): string {
  if (element.tag !== derTag.utf8String && element.tag !== derTag.printableString) {
    throw nameError('the common name is neither UTF8String nor PrintableString', element);
  }
  const name = ascii(element.contents);
  // RFC 5280 upper bound ub-common-name is 64. Only printable ASCII: what rules compare has no look-alikes.
  if (!/^[\x20-\x7e]{1,64}$/.test(name))
    throw nameError('the common name is not 1 to 64 printable characters', element);
  return name;
}

function nameError(detail: string, element: DerElement): VerifierError {
  return new VerifierError('certificate_name', detail, { checkId: 'C1', offset: element.offset });
}
