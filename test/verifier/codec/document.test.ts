import { describe, expect, it } from 'vitest';
import type { MalformedCode } from '../../../verifier/index.ts';
import { concatBytes, fromHex, utf8 } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import { chain } from '../../support/certificates.ts';
import { evidence, payloadOf, pcr, policy, rulingOn, verify } from '../../support/nitro-evidence.ts';

const good = evidence();
const payload = payloadOf();
const ES384 = fromHex('a1013822');
const empty = new Uint8Array(0);
const signature = new Uint8Array(96).fill(1);
const cose = (...parts: readonly CborValue[]): Uint8Array => encodeCbor(parts);
const withFields = (fields: { readonly [name: string]: CborValue | undefined }): Uint8Array => evidence({ fields });
const pcrs = (...entries: readonly (readonly [number, Uint8Array])[]): Uint8Array =>
  withFields({ pcrs: new Map(entries) });
const bundle = (length: number): CborValue => Array.from({ length }, () => chain()[1] as Uint8Array);
/** A map whose head says one more, with the pair added at its end. */
const withPair = (pair: Uint8Array): Uint8Array =>
  evidence({ payload: (made) => concatBytes(Uint8Array.of((made[0] as number) + 1), made.subarray(1), pair) });

const cases: readonly (readonly [says: string, code: MalformedCode, checkId: string, document: Uint8Array])[] = [
  ['V1 nothing', 'document_too_large', 'X1', empty],
  ['V2 one byte', 'cbor_invalid', 'N2', Uint8Array.of(0x84)],
  ['V3 more than a document can have', 'document_too_large', 'X1', new Uint8Array(18_433)],
  ['V4 a trailing byte', 'cbor_invalid', 'X3', concatBytes(good, Uint8Array.of(0))],
  [
    'V4 a trailing byte in the payload',
    'cbor_invalid',
    'X3',
    evidence({ payload: (made) => concatBytes(made, Uint8Array.of(0)) }),
  ],
  ['V6 another tag', 'cose_tag', 'N1', concatBytes(Uint8Array.of(0xd1), good)],
  ['V6 tag 18 twice', 'cbor_invalid', 'N2', concatBytes(Uint8Array.of(0xd2, 0xd2), good)],
  ['V7 an array of three', 'cose_structure', 'N2', cose(ES384, new Map(), payload)],
  ['V7 an array of five', 'cose_structure', 'N2', cose(ES384, new Map(), payload, signature, null)],
  ['V7 a map', 'cose_structure', 'N2', encodeCbor(new Map())],
  [
    'an indefinite array',
    'cbor_invalid',
    'N2',
    concatBytes(Uint8Array.of(0x9f), good.subarray(1), Uint8Array.of(0xff)),
  ],
  ['V8 an empty protected header', 'cose_protected_header', 'N3', evidence({ header: empty })],
  ['V8 an empty map as protected header', 'cose_protected_header', 'N3', evidence({ header: fromHex('a0') })],
  ['V8 ES256', 'cose_protected_header', 'N3', evidence({ header: fromHex('a10126') })],
  [
    'V8 another parameter beside the algorithm',
    'cose_protected_header',
    'N3',
    evidence({ header: fromHex('a20138220300') }),
  ],
  [
    'V8 the algorithm in the unprotected header only',
    'cose_protected_header',
    'N3',
    evidence({ header: empty, unprotected: new Map([[1, -35]]) }),
  ],
  [
    'V9 a non-empty unprotected header',
    'cose_unprotected_header',
    'N4',
    evidence({ unprotected: new Map([[4, empty]]) }),
  ],
  ['V9 a list as unprotected header', 'cose_unprotected_header', 'N4', evidence({ unprotected: [] })],
  ['V10 a detached payload', 'cose_payload', 'N5', cose(ES384, new Map(), null, signature)],
  ['an empty payload', 'cose_payload', 'N5', cose(ES384, new Map(), empty, signature)],
  ['a payload of 16385 bytes', 'cose_payload', 'N5', cose(ES384, new Map(), new Uint8Array(16_385), signature)],
  ['V11 a signature of 95 bytes', 'cose_signature_length', 'N6', cose(ES384, new Map(), payload, new Uint8Array(95))],
  ['V11 a signature of 97 bytes', 'cose_signature_length', 'N6', cose(ES384, new Map(), payload, new Uint8Array(97))],
  [
    'V15 pcrs twice',
    'cbor_invalid',
    'X4',
    withPair(concatBytes(encodeCbor('pcrs'), encodeCbor(new Map([[0, pcr(1)]])))),
  ],
  ['V15 public_key twice', 'cbor_invalid', 'X4', withPair(concatBytes(encodeCbor('public_key'), encodeCbor(null)))],
  ['V15 one PCR twice', 'cbor_invalid', 'X4', evidence({ payload: () => fromHex('a16470637273a2004100004100') })],
  ['V17 an integer that is not minimal', 'cbor_invalid', 'N8', evidence({ payload: () => fromHex('a161611800') })],
  ['V18 an indefinite string', 'cbor_invalid', 'N8', evidence({ payload: () => fromHex('a161617f6161ff') })],
  ['V18 an indefinite list', 'cbor_invalid', 'N8', evidence({ payload: () => fromHex('a161619fff') })],
  [
    'V19 depth 17',
    'cbor_invalid',
    'X2',
    evidence({ payload: () => concatBytes(new Uint8Array(17).fill(0x81), Uint8Array.of(0)) }),
  ],
  ['V19 depth 16000', 'cbor_invalid', 'X2', evidence({ payload: () => new Uint8Array(16_000).fill(0x81) })],
  [
    'V20 an array that claims 2^32 items',
    'cbor_invalid',
    'N8',
    evidence({ payload: () => fromHex('9b0000000100000000') }),
  ],
  ...[0xc1, 0xc2, 0xdc].map((tag): (typeof cases)[number] => [
    `V21 tag ${tag & 0x1f}`,
    'cbor_invalid',
    'N8',
    evidence({ payload: () => Uint8Array.of(0xa1, 0x61, 0x61, tag, 0x00) }),
  ]),
  ['V21 tag 258', 'cbor_invalid', 'N8', evidence({ payload: () => fromHex('a16161d9010280') })],
  [
    'V22 a module id that is not UTF-8',
    'cbor_invalid',
    'N8',
    evidence({ payload: () => fromHex('a1696d6f64756c655f696462c328') }),
  ],
  ['a payload that is a list', 'document_field_invalid', 'N8', evidence({ payload: () => encodeCbor([]) })],
  ['a field name that is a number', 'document_field_invalid', 'N8', withPair(fromHex('0000'))],
  ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'].flatMap(
    (field): (typeof cases)[number][] => [
      [`no ${field}`, 'document_field_missing', 'N9', withFields({ [field]: undefined })],
      [`null as ${field}`, 'document_field_missing', 'N9', withFields({ [field]: null })],
    ],
  ),
  ['an empty module id', 'document_field_invalid', 'N9', withFields({ module_id: '' })],
  ['a module id that is a number', 'document_field_invalid', 'N9', withFields({ module_id: 1 })],
  ['a module id with a line break', 'document_field_invalid', 'N9', withFields({ module_id: 'i-1\nok' })],
  ['V24 SHA256', 'digest_unsupported', 'N11', withFields({ digest: 'SHA256' })],
  ['V25 timestamp 0', 'timestamp_invalid', 'N12', withFields({ timestamp: 0 })],
  ['V25 a negative timestamp', 'timestamp_invalid', 'N12', withFields({ timestamp: -1 })],
  ['V25 timestamp 2^53', 'timestamp_invalid', 'N12', withFields({ timestamp: 2n ** 53n })],
  ['a timestamp that is text', 'timestamp_invalid', 'N12', withFields({ timestamp: '1' })],
  ['V26 no PCRs', 'pcrs_invalid', 'N13', pcrs()],
  ['V26 PCR32', 'pcrs_invalid', 'N13', pcrs([32, pcr(1)])],
  ['V26 PCR-1', 'pcrs_invalid', 'N13', pcrs([-1, pcr(1)])],
  ['V26 a PCR of 32 bytes', 'pcrs_invalid', 'N13', pcrs([0, new Uint8Array(32)])],
  ['V26 a PCR of 64 bytes', 'pcrs_invalid', 'N13', pcrs([0, new Uint8Array(64)])],
  ['33 PCRs', 'pcrs_invalid', 'N13', pcrs(...Array.from({ length: 33 }, (_, index) => [index, pcr(1)] as const))],
  ['PCRs in a list', 'pcrs_invalid', 'N13', withFields({ pcrs: [pcr(1)] })],
  ['V27 no CA', 'certificates_invalid', 'N14', withFields({ cabundle: [] })],
  ['V27 nine CAs', 'certificates_invalid', 'N14', withFields({ cabundle: bundle(9) })],
  ['X22 as many CAs as fit', 'certificates_invalid', 'N14', withFields({ cabundle: bundle(20) })],
  ['an empty CA', 'certificates_invalid', 'N14', withFields({ cabundle: [empty] })],
  ['an empty leaf', 'certificates_invalid', 'N14', withFields({ certificate: empty })],
  ['a leaf of 1025 bytes', 'certificates_invalid', 'N14', withFields({ certificate: new Uint8Array(1_025) })],
  ['a leaf that is text', 'certificates_invalid', 'N14', withFields({ certificate: 'leaf' })],
  ['V28 an empty public key', 'document_field_invalid', 'N16', withFields({ public_key: empty })],
  [
    'V28 a public key of 1025 bytes',
    'document_field_invalid',
    'N16',
    withFields({ public_key: new Uint8Array(1_025) }),
  ],
  ['user data of 1025 bytes', 'document_field_invalid', 'N16', withFields({ user_data: new Uint8Array(1_025) })],
  ['a nonce that is text', 'document_field_invalid', 'N16', withFields({ nonce: 'nonce' })],
  ['a leaf that is no certificate', 'der_invalid', 'C1', withFields({ certificate: utf8('certificate') })],
];

