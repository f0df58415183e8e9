import forge from 'node-forge';

/** The few DER forms that certificates and revocation lists are made of, over node-forge's encoder. */

const { asn1 } = forge;

export type Asn1 = forge.asn1.Asn1;

/** A non-negative INTEGER in its only DER spelling: no leading zero byte but the one that keeps the sign. */
export function integer(magnitude: Uint8Array): Asn1 {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first);
  const sign = (digits[0] as number) >= 0x80 ? '\0' : '';
  return primitive(asn1.Type.INTEGER, sign + binary(digits));
}

export function bitString(bytes: Uint8Array, unused: number): Asn1 {
  return primitive(asn1.Type.BITSTRING, String.fromCharCode(unused) + binary(bytes));
}

export function octetString(bytes: Uint8Array): Asn1 {
  return primitive(asn1.Type.OCTETSTRING, binary(bytes));
}

/** DER leaves out a FALSE that is the default, so there is only this one. */
export function booleanTrue(): Asn1 {
  return primitive(asn1.Type.BOOLEAN, '\xff');
}

export function nullValue(): Asn1 {
  return primitive(asn1.Type.NULL, '');
}

export function oid(id: string): Asn1 {
  return primitive(asn1.Type.OID, asn1.oidToDer(id).getBytes());
}

export function utf8String(text: string): Asn1 {
  return primitive(asn1.Type.UTF8, binary(new TextEncoder().encode(text)));
}

export function printableString(text: string): Asn1 {
  return primitive(asn1.Type.PRINTABLESTRING, text);
}

export function ia5String(text: string): Asn1 {
  return primitive(asn1.Type.IA5STRING, text);
}

/** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(milliseconds: number): Asn1 {
  const digits = new Date(milliseconds).toISOString().slice(0, 19).replace(/\D/g, '');
  return Number(digits.slice(0, 4)) < 2050
    ? primitive(asn1.Type.UTCTIME, `${digits.slice(2)}Z`)
    : primitive(asn1.Type.GENERALIZEDTIME, `${digits}Z`);
}

export function sequence(...items: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [...items]);
}

export function setOf(item: Asn1): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [item]);
}

/** [tag] around another element. */
export function explicit(tag: number, item: Asn1): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [item]);
}

/** [tag] in place of a string's own tag. */
export function implicit(tag: number, bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, binary(bytes));
}

export function der(value: Asn1): Uint8Array {
  return new Uint8Array(Buffer.from(asn1.toDer(value).getBytes(), 'latin1'));
}

function primitive(type: forge.asn1.Type, content: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, content);
}

/** node-forge holds bytes as strings of one character per byte. */
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
