import { concatBytes } from '../../../../wire/bytes.ts';
import { encodeCbor } from '../../../../wire/codec/cbor.ts';
import type { CaseSpec, Refusal } from '../case.ts';
import { append } from '../certificate.ts';
import { type DocumentEdit, documentWith, HEADER, raw } from '../document.ts';
import { ORDER_BYTES, replaceHalf } from '../keys.ts';

const refusedAs =
  (...expect: Refusal) =>
  (id: string, list: string, title: string, edit: DocumentEdit): CaseSpec => ({
    id: `message-${id}`,
    list,
    title,
    expect,
    edit,
  });

const syntax = refusedAs('malformed', 'cbor_invalid', 'N2');
const tag = refusedAs('malformed', 'cose_tag', 'N1');
const shape = refusedAs('malformed', 'cose_structure', 'N2');
const header = refusedAs('malformed', 'cose_protected_header', 'N3');
const unprotected = refusedAs('malformed', 'cose_unprotected_header', 'N4');
const payload = refusedAs('malformed', 'cose_payload', 'N5');
const length = refusedAs('malformed', 'cose_signature_length', 'N6');
const forged = refusedAs('untrusted', 'document_signature', 'N7');
const size = refusedAs('malformed', 'document_too_large', 'X1');
const trailing = refusedAs('malformed', 'cbor_invalid', 'X3');

const good = documentWith();
const prefix = (...bytes: readonly number[]) => ({
  whole: (made: Uint8Array) => concatBytes(Uint8Array.from(bytes), made),
});
const cutTo = (end: number) => ({ whole: (made: Uint8Array) => made.subarray(0, end) });
const members = (arrange: (members: readonly Uint8Array[]) => readonly Uint8Array[]): DocumentEdit => ({
  message: (made) => {
    const arranged = arrange(made);
    return concatBytes(Uint8Array.of(0x80 + arranged.length), ...arranged);
  },
});
const protectedHeader = (...bytes: readonly number[]) => ({ header: Uint8Array.from(bytes) });
const none = new Uint8Array(48);

