import { concatBytes } from '../../../../wire/bytes.ts';
import { encodeCbor } from '../../../../wire/codec/cbor.ts';
import { CHALLENGE, HOUR, LEAF_BEGINS, LEAF_ENDS, NOW, OTHER, pcrsWith, SECOND, ZERO } from '../base.ts';
import type { CaseSpec } from '../case.ts';
import { derSignature } from '../certificate.ts';
import { type DocumentEdit, raw } from '../document.ts';
import { withS } from '../keys.ts';

const accepted = (
  id: string,
  list: string,
  title: string,
  edit: DocumentEdit,
  more: Partial<CaseSpec> = {},
): CaseSpec => ({
  id: `ok-${id}`,
  list,
  title,
  expect: 'accepted',
  edit,
  ...more,
});

const highS = { signature: (fixed: Uint8Array) => derSignature(withS(fixed, 'high')) };
const lowS = { signature: (fixed: Uint8Array) => derSignature(withS(fixed, 'low')) };

/** Every register from 0 to 31, or the three that are mandatory. */
const registers32 = pcrsWith(Object.fromEntries(Array.from({ length: 16 }, (_, index) => [16 + index, OTHER])));
const registers3 = pcrsWith(Object.fromEntries(Array.from({ length: 13 }, (_, index) => [3 + index, null])));

/** The same registers in an indefinite map, which the device writes inside as well as outside. */
const indefiniteRegisters = raw(
  0xbf,
  ...[...pcrsWith({})].flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]),
  0xff,
);
const reversedRegisters = raw(
  0xb0,
  ...[...pcrsWith({})].reverse().flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]),
);

