import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { type BerElement, EnvelopeError, readBer } from './ber.ts';

/** What a recipient needs of a CMS EnvelopedData (RFC 5652 section 6). All of it is the sender's word. */
export interface EnvelopedKey {
  /** The content key under RSAES-OAEP with SHA-256. */
  readonly encryptedKey: Uint8Array;
  readonly iv: Uint8Array;
  /** 32 bytes and a block of padding under AES-256-CBC. */
  readonly ciphertext: Uint8Array;
}

const tag = {
  integer: 0x02,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  octetStringPieces: 0x24,
  context0: 0x80,
  context0Constructed: 0xa0,
  context1Constructed: 0xa1,
} as const;

/** Contents of OBJECT IDENTIFIERs, in hex. */
const oid = {
  data: '2a864886f70d010701',
  envelopedData: '2a864886f70d010703',
  rsaesOaep: '2a864886f70d010107',
  mgf1: '2a864886f70d010108',
  sha256: '608648016503040201',
  aes256Cbc: '60864801650304012a',
} as const;

const IV_BYTES = 16;
/** A 256-bit key is two blocks, so its padding is one more. */
const CIPHERTEXT_BYTES = 48;

/**
 * Reads the one form of message that KMS makes for an enclave: a single recipient by key transport, OAEP with SHA-256 in
 * both places and no label, AES-256-CBC around one key. Whatever could mean something else is refused, not ignored, but
 * for the recipient's name: this worker made one key and knows who it is.
 */
export function parseEnvelopedKey(bytes: Uint8Array): EnvelopedKey {
  const [type, content] = fields(readBer(bytes), tag.sequence, 2);
  requireOid(type, oid.envelopedData);
  const [enveloped] = fields(content, tag.context0Constructed, 1);
  const [version, recipients, encrypted] = fields(enveloped, tag.sequence, 3);
  const [recipient] = fields(recipients, tag.set, 1);
  const [recipientVersion, rid, algorithm, key] = fields(recipient, tag.sequence, 4);
  const form = checkRecipient(rid);
  // RFC 5652 sections 6.1 and 6.2.1: both versions follow from how the recipient is named.
  requireInteger(version, form === 'key-id' ? 2 : 0);
  requireInteger(recipientVersion, form === 'key-id' ? 2 : 0);
  checkOaep(algorithm);
  return { encryptedKey: octets(key, tag.octetString), ...readContent(encrypted) };
}

function readContent(encrypted: BerElement | undefined): Pick<EnvelopedKey, 'iv' | 'ciphertext'> {
  const [type, algorithm, content] = fields(encrypted, tag.sequence, 3);
  requireOid(type, oid.data);
  const [cipher, parameters] = fields(algorithm, tag.sequence, 2);
  requireOid(cipher, oid.aes256Cbc);
  const iv = octets(parameters, tag.octetString);
  if (iv.length !== IV_BYTES) throw unsupported(`an initialisation vector of ${iv.length} bytes`);
  const ciphertext = octets(content, tag.context0);
  if (ciphertext.length !== CIPHERTEXT_BYTES) throw unsupported(`${ciphertext.length} bytes where a key has 48`);
  return { iv, ciphertext };
}

/** `[0]` is a key identifier, a SEQUENCE an issuer and serial number; other kinds of recipients have other tags. */
function checkRecipient(rid: BerElement | undefined): 'key-id' | 'issuer' {
  if (rid?.tag === tag.sequence) {
    const [issuer, serial] = fields(rid, tag.sequence, 2);
    if (issuer?.tag !== tag.sequence || serial?.tag !== tag.integer) throw unsupported('no issuer and serial number');
    return 'issuer';
  }
  octets(rid, tag.context0);
  return 'key-id';
}

/** RFC 4055 section 4.1. Absent parameters would mean SHA-1, and a third one a label. */
function checkOaep(algorithm: BerElement | undefined): void {
  const [type, parameters] = fields(algorithm, tag.sequence, 2);
  requireOid(type, oid.rsaesOaep);
  const [hash, mask] = fields(parameters, tag.sequence, 2);
  const [hashAlgorithm] = fields(hash, tag.context0Constructed, 1);
  checkSha256(hashAlgorithm);
  const [maskAlgorithm] = fields(mask, tag.context1Constructed, 1);
  const [maskType, maskHash] = fields(maskAlgorithm, tag.sequence, 2);
  requireOid(maskType, oid.mgf1);
  checkSha256(maskHash);
}

/** RFC 4055 section 2.1: the parameters are NULL or absent, and both are to be accepted. */
function checkSha256(algorithm: BerElement | undefined): void {
  if (algorithm?.tag !== tag.sequence || algorithm.children === null) throw unsupported('no algorithm');
  const [type, parameters, ...more] = algorithm.children;
  requireOid(type, oid.sha256);
  if (more.length > 0) throw unsupported('parameters of a hash');
  if (parameters === undefined) return;
  if (parameters.tag !== tag.null || parameters.contents?.length !== 0) throw unsupported('parameters of a hash');
}

/** The members of a constructed element with this tag and just this many of them. */
function fields(element: BerElement | undefined, expected: number, count: number): readonly BerElement[] {
  if (element === undefined || element.tag !== expected || element.children === null) {
    throw unsupported(`tag ${element?.tag} where ${expected} belongs`);
  }
  if (element.children.length !== count) throw unsupported(`${element.children.length} members of tag ${expected}`);
  return element.children;
}

/** An octet string whole, or in the pieces that indefinite lengths bring with them (X.690 section 8.7.3). */
function octets(element: BerElement | undefined, expected: number): Uint8Array {
  if (element?.tag === expected && element.contents !== null) return element.contents;
  if (element === undefined || element.tag !== (expected | 0x20)) throw unsupported('no octet string');
  const pieces: Uint8Array[] = [];
  collect(element, pieces);
  return concatBytes(...pieces);
}

function collect({ children }: BerElement, pieces: Uint8Array[]): void {
  for (const piece of children ?? []) {
    if (piece.tag === tag.octetStringPieces) collect(piece, pieces);
    else if (piece.tag === tag.octetString && piece.contents !== null) pieces.push(piece.contents);
    else throw unsupported('a piece of an octet string that is none');
    if (pieces.length > limits.kmsRecipientPieces) throw unsupported('an octet string in too many pieces');
  }
}

function requireOid(element: BerElement | undefined, expected: string): void {
  if (element?.tag !== tag.oid || element.contents === null) throw unsupported('no object identifier');
  if (toHex(element.contents) !== expected) throw unsupported(`object identifier ${toHex(element.contents)}`);
}

function requireInteger(element: BerElement | undefined, expected: number): void {
  const contents = element?.tag === tag.integer ? element.contents : null;
  if (contents?.length !== 1 || contents[0] !== expected) throw unsupported('another version');
}

function unsupported(detail: string): EnvelopeError {
  return new EnvelopeError('envelope_unsupported', detail);
}
