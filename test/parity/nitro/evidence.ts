import { concatBytes } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import { CHALLENGE, NOW, PUBLIC_KEY, pcrsWith, SECOND, USER_DATA } from '../../vectors/corpus/base.ts';
import { chainWith, type DocumentEdit, documentWith, HEADER } from '../../vectors/corpus/document.ts';
import type { Random } from '../random.ts';
import { pointIn, type Statement, statementOf } from '../statement.ts';

/** A document of the corpus's enclave with one thing changed, and when it is judged. */
export interface NitroEdit extends DocumentEdit {
  /** In seconds. */
  readonly at?: number;
  /** Of the finished document, after everything was signed. */
  readonly damage?: (document: Uint8Array) => Uint8Array;
}

export interface NitroEvidence {
  readonly document: Uint8Array;
  /** In seconds. */
  readonly at: number;
  /** Root first, leaf last; as they were before any damage. */
  readonly certificates: readonly Uint8Array[];
  /** Of each certificate after the root, and of the document. */
  readonly statements: readonly Statement[];
}

export const AT: number = NOW / SECOND;

export function nitroEvidence(edit: NitroEdit): NitroEvidence {
  const certificates = edit.certificates ?? chainWith(edit.chain ?? {});
  let payload: Uint8Array = new Uint8Array(0);
  let signature: Uint8Array = new Uint8Array(0);
  const document = documentWith({
    ...edit,
    certificates,
    payload: (made) => {
      payload = edit.payload?.(made) ?? made;
      return payload;
    },
    signature: (made) => {
      signature = edit.signature?.(made) ?? made;
      return signature;
    },
  });
  const message = encodeCbor(['Signature1', edit.header ?? HEADER, new Uint8Array(0), payload]);
  const leaf = certificates.at(-1) ?? new Uint8Array(0);
  return {
    document: edit.damage?.(document) ?? document,
    at: edit.at ?? AT,
    certificates,
    statements: [
      ...certificates.slice(1).map((made, index) => statementOf(made, certificates[index] as Uint8Array)),
      { message, signature: signature.length === 96 ? signature : null, point: pointIn(leaf) },
    ],
  };
}

/** Forms in which nothing is wrong, so that changes do not all start from the same document. */
export function startOf(random: Random): NitroEdit {
  const bindings: readonly (CborValue | undefined)[] = [
    undefined,
    null,
    USER_DATA,
    random.bytes(random.between(1, 64)),
  ];
  return {
    form: random.pick(['definite', 'indefinite']),
    fields: {
      user_data: random.once(3) ? random.pick(bindings) : random.bytes(32),
      nonce: random.once(3) ? random.pick([undefined, null, CHALLENGE]) : random.bytes(32),
      public_key: random.once(3) ? random.pick([undefined, null, PUBLIC_KEY]) : random.bytes(65),
      pcrs: pcrsWith({ 16: random.bytes(48) }),
      timestamp: NOW - random.below(60_000),
    },
  };
}

/** What an edit does not speak of stays as it was drawn. */
export function onStart(start: NitroEdit, edit: NitroEdit): NitroEdit {
  return { ...start, ...edit, fields: { ...start.fields, ...edit.fields } };
}

export const pair = (name: string, value: CborValue): Uint8Array => concatBytes(encodeCbor(name), encodeCbor(value));