export const acceptedCases: readonly CaseSpec[] = [
  accepted('definite', 'V6', 'a document as AWS wrote it until 2025: definite map, no tag', {}),
  accepted('indefinite', 'V18', 'a document as AWS writes it since late 2025: indefinite map', { form: 'indefinite' }),
  accepted('indefinite-registers', 'V18', 'the PCR map has an indefinite length too', {
    form: 'indefinite',
    fields: { pcrs: indefiniteRegisters },
  }),
  accepted('register-order', 'V18', 'the PCRs come in descending order', { fields: { pcrs: reversedRegisters } }),
  accepted('tag-18', 'V6', 'COSE tag 18 before the message', {
    whole: (made) => concatBytes(Uint8Array.of(0xd2), made),
  }),
  accepted('null-bindings', 'V29', 'public_key and user_data are null, as AWS writes absent ones', {
    fields: { public_key: null, user_data: null },
  }),
  accepted('absent-bindings', 'V29', 'public_key and user_data are left out', {
    fields: { public_key: undefined, user_data: undefined },
  }),
  accepted('empty-user-data', 'V29', 'user_data is an empty byte string: genuine documents have it', {
    fields: { user_data: new Uint8Array(0) },
  }),
  accepted('longest-user-data', 'V29', 'user_data of 512 bytes', { fields: { user_data: new Uint8Array(512) } }),
  accepted(
    'longer-user-data',
    'V29',
    'user_data of 1024 bytes where the policy has the longer limit',
    { fields: { user_data: new Uint8Array(1_024) } },
    { policy: 'long-bindings' },
  ),
  accepted('longest-public-key', 'V28', 'public_key of 1024 bytes', { fields: { public_key: new Uint8Array(1_024) } }),
  accepted('public-key-not-a-point', 'V28', 'public_key is one byte: the document proves bytes, not a key', {
    fields: { public_key: Uint8Array.of(0) },
  }),
  accepted(
    'no-nonce',
    'V29',
    'no nonce where the caller asks for none',
    { fields: { nonce: null } },
    { challenge: 'any' },
  ),
  accepted('any-challenge', 'V29', 'a nonce where the caller asks for none', {}, { challenge: 'any' }),
  accepted(
    'another-challenge',
    'V29',
    'a nonce that is the challenge, but for another session',
    { fields: { nonce: CHALLENGE.map((byte) => byte ^ 0xff) } },
    { challenge: CHALLENGE.map((byte) => byte ^ 0xff) },
  ),
  accepted('registers-32', 'V26', 'all 32 PCRs', { fields: { pcrs: registers32 } }),
  accepted(
    'registers-3',
    'V26',
    'PCR0, PCR1 and PCR2 alone',
    { fields: { pcrs: registers3 } },
    { policy: 'any-registers' },
  ),
  accepted('document-high-s', 'V13', "the document's signature with its high s", {
    signature: (made) => withS(made, 'high'),
  }),
  accepted('document-low-s', 'V13', 'the same document with the low s: the document id is the same', {
    signature: (made) => withS(made, 'low'),
  }),
  accepted('chain-high-s', 'V13', 'every certificate has a signature with a high s', {
    chain: { 1: highS, 2: highS, 3: highS, 4: highS },
  }),
  accepted('chain-low-s', 'V13', 'every certificate has a signature with a low s', {
    chain: { 1: lowS, 2: lowS, 3: lowS, 4: lowS },
  }),
  accepted(
    'unknown-fields',
    'V16',
    'a field outside the specification where the policy ignores them',
    { fields: { hostname: 'example' } },
    { policy: 'unknown-fields-ignored' },
  ),
  accepted(
    'prototype-fields',
    'V23',
    'fields named __proto__ and constructor where the policy ignores unknown ones',
    {
      more: [
        concatBytes(encodeCbor('__proto__'), encodeCbor(new Map([['pcrs', 1]]))),
        raw(encodeCbor('constructor'), 0x01).raw,
      ],
    },
    { policy: 'unknown-fields-ignored' },
  ),
  accepted(
    'first-moment',
    'X2',
    'judged in the first second of the leaf',
    { fields: { timestamp: LEAF_BEGINS } },
    {
      at: LEAF_BEGINS,
    },
  ),
  accepted(
    'last-moment',
    'X1',
    'judged in the last second of the leaf',
    { fields: { timestamp: LEAF_ENDS } },
    {
      at: LEAF_ENDS,
    },
  ),
  accepted('oldest', 'V25', 'exactly as old as the policy allows', {}, { at: NOW + 600 * SECOND }),
  accepted('furthest-ahead', 'V25', 'exactly as far ahead as the policy allows', {}, { at: NOW - 300 * SECOND }),
  accepted(
    'any-age',
    'V25',
    'as old as its leaf where the policy names no age',
    {},
    { at: LEAF_ENDS, policy: 'any-age' },
  ),
  accepted('policy-last-moment', 'P14', 'judged at the last moment of the policy', {}, { policy: 'expires-now' }),
  accepted('denied-others', 'X21', 'deny lists that name others', {}, { policy: 'denied-others' }),
  accepted(
    'debug-allowed',
    'V26',
    'debug mode where the policy allows it by name',
    { fields: { pcrs: pcrsWith({ 0: ZERO, 1: ZERO, 2: ZERO }) } },
    { policy: 'debug-allowed' },
  ),
  accepted(
    'any-image',
    'P2',
    'an unknown image where the policy says "any"',
    { fields: { pcrs: pcrsWith({ 0: OTHER }) } },
    { policy: 'any-image' },
  ),
  accepted(
    'any-module',
    'P2',
    'another module id where the policy says "any"',
    { fields: { module_id: 'i-1-enc2' } },
    { policy: 'any-module' },
  ),
  accepted('any-lifetime', 'P2', 'a leaf of three hours where the policy says "any"', {}, { policy: 'any-lifetime' }),
  accepted('any-region', 'P2', 'where the policy says "any" region', {}, { policy: 'any-region' }),
  accepted(
    'later-hour',
    'V25',
    'a document of a later minute in the same leaf',
    { fields: { timestamp: NOW + HOUR } },
    {
      at: NOW + HOUR,
    },
  ),
];
