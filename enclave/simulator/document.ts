import { concatBytes, utf8 } from '../../wire/bytes.ts';
import type { Signer } from './authority.ts';

/**
 * The attestation document as the device writes it: an untagged COSE_Sign1 (RFC 9052 section 4.2) whose payload map
 * keeps AWS's own field order. That order is not deterministic CBOR, so the few items are written out here by hand.
 * AWS wrote the map with a definite length until 2025 and with an indefinite one since (verifier-checks, fact 1).
 */
export type DocumentEncoding = 'definite' | 'indefinite';

export interface DocumentFields {
  readonly moduleId: string;
  readonly timestamp: number;
  readonly pcrs: readonly (readonly [number, Uint8Array])[];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

/** {1: -35}: algorithm ES384. */
const PROTECTED_HEADER = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);
const FIELDS = 9;

export function signDocument(signer: Signer, encoding: DocumentEncoding, fields: DocumentFields): Uint8Array {
  const payload = payloadOf(signer, encoding, fields);
  const signed = concatBytes(
    array(4),
    text('Signature1'),
    byteString(PROTECTED_HEADER),
    byteString(new Uint8Array(0)),
    byteString(payload),
  );
  return concatBytes(
    array(4),
    byteString(PROTECTED_HEADER),
    map(0),
    byteString(payload),
    byteString(signer.key.sign(signed)),
  );
}

function payloadOf(signer: Signer, encoding: DocumentEncoding, fields: DocumentFields): Uint8Array {
  const [open, close] =
    encoding === 'definite' ? [map(FIELDS), new Uint8Array(0)] : [Uint8Array.of(0xbf), Uint8Array.of(0xff)];
  return concatBytes(
    open,
    ...[text('module_id'), text(fields.moduleId)],
    ...[text('digest'), text('SHA384')],
    ...[text('timestamp'), head(0, fields.timestamp)],
    ...[
      text('pcrs'),
      map(fields.pcrs.length),
      ...fields.pcrs.flatMap(([index, value]) => [head(0, index), byteString(value)]),
    ],
    ...[text('certificate'), byteString(signer.certificate)],
    ...[text('cabundle'), array(signer.cabundle.length), ...signer.cabundle.map(byteString)],
    ...[text('public_key'), byteStringOrNull(fields.publicKey)],
    ...[text('user_data'), byteStringOrNull(fields.userData)],
    ...[text('nonce'), byteStringOrNull(fields.nonce)],
    close,
  );
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  return concatBytes(head(3, bytes.length), bytes);
}

function byteString(value: Uint8Array): Uint8Array {
  return concatBytes(head(2, value.length), value);
}

function byteStringOrNull(value: Uint8Array | null): Uint8Array {
  return value === null ? Uint8Array.of(0xf6) : byteString(value);
}

function array(length: number): Uint8Array {
  return head(4, length);
}

function map(length: number): Uint8Array {
  return head(5, length);
}

/** The head of a data item in its shortest form (RFC 8949 section 3). */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument <= 0xff) return Uint8Array.of(type | 24, argument);
  const out = new DataView(new ArrayBuffer(9));
  if (argument <= 0xffff) {
    out.setUint8(0, type | 25);
    out.setUint16(1, argument);
    return new Uint8Array(out.buffer, 0, 3);
  }
  if (argument <= 0xffff_ffff) {
    out.setUint8(0, type | 26);
    out.setUint32(1, argument);
    return new Uint8Array(out.buffer, 0, 5);
  }
  out.setUint8(0, type | 27);
  out.setBigUint64(1, BigInt(argument));
  return new Uint8Array(out.buffer);
}
