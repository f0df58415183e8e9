import type { SigningKey } from '../../../enclave/simulator/signing.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import { CHAIN, FIELDS, KEYS } from './base.ts';
import { type CertificateEdit, editCertificate } from './certificate.ts';

/** CBOR that is written out by hand, because no honest encoder would write it. */
export interface Raw {
  readonly raw: Uint8Array;
}

export const raw = (...bytes: readonly (number | Uint8Array)[]): Raw => ({
  raw: concatBytes(...bytes.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part))),
});

export interface DocumentEdit {
  /** By place: the root is 0, the leaf 4. */
  readonly chain?: { readonly [index: number]: CertificateEdit };
  /** Replaces the whole chain, root first. */
  readonly certificates?: readonly Uint8Array[];
  /** Replaces values in their place; undefined leaves a field out; new names come last. */
  readonly fields?: { readonly [name: string]: CborValue | Raw | undefined };
  /** Encoded pairs of key and value after the last field. */
  readonly more?: readonly Uint8Array[];
  readonly form?: 'definite' | 'indefinite';
  readonly payload?: (made: Uint8Array) => Uint8Array;
  /** Contents of the protected header. */
  readonly header?: Uint8Array;
  readonly unprotected?: Raw;
  readonly signer?: SigningKey;
  readonly signature?: (made: Uint8Array) => Uint8Array;
  /** The four encoded members of the message. */
  readonly message?: (members: readonly Uint8Array[]) => Uint8Array;
  /** Of the finished bytes. */
  readonly whole?: (made: Uint8Array) => Uint8Array;
}

export const HEADER: Uint8Array = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);

export function documentWith(edit: DocumentEdit = {}): Uint8Array {
  const made = payloadWith(edit);
  const payload = edit.payload?.(made) ?? made;
  const header = edit.header ?? HEADER;
  const signed = encodeCbor(['Signature1', header, new Uint8Array(0), payload]);
  const signature = (edit.signer ?? (KEYS[4] as SigningKey)).sign(signed);
  const members = [
    encodeCbor(header),
    edit.unprotected?.raw ?? Uint8Array.of(0xa0),
    encodeCbor(payload),
    encodeCbor(edit.signature?.(signature) ?? signature),
  ];
  const message = edit.message?.(members) ?? concatBytes(Uint8Array.of(0x84), ...members);
  return edit.whole?.(message) ?? message;
}

export function chainWith(edits: NonNullable<DocumentEdit['chain']>): readonly Uint8Array[] {
  return CHAIN.map((certificate, index) => {
    const edit = edits[index];
    const issuer = KEYS[Math.max(0, index - 1)] as SigningKey;
    return edit === undefined ? certificate : editCertificate(certificate, issuer, edit);
  });
}

function payloadWith({ chain, certificates = chainWith(chain ?? {}), fields = {}, more = [], form }: DocumentEdit) {
  const base = new Map<string, CborValue | Raw | undefined>(FIELDS);
  base.set('certificate', certificates.at(-1) as Uint8Array);
  base.set('cabundle', certificates.slice(0, -1));
  for (const [name, value] of Object.entries(fields)) base.set(name, value);
  const pairs = [...base].flatMap(([name, value]) =>
    value === undefined ? [] : [concatBytes(encodeCbor(name), isRaw(value) ? value.raw : encodeCbor(value))],
  );
  const all = [...pairs, ...more];
  return form === 'indefinite'
    ? concatBytes(Uint8Array.of(0xbf), ...all, Uint8Array.of(0xff))
    : concatBytes(Uint8Array.of(0xa0 + all.length), ...all);
}

function isRaw(value: CborValue | Raw): value is Raw {
  return typeof value === 'object' && value !== null && 'raw' in value;
}
