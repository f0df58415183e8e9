import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../../wire/codec/cbor.ts';
import { CHAIN, CHALLENGE, MODULE_ID, NOW, OTHER, PUBLIC_KEY, pcrsWith, USER_DATA } from '../base.ts';
import type { CaseSpec, Refusal } from '../case.ts';
import { append } from '../certificate.ts';
import { type DocumentEdit, type Raw, raw } from '../document.ts';

/** Payloads that are wrong and signed all the same, so that nothing but the reader of the payload can refuse them. */
const refusedAs =
  (...expect: Refusal) =>
  (id: string, list: string, title: string, edit: DocumentEdit, more: Partial<CaseSpec> = {}): CaseSpec => ({
    id: `payload-${id}`,
    list,
    title,
    expect,
    edit,
    ...more,
  });

const syntax = refusedAs('malformed', 'cbor_invalid', 'N8');
const shape = refusedAs('malformed', 'document_field_invalid', 'N8');
const deep = refusedAs('malformed', 'cbor_invalid', 'X2');
const trailing = refusedAs('malformed', 'cbor_invalid', 'X3');
const twice = refusedAs('malformed', 'cbor_invalid', 'X4');
const missing = refusedAs('malformed', 'document_field_missing', 'N9');
const moduleId = refusedAs('malformed', 'document_field_invalid', 'N9');
const digest = refusedAs('malformed', 'digest_unsupported', 'N11');
const timestamp = refusedAs('malformed', 'timestamp_invalid', 'N12');
const pcrs = refusedAs('malformed', 'pcrs_invalid', 'N13');
const bundle = refusedAs('malformed', 'certificates_invalid', 'N14');
const binding = refusedAs('malformed', 'document_field_invalid', 'N16');
const forged = refusedAs('untrusted', 'document_signature', 'N7');
const untrustedRoot = refusedAs('untrusted', 'root_not_trusted', 'C16');
const forgedCertificate = refusedAs('untrusted', 'certificate_signature', 'C18');

const ignoring = { policy: 'unknown-fields-ignored' } as const;
const anyModule = { policy: 'any-module' } as const;

const field = (name: string, value: CborValue | Raw): Uint8Array =>
  concatBytes(encodeCbor(name), 'raw' in Object(value) ? (value as Raw).raw : encodeCbor(value as CborValue));
const extra = (value: Raw): DocumentEdit => ({ more: [field('x', value)] });
const nested = (depth: number): Raw => raw(new Uint8Array(depth).fill(0x81), 0x00);

/** The registers with their count and first key written by hand. */
const registersWith = (head: readonly number[], more: readonly Uint8Array[] = []): Raw =>
  raw(...head, ...[...pcrsWith({})].flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]), ...more);
const [, ...laterRegisters] = [...pcrsWith({})];
const longZero = raw(
  0xb0,
  ...[0x18, 0x00],
  encodeCbor(pcrsWith({}).get(0) as Uint8Array),
  ...laterRegisters.flatMap(([index, value]) => [encodeCbor(index), encodeCbor(value)]),
);

/** Flips the last bit of a value where it stands in the finished document. */
const flip = (value: Uint8Array): DocumentEdit => ({
  whole: (made) => {
    const at = Buffer.from(made).indexOf(value);
    if (at < 0) throw new RangeError('the value is not in the document');
    return Uint8Array.from(made, (byte, index) => (index === at + value.length - 1 ? byte ^ 1 : byte));
  },
});
const timestampBytes = encodeCbor(NOW);
/** In the signed part, where a changed bit leaves a well-formed certificate. */
const serialOf = (index: number): Uint8Array => (CHAIN[index] as Uint8Array).subarray(0, 24);