describe('a Nitro document', () => {
  it.each(cases)('is malformed with %s: %s (%s)', async (_, code, checkId, document) => {
    const verdict = await verify(document, { policy: policy({ unknownFields: 'ignore' }) });
    expect(verdict).toMatchObject({ verdict: 'malformed', code });
    expect(verdict.checks.find(({ outcome }) => outcome === 'failed')?.id).toBe(checkId);
  });

  it('V5 is malformed when cut at any byte', async () => {
    for (let length = 0; length < good.length; length += 11) {
      expect(await rulingOn(good.subarray(0, length))).toMatch(/^malformed /);
    }
  });

  it('V16 V23 carries unknown fields to the policy under whatever name', async () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      const document = withPair(concatBytes(encodeCbor(name), encodeCbor(1)));
      expect(await rulingOn(document)).toBe('refused field_unknown');
      expect(await rulingOn(document, { policy: policy({ unknownFields: 'ignore' }) })).toBe('accepted');
    }
  });

  it('may leave out what AWS may leave out, and may have an empty user_data and PCR16', async () => {
    expect(await rulingOn(withFields({ public_key: undefined, user_data: undefined }))).toBe('accepted');
    expect(await rulingOn(withFields({ user_data: empty }))).toBe('accepted');
    const values = new Map(Array.from({ length: 17 }, (_, index) => [index, pcr(index < 5 ? index + 1 : 0)]));
    expect(await rulingOn(withFields({ pcrs: values }))).toBe('accepted');
  });

  it('V12 is untrusted with r or s out of range, or a signature by nobody', async () => {
    const zeroR = (made: Uint8Array): Uint8Array => Uint8Array.from(made, (byte, index) => (index < 48 ? 0 : byte));
    const zeroS = (made: Uint8Array): Uint8Array => Uint8Array.from(made, (byte, index) => (index < 48 ? byte : 0));
    for (const change of [zeroR, zeroS, () => new Uint8Array(96).fill(0xff), () => new Uint8Array(96).fill(1)]) {
      expect(await rulingOn(evidence({ signature: change }))).toBe('untrusted document_signature');
    }
  });
});
