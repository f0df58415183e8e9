import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../../wire/codec/cbor.ts';
import { WireError, type WireErrorCode } from '../../../wire/errors.ts';
import {
  decodeNsmRequest,
  decodeNsmResponse,
  encodeNsmRequest,
  encodeNsmResponse,
  type NsmRequest,
  type NsmResponse,
} from '../../../wire/message/nsm.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const data = fc.uint8Array({ maxLength: 600 });
const optional = fc.option(data, { nil: null });

const requests: fc.Arbitrary<NsmRequest> = fc.oneof(
  fc.constant<NsmRequest>({ kind: 'DescribeNSM' }),
  fc.constant<NsmRequest>({ kind: 'GetRandom' }),
  u16.map((index): NsmRequest => ({ kind: 'DescribePCR', index })),
  fc.tuple(u16, data).map(([index, data]): NsmRequest => ({ kind: 'ExtendPCR', index, data })),
  u16.map((index): NsmRequest => ({ kind: 'LockPCR', index })),
  u16.map((range): NsmRequest => ({ kind: 'LockPCRs', range })),
  fc
    .tuple(optional, optional, optional)
    .map(([userData, nonce, publicKey]): NsmRequest => ({ kind: 'Attestation', userData, nonce, publicKey })),
);

const description: NsmResponse = {
  kind: 'DescribeNSM',
  versionMajor: 1,
  versionMinor: 0,
  versionPatch: 0,
  moduleId: 'i-00000000000000000-enc0000000000000000',
  maxPcrs: 32,
  lockedPcrs: [0, 1, 2],
  digest: 'SHA384',
};

const responses: fc.Arbitrary<NsmResponse> = fc.oneof(
  fc.constant(description),
  data.map((random): NsmResponse => ({ kind: 'GetRandom', random })),
  fc.tuple(fc.boolean(), data).map(([lock, data]): NsmResponse => ({ kind: 'DescribePCR', lock, data })),
  data.map((data): NsmResponse => ({ kind: 'ExtendPCR', data })),
  fc.constant<NsmResponse>({ kind: 'LockPCR' }),
  fc.constant<NsmResponse>({ kind: 'LockPCRs' }),
  data.map((document): NsmResponse => ({ kind: 'Attestation', document })),
  fc
    .constantFrom('Success', 'ReadOnlyIndex', 'InternalError')
    .map((code): NsmResponse => ({ kind: 'Error', code }) as NsmResponse),
);

function codeOf(run: () => unknown): WireErrorCode | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

describe('messages of the Nitro Secure Module', () => {
  it('brings every request and response back', () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(decodeNsmRequest(encodeNsmRequest(request))).toEqual(request);
      }),
    );
    fc.assert(
      fc.property(responses, (response) => {
        expect(decodeNsmResponse(encodeNsmResponse(response))).toEqual(response);
      }),
    );
  });

  it('writes a variant without fields as its name, and any other as a map of one entry', () => {
    expect(encodeNsmRequest({ kind: 'DescribeNSM' })).toEqual(fromHex(`6b${toHex(utf8('DescribeNSM'))}`));
    expect(encodeNsmRequest({ kind: 'LockPCR', index: 16 })).toEqual(
      fromHex(`a1${'67'}${toHex(utf8('LockPCR'))}a1${'65'}${toHex(utf8('index'))}10`),
    );
    expect(encodeNsmResponse({ kind: 'Error', code: 'InvalidIndex' })).toEqual(
      fromHex(`a1${'65'}${toHex(utf8('Error'))}6c${toHex(utf8('InvalidIndex'))}`),
    );
  });

  it('reads requests in the field order of serde, which is not sorted', () => {
    const name = (text: string): string => (0x60 + text.length).toString(16) + toHex(utf8(text));
    const message = fromHex(
      `a1${name('Attestation')}a3${name('user_data')}4101${name('nonce')}f6${name('public_key')}f6`,
    );
    expect(decodeNsmRequest(message)).toEqual({
      kind: 'Attestation',
      userData: Uint8Array.of(1),
      nonce: null,
      publicKey: null,
    });
  });

  it('reads responses with indefinite maps, as today’s device writes documents', () => {
    const name = (text: string): string => (0x60 + text.length).toString(16) + toHex(utf8(text));
    const message = fromHex(`bf${name('ExtendPCR')}bf${name('data')}4107ffff`);
    expect(decodeNsmResponse(message)).toEqual({ kind: 'ExtendPCR', data: Uint8Array.of(7) });
    expect(codeOf(() => decodeNsmRequest(fromHex(`bf${name('LockPCR')}bf${name('index')}07ffff`)))).toBe(
      'cbor_indefinite',
    );
  });

  const map = (name: string, fields: Record<string, CborValue>): CborValue =>
    new Map([[name, new Map(Object.entries(fields))]]);
  const refusals: readonly (readonly [string, CborValue, WireErrorCode])[] = [
    ['an unknown name', 'Shutdown', 'field_invalid'],
    ['a name from the prototype', 'constructor', 'field_invalid'],
    ['a variant with fields, named only', 'LockPCR', 'field_missing'],
    ['a variant without fields, given some', map('DescribeNSM', {}), 'field_unknown'],
    [
      'two variants',
      new Map([
        ['DescribeNSM', null],
        ['GetRandom', null],
      ]),
      'field_invalid',
    ],
    ['no variant', new Map(), 'field_invalid'],
    ['a number for a name', new Map([[1, null]]), 'field_invalid'],
    ['a list', [], 'field_invalid'],
    ['an index beyond 16 bits', map('LockPCR', { index: 0x10000 }), 'field_invalid'],
    ['a negative index', map('LockPCR', { index: -1 }), 'field_invalid'],
    ['a missing field', map('ExtendPCR', { index: 1 }), 'field_missing'],
    ['a further field', map('LockPCR', { index: 1, extra: 1 }), 'field_unknown'],
    ['text for bytes', map('ExtendPCR', { index: 1, data: 'abc' }), 'field_invalid'],
  ];
  it.each(refusals)('refuses %s', (_, value, code) => {
    expect(codeOf(() => decodeNsmRequest(encodeCbor(value)))).toBe(code);
  });

  it('refuses an error code that the device does not have', () => {
    expect(codeOf(() => decodeNsmResponse(encodeCbor(new Map([['Error', 'Nonsense']]))))).toBe('field_invalid');
    expect(codeOf(() => decodeNsmResponse(encodeCbor('Error')))).toBe('field_invalid');
  });

  it('keeps to the device’s sizes on both sides', () => {
    const large = new Uint8Array(0x3000);
    expect(codeOf(() => encodeNsmRequest({ kind: 'ExtendPCR', index: 0, data: large }))).toBe('too_large');
    expect(codeOf(() => encodeNsmResponse({ kind: 'Attestation', document: large }))).toBe('too_large');
    expect(codeOf(() => decodeNsmRequest(large))).toBe('too_large');
    expect(codeOf(() => decodeNsmResponse(new Uint8Array(0x3001)))).toBe('too_large');
  });

  it('refuses any bytes at all with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        codeOf(() => decodeNsmRequest(bytes));
        codeOf(() => decodeNsmResponse(bytes));
      }),
    );
  });
});