export const payloadCases: readonly CaseSpec[] = [
  ...(
    [
      ['module_id', utf8(MODULE_ID)],
      ['timestamp', timestampBytes],
      ['pcrs', pcrsWith({}).get(0) as Uint8Array],
      ['public_key', PUBLIC_KEY],
      ['user_data', USER_DATA],
      ['nonce', CHALLENGE],
    ] as const
  ).map(([name, value]) =>
    forged(`flipped-${name}`, 'V14', `one bit of ${name} is flipped, nothing is signed again`, flip(value)),
  ),
  forgedCertificate('flipped-certificate', 'V14', 'one bit of the leaf is flipped', flip(serialOf(4))),
  forgedCertificate('flipped-cabundle', 'V14', 'one bit of a CA certificate is flipped', flip(serialOf(2))),
  untrustedRoot('flipped-root', 'V14', 'one bit of the root is flipped', flip(serialOf(0))),

  trailing('trailing-byte', 'V4', 'a zero byte after the map', { payload: append(0) }),
  trailing('trailing-null', 'V4', 'null after an indefinite map', { form: 'indefinite', payload: append(0xf6) }),
  twice('pcrs-twice', 'V15', 'pcrs twice with the same registers', { more: [field('pcrs', pcrsWith({}))] }),
  twice('public-key-twice', 'V15', 'public_key twice', { more: [field('public_key', PUBLIC_KEY)] }),
  twice('register-twice', 'V15', 'PCR0 twice with the same value', {
    fields: { pcrs: registersWith([0xb1], [raw(0x00, encodeCbor(pcrsWith({}).get(0) as Uint8Array)).raw]) },
  }),
  twice('nonce-twice', 'V15', 'nonce twice in an indefinite map', {
    form: 'indefinite',
    more: [field('nonce', CHALLENGE)],
  }),
  twice(
    'prototype-twice',
    'V23',
    'the unknown field __proto__ twice',
    { more: [field('__proto__', 1), field('__proto__', 2)] },
    ignoring,
  ),
  syntax('long-register-index', 'V17', 'the index 0 in two bytes', { fields: { pcrs: longZero } }),
  syntax('long-register-count', 'V17', 'the number of PCRs in two bytes', {
    fields: { pcrs: registersWith([0xb8, 16]) },
  }),
  syntax('long-string-length', 'V17', 'the length of the nonce in three bytes', {
    fields: { nonce: raw(0x59, 0, 32, CHALLENGE) },
  }),
  syntax('indefinite-bundle', 'V18', 'the CA bundle has an indefinite length', {
    fields: { cabundle: raw(0x9f, ...CHAIN.slice(0, -1).map(encodeCbor), 0xff) },
  }),
  syntax('indefinite-bytes', 'V18', 'user_data is a byte string in pieces', {
    fields: { user_data: raw(0x5f, encodeCbor(USER_DATA), 0xff) },
  }),
  syntax('indefinite-text', 'V18', 'module_id is a text in pieces', {
    fields: { module_id: raw(0x7f, encodeCbor(MODULE_ID), 0xff) },
  }),
  syntax('indefinite-open', 'V18', 'an indefinite map that is not closed', {
    form: 'indefinite',
    payload: (made) => made.subarray(0, -1),
  }),
  deep('depth-17', 'V19', 'an unknown field nested 17 deep, counted with the payload map', extra(nested(16)), ignoring),
  deep('depth-8000', 'V19', 'an unknown field nested 8000 deep', extra(nested(8_000)), ignoring),
  syntax('array-claims-much', 'V20', 'a CA bundle that claims 2^32 certificates', {
    fields: { cabundle: raw(0x9b, 0, 0, 0, 1, 0, 0, 0, 0) },
  }),
  syntax('map-claims-much', 'V20', 'a PCR map that claims 2^31 entries', {
    fields: { pcrs: raw(0xba, 0x80, 0, 0, 0) },
  }),
  syntax('bytes-claim-much', 'V20', 'a nonce that claims 2^63 bytes', {
    fields: { nonce: raw(0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0) },
  }),
  ...(
    [
      [1, raw(0xc1, 0x00)],
      [2, raw(0xc2, 0x41, 0x01)],
      [28, raw(0xd8, 28, 0x80)],
      [258, raw(0xd9, 1, 2, 0x80)],
    ] as const
  ).map(([tag, tagged]) => syntax(`tag-${tag}`, 'V21', `an unknown field with tag ${tag}`, extra(tagged), ignoring)),
  syntax('tagged-timestamp', 'V21', 'the timestamp has tag 1', { fields: { timestamp: raw(0xc1, timestampBytes) } }),
  syntax('bad-utf8', 'V22', 'module_id is not UTF-8', { fields: { module_id: raw(0x62, 0xc3, 0x28) } }, anyModule),
  syntax(
    'byte-order-mark',
    'V22',
    'module_id starts with a byte order mark',
    { fields: { module_id: raw(0x64, 0xef, 0xbb, 0xbf, 0x69) } },
    anyModule,
  ),
  syntax('float', 'V17', 'an unknown field is a float', extra(raw(0xf9, 0x3c, 0x00)), ignoring),
  syntax('undefined', 'V17', 'an unknown field is undefined', extra(raw(0xf7)), ignoring),
  shape('integer-name', 'V16', 'a field whose name is a number', { more: [raw(0x01, 0x01).raw] }, ignoring),
  shape('array', 'V16', 'the payload is an empty array', { payload: () => Uint8Array.of(0x80) }),
  syntax('bytes-name', 'V16', 'a field whose name is a byte string', { more: [raw(0x41, 0x01, 0x01).raw] }, ignoring),

  ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'].map((name) =>
    missing(
      `no-${name}`,
      name === 'digest' ? 'V24' : 'V16',
      `${name} is left out`,
      { fields: { [name]: undefined } },
      anyModule,
    ),
  ),
  missing('null-timestamp', 'V25', 'the timestamp is null', { fields: { timestamp: null } }),
  moduleId('empty-module-id', 'V22', 'module_id is empty', { fields: { module_id: '' } }, anyModule),
  moduleId(
    'module-id-newline',
    'V22',
    'module_id has a line break',
    { fields: { module_id: `${MODULE_ID}\n` } },
    anyModule,
  ),
  moduleId(
    'module-id-look-alike',
    'V22',
    'module_id has a Cyrillic letter',
    { fields: { module_id: '\u0456-0' } },
    anyModule,
  ),
  digest('sha256', 'V24', 'the digest is SHA256', { fields: { digest: 'SHA256' } }),
  digest('sha384-lower-case', 'V24', 'the digest is sha384 in lower case', { fields: { digest: 'sha384' } }),
  digest('digest-bytes', 'V24', 'the digest is a byte string', { fields: { digest: utf8('SHA384') } }),
  timestamp('timestamp-0', 'V25', 'the timestamp is 0', { fields: { timestamp: 0 } }, { policy: 'any-age' }),
  timestamp(
    'timestamp-negative',
    'V25',
    'the timestamp is negative',
    { fields: { timestamp: -1 } },
    { policy: 'any-age' },
  ),
  timestamp(
    'timestamp-2-53',
    'V25',
    'the timestamp is 2^53 + 1',
    { fields: { timestamp: 2n ** 53n + 1n } },
    { policy: 'any-future' },
  ),
  timestamp('timestamp-text', 'V25', 'the timestamp is text', { fields: { timestamp: String(NOW) } }),
  pcrs('no-registers', 'V26', 'the PCR map is empty', { fields: { pcrs: new Map() } }),
  pcrs('register-32', 'V26', 'a PCR with index 32', { fields: { pcrs: new Map([...pcrsWith({}), [32, OTHER]]) } }),
  pcrs('register-minus-1', 'V26', 'a PCR with index -1', { fields: { pcrs: new Map([...pcrsWith({}), [-1, OTHER]]) } }),
  pcrs('register-named', 'V26', 'a PCR whose index is text', {
    fields: { pcrs: new Map<number | string, Uint8Array>([...pcrsWith({}), ['16', OTHER]]) },
  }),
  pcrs('register-32-bytes', 'V26', 'PCR5 has 32 bytes', { fields: { pcrs: pcrsWith({ 5: OTHER.subarray(0, 32) }) } }),
  pcrs('register-64-bytes', 'V26', 'PCR5 has 64 bytes', { fields: { pcrs: pcrsWith({ 5: new Uint8Array(64) }) } }),
  pcrs('register-empty', 'V26', 'PCR5 has no byte', { fields: { pcrs: pcrsWith({ 5: new Uint8Array(0) }) } }),
  pcrs('registers-array', 'V26', 'the PCRs are an array', { fields: { pcrs: [...pcrsWith({}).values()] } }),
  bundle('no-bundle', 'V27', 'the CA bundle is empty', { fields: { cabundle: [] } }),
  bundle('bundle-9', 'V27', 'the CA bundle has nine certificates', {
    fields: { cabundle: [...CHAIN, ...CHAIN.slice(0, 4)] },
  }),
  bundle('bundle-33', 'V27', 'the CA bundle has 33 members', {
    fields: { cabundle: Array.from({ length: 33 }, () => Uint8Array.of(0x30)) },
  }),
  bundle('bundle-100', 'X22', 'the CA bundle has 100 members', {
    fields: { cabundle: Array.from({ length: 100 }, () => Uint8Array.of(0x30)) },
  }),
  bundle('bundle-empty-member', 'V27', 'a member of the CA bundle is empty', {
    fields: { cabundle: [...CHAIN.slice(0, 4), new Uint8Array(0)] },
  }),
  bundle('bundle-bytes', 'V27', 'the CA bundle is one byte string', { fields: { cabundle: CHAIN[0] as Uint8Array } }),
  bundle('certificate-text', 'V27', 'the leaf is text', { fields: { certificate: 'certificate' } }),
  binding('public-key-empty', 'V28', 'public_key is empty', { fields: { public_key: new Uint8Array(0) } }),
  binding('public-key-1025', 'V28', 'public_key has 1025 bytes', { fields: { public_key: new Uint8Array(1_025) } }),
  binding('public-key-text', 'V28', 'public_key is text', { fields: { public_key: 'key' } }),
  binding(
    'user-data-1025',
    'V29',
    'user_data has 1025 bytes',
    { fields: { user_data: new Uint8Array(1_025) } },
    { policy: 'long-bindings' },
  ),
  binding(
    'nonce-1025',
    'V29',
    'the nonce has 1025 bytes',
    { fields: { nonce: new Uint8Array(1_025) } },
    { policy: 'long-bindings', challenge: 'any' },
  ),
  binding('nonce-integer', 'V29', 'the nonce is a number', { fields: { nonce: 1 } }, { challenge: 'any' }),
];
