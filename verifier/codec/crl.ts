import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';
import {
  contextTag,
  type DerCursor,
  type DerElement,
  derBoolean,
  derInteger,
  derOid,
  derRaw,
  derTag,
  derTime,
  inside,
  onlyElement,
} from './der.ts';
import { parseAlgorithm, parseSignature, type SignatureValue } from './x509.ts';
import { type DistinguishedName, parseName } from './x509-name.ts';

/** A revocation list that was read and not yet believed. */
export interface ParsedRevocationList {
  readonly tbs: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial numbers as certificates write them. */
  readonly revoked: readonly Uint8Array[];
  readonly signature: SignatureValue;
}

/** RFC 5280 section 5, version 2, complete and by its own issuer: any critical extension may mean something else. */
export function parseRevocationList(source: Uint8Array): ParsedRevocationList {
  if (source.length > limits.revocationListBytes) throw malformed(`${source.length} bytes`, 0);
  const bytes = new Uint8Array(source);
  const list = inside(onlyElement(bytes, derTag.sequence));
  const tbs = list.read(derTag.sequence);
  const outerAlgorithm = list.read(derTag.sequence);
  const signatureValue = list.read(derTag.bitString);
  list.end();

  const fields = inside(tbs);
  const version = fields.read(derTag.integer);
  const [number] = derInteger(version);
  if (version.contents.length !== 1 || number !== 1) throw malformed('not version 2', version.offset);
  const algorithm = parseAlgorithm(fields.read(derTag.sequence), outerAlgorithm);
  const issuer = parseName(fields.read(derTag.sequence));
  const thisUpdate = readTime(fields);
  const nextUpdate = readTime(fields);
  const entries = fields.readOptional(derTag.sequence);
  const extensions = fields.readOptional(contextTag(0, 'constructed'));
  fields.end();
  if (extensions !== undefined) refuseCritical(onlyElement(extensions.contents, derTag.sequence, extensions.offset));
  return {
    tbs: derRaw(tbs),
    issuer,
    thisUpdate,
    nextUpdate,
    revoked: entries === undefined ? [] : readEntries(entries),
    signature: parseSignature(algorithm, signatureValue),
  };
}

function readTime(fields: DerCursor): number {
  return derTime(fields.readOptional(derTag.utcTime) ?? fields.read(derTag.generalizedTime));
}

function readEntries(element: DerElement): readonly Uint8Array[] {
  const entries = inside(element);
  const revoked: Uint8Array[] = [];
  while (!entries.done) {
    if (revoked.length === limits.revokedCertificates) throw malformed('too many entries', element.offset);
    const entry = inside(entries.read(derTag.sequence));
    revoked.push(derInteger(entry.read(derTag.integer)));
    readTime(entry);
    const extensions = entry.readOptional(derTag.sequence);
    entry.end();
    if (extensions !== undefined) refuseCritical(extensions);
  }
  // RFC 5280 section 5.1.2.6: the list of entries is left out where it would be empty.
  if (revoked.length === 0) throw malformed('an empty list of entries', element.offset);
  return revoked;
}

function refuseCritical(element: DerElement): void {
  const list = inside(element);
  let count = 0;
  while (!list.done) {
    count += 1;
    if (count > limits.certificateExtensions) throw malformed('too many extensions', element.offset);
    const fields = inside(list.read(derTag.sequence));
    const oid = derOid(fields.read(derTag.oid));
    const flag = fields.readOptional(derTag.boolean);
    fields.read(derTag.octetString);
    fields.end();
    if (flag !== undefined && derBoolean(flag)) throw malformed(`critical extension ${oid}`, element.offset);
  }
}

function malformed(detail: string, offset: number): VerifierError {
  return new VerifierError('revocation_list_invalid', detail, { checkId: 'C19.form', offset });
}