export const messageCases: readonly CaseSpec[] = [
  size('empty', 'V1', 'no byte at all', { whole: () => new Uint8Array(0) }),
  syntax('one-byte', 'V2', 'one byte', cutTo(1)),
  size('too-large', 'V3', '18433 bytes', { whole: (made) => concatBytes(made, new Uint8Array(18_433 - made.length)) }),
  payload('payload-too-large', 'V3', 'a payload of 16385 bytes', {
    payload: (made) => concatBytes(made, new Uint8Array(16_385 - made.length)),
  }),
  trailing('trailing-byte', 'V4', 'a zero byte after the message', { whole: append(0) }),
  trailing('trailing-message', 'V4', 'the message twice', { whole: (made) => concatBytes(made, made) }),
  syntax('cut-header', 'V5', 'cut off inside the protected header', cutTo(3)),
  syntax('cut-payload', 'V5', 'cut off inside the payload', cutTo(Math.floor(good.length / 2))),
  syntax('cut-before-signature', 'V5', 'cut off before the signature', cutTo(good.length - 98)),
  syntax('cut-signature', 'V5', 'the last byte of the signature is missing', cutTo(good.length - 1)),
  tag('tag-17', 'V6', 'COSE tag 17 (COSE_Mac0) before the message', prefix(0xd1)),
  tag('tag-98', 'V6', 'COSE tag 98 (COSE_Sign) before the message', prefix(0xd8, 0x62)),
  tag('tag-61', 'V6', 'tag 61 (CWT) before tag 18', prefix(0xd8, 0x3d, 0xd2)),
  syntax('tag-18-twice', 'V6', 'tag 18 twice', prefix(0xd2, 0xd2)),
  tag('tag-18-long', 'V6', 'tag 18 in two bytes', prefix(0xd8, 0x12)),
  shape(
    'array-3',
    'V7',
    'an array of three: no signature',
    members((all) => all.slice(0, 3)),
  ),
  shape(
    'array-5',
    'V7',
    'an array of five: an empty map after the signature',
    members((all) => [...all, Uint8Array.of(0xa0)]),
  ),
  shape('map', 'V7', 'an empty map instead of an array', { message: () => Uint8Array.of(0xa0) }),
  syntax('array-indefinite', 'V18', 'the array has an indefinite length', {
    message: (all) => concatBytes(Uint8Array.of(0x9f), ...all, Uint8Array.of(0xff)),
  }),
  syntax('array-claims-much', 'V20', 'an array that claims 2^32 members', {
    message: (all) => concatBytes(Uint8Array.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0), ...all),
  }),
  syntax('array-long-head', 'V17', 'the number of members in two bytes', {
    message: (all) => concatBytes(Uint8Array.of(0x98, 4), ...all),
  }),
  header('header-empty', 'V8', 'an empty protected header', protectedHeader()),
  header('header-empty-map', 'V8', 'a protected header without an algorithm', protectedHeader(0xa0)),
  header('header-es256', 'V8', 'the algorithm is named ES256', protectedHeader(0xa1, 0x01, 0x26)),
  header('header-es512', 'V8', 'the algorithm is named ES512', protectedHeader(0xa1, 0x01, 0x38, 0x23)),
  header(
    'header-other-spelling',
    'V8',
    'ES384 with its key in two bytes',
    protectedHeader(0xa1, 0x18, 0x01, 0x38, 0x22),
  ),
  header('header-key-id', 'V8', 'ES384 and a key id', protectedHeader(0xa2, 0x01, 0x38, 0x22, 0x04, 0x41, 0x00)),
  header(
    'header-not-bytes',
    'V8',
    'the protected header is a map, not a byte string',
    members(([, ...rest]) => [HEADER, ...rest]),
  ),
  header('algorithm-unprotected', 'V8', 'the algorithm stands in the unprotected header only', {
    header: new Uint8Array(0),
    unprotected: raw(HEADER),
  }),
  unprotected('unprotected-algorithm', 'V9', 'ES384 in the unprotected header too', { unprotected: raw(HEADER) }),
  unprotected('unprotected-key-id', 'V9', 'a key id in the unprotected header', {
    unprotected: raw(0xa1, 0x04, 0x41, 0x00),
  }),
  unprotected('unprotected-null', 'V9', 'the unprotected header is null', { unprotected: raw(0xf6) }),
  payload(
    'payload-nil',
    'V10',
    'a detached payload',
    members(([a, b, , d]) => [a, b, Uint8Array.of(0xf6), d] as Uint8Array[]),
  ),
  payload('payload-empty', 'V10', 'an empty payload', { payload: () => new Uint8Array(0) }),
  payload(
    'payload-text',
    'V10',
    'the payload is text',
    members(([a, b, , d]) => [a, b, encodeCbor('payload'), d] as Uint8Array[]),
  ),
  length('signature-95', 'V11', 'a signature of 95 bytes', { signature: (made) => made.subarray(0, 95) }),
  length('signature-97', 'V11', 'a signature of 97 bytes', { signature: append(0) }),
  length('signature-empty', 'V11', 'an empty signature', { signature: () => new Uint8Array(0) }),
  length(
    'signature-text',
    'V11',
    'the signature is text',
    members(([a, b, c]) => [a, b, c, encodeCbor('x'.repeat(96))] as Uint8Array[]),
  ),
  forged('signature-r-0', 'V12', 'r = 0', { signature: (made) => replaceHalf(made, 'r', none) }),
  forged('signature-s-0', 'V12', 's = 0', { signature: (made) => replaceHalf(made, 's', none) }),
  forged('signature-zero', 'V12', 'r = 0 and s = 0', { signature: () => new Uint8Array(96) }),
  forged('signature-r-n', 'V12', 'r = n', { signature: (made) => replaceHalf(made, 'r', ORDER_BYTES) }),
  forged('signature-s-n', 'V12', 's = n', { signature: (made) => replaceHalf(made, 's', ORDER_BYTES) }),
  forged('signature-ones', 'V12', 'every bit of r and s is set', { signature: () => new Uint8Array(96).fill(0xff) }),
  forged('signature-flipped', 'V14', 'one bit of the signature is flipped', {
    signature: (made) => Uint8Array.from(made, (byte, index) => (index === 95 ? byte ^ 1 : byte)),
  }),
];
