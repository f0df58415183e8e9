import type { SigningKey } from '../../../enclave/simulator/signing.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { bits, der, octets, oid, sequence, set, TRUE, unsigned } from '../../support/der-writer.ts';

/** Takes a certificate of the simulator apart, changes one thing, and signs it again. */
export interface CertificateEdit {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  /** The signed copy of the signature algorithm, and the unsigned one. */
  readonly innerAlgorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly extensions?: (made: readonly Uint8Array[]) => readonly Uint8Array[];
  /** Of the DER signature. */
  readonly signature?: (fixed: Uint8Array) => Uint8Array;
  /** Instead of the issuer. */
  readonly signer?: SigningKey;
  /** Of the signed part, before it is signed. */
  readonly tbs?: (made: Uint8Array) => Uint8Array;
  /** After the last element inside the outer sequence. */
  readonly inside?: Uint8Array;
  /** Of the finished bytes. */
  readonly whole?: (made: Uint8Array) => Uint8Array;
}

export const ECDSA_SHA384: Uint8Array = sequence(oid('1.2.840.10045.4.3.3'));
export const ECDSA_SHA256: Uint8Array = sequence(oid('1.2.840.10045.4.3.2'));

/** The elements inside a constructed one. For well-formed DER with lengths of up to two bytes. */
export function elementsIn(element: Uint8Array): readonly Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let at = headerLength(element); at < element.length; ) {
    const rest = element.subarray(at);
    const length = headerLength(rest) + contentLength(rest);
    elements.push(rest.subarray(0, length));
    at += length;
  }
  return elements;
}

function headerLength(element: Uint8Array): number {
  const first = element[1] as number;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentLength(element: Uint8Array): number {
  const first = element[1] as number;
  if (first < 0x80) return first;
  return element.subarray(2, headerLength(element)).reduce((length, byte) => length * 256 + byte, 0);
}

export function contentsOf(element: Uint8Array): Uint8Array {
  return element.subarray(headerLength(element));
}

export function editCertificate(original: Uint8Array, issuerKey: SigningKey, edit: CertificateEdit): Uint8Array {
  const [tbs, outerAlgorithm] = elementsIn(original) as [Uint8Array, Uint8Array];
  const [version, serial, innerAlgorithm, issuer, validity, subject, spki, wrapper] = elementsIn(tbs) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const [notBefore, notAfter] = elementsIn(validity) as [Uint8Array, Uint8Array];
  const extensions = elementsIn(elementsIn(wrapper)[0] as Uint8Array);
  const made = sequence(
    edit.version ?? version,
    edit.serial ?? serial,
    edit.innerAlgorithm ?? innerAlgorithm,
    edit.issuer ?? issuer,
    sequence(edit.notBefore ?? notBefore, edit.notAfter ?? notAfter),
    edit.subject ?? subject,
    edit.spki ?? spki,
    der(0xa3, sequence(...(edit.extensions?.(extensions) ?? extensions))),
  );
  const signed = edit.tbs?.(made) ?? made;
  const fixed = (edit.signer ?? issuerKey).sign(signed);
  const signature = edit.signature?.(fixed) ?? derSignature(fixed);
  const whole = sequence(
    signed,
    edit.outerAlgorithm ?? outerAlgorithm,
    bits(signature),
    edit.inside ?? new Uint8Array(0),
  );
  return edit.whole?.(whole) ?? whole;
}

export function derSignature(fixed: Uint8Array): Uint8Array {
  return sequence(unsigned(fixed.subarray(0, 48)), unsigned(fixed.subarray(48)));
}

export function subjectOf(certificate: Uint8Array): Uint8Array {
  return elementsIn(elementsIn(certificate)[0] as Uint8Array)[5] as Uint8Array;
}

export function tbsOf(certificate: Uint8Array): Uint8Array {
  return elementsIn(certificate)[0] as Uint8Array;
}

/** As X.509 writes a key of P-384; `point` may be no point at all. */
export function p384Key(point: Uint8Array): Uint8Array {
  return sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')), bits(point));
}

export function p256Key(point: Uint8Array): Uint8Array {
  return sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits(point));
}

/** The extension with this id replaced, or left out for null. */
export function replaceExtension(
  id: string,
  replacement: Uint8Array | null,
): (made: readonly Uint8Array[]) => readonly Uint8Array[] {
  const wanted = oid(id);
  return (made) => {
    const rest = made.flatMap((extension) => {
      const found = elementsIn(extension)[0] as Uint8Array;
      if (Buffer.compare(found, wanted) !== 0) return [extension];
      return replacement === null ? [] : [replacement];
    });
    if (rest.length === made.length && rest.every((extension, index) => extension === made[index])) {
      throw new RangeError(`no extension ${id}`);
    }
    return rest;
  };
}

export function extension(id: string, value: Uint8Array, criticality: 'critical' | 'plain'): Uint8Array {
  return sequence(oid(id), ...(criticality === 'critical' ? [TRUE] : []), octets(value));
}

export const ID = {
  authorityKey: '2.5.29.35',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  /** Of nobody: the arc for private enterprises, number 99999. */
  unknown: '1.3.6.1.4.1.99999.1',
} as const;

export function nameOf(...attributes: readonly (readonly [type: string, value: string])[]): Uint8Array {
  return sequence(
    ...attributes.map(([type, value]) => set(sequence(oid(type), der(type === '2.5.4.6' ? 0x13 : 0x0c, utf8(value))))),
  );
}

export function utcTimeText(text: string): Uint8Array {
  return der(0x17, utf8(text));
}

export function generalizedTimeText(text: string): Uint8Array {
  return der(0x18, utf8(text));
}

export function append(...tail: readonly number[]): (made: Uint8Array) => Uint8Array {
  return (made) => concatBytes(made, Uint8Array.from(tail));
}
