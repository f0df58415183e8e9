import { createHash, verify, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRoot, makeAuthority } from '../../../enclave/simulator/authority.ts';
import type { DocumentEncoding } from '../../../enclave/simulator/document.ts';
import { SimulatorError } from '../../../enclave/simulator/errors.ts';
import { type BootRegisters, createNsm, type Nsm, textRegister } from '../../../enclave/simulator/nsm.ts';
import { systemChance } from '../../../enclave/simulator/signing.ts';
import { concatBytes, fromHex } from '../../../wire/bytes.ts';
import { type CborMap, type CborValue, decodeCbor, encodeCbor } from '../../../wire/codec/cbor.ts';
import { encodeNsmResponse, type NsmResponse } from '../../../wire/message/nsm.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const filled = (byte: number): Uint8Array => new Uint8Array(48).fill(byte);
const REGISTERS: BootRegisters = {
  pcr0: filled(1),
  pcr1: filled(2),
  pcr2: filled(3),
  pcr3: filled(0),
  pcr4: textRegister('i-0123456789abcdef0'),
};

function device(options: { readonly encoding?: DocumentEncoding; readonly registers?: BootRegisters } = {}): Nsm {
  const root = createRoot({ now: NOW, key: systemChance.key(), chance: systemChance });
  return createNsm({
    authority: makeAuthority({
      root,
      instanceId: 'i-0123456789abcdef0',
      enclaveId: fromHex('019b55a68bd2ed4b'),
      chance: systemChance,
    }),
    registers: options.registers ?? REGISTERS,
    clock: () => NOW,
    chance: systemChance,
    encoding: options.encoding ?? 'indefinite',
  });
}

const NOTHING = { userData: null, nonce: null, publicKey: null } as const;
const refused = (code: string): NsmResponse => ({ kind: 'Error', code }) as NsmResponse;

function documentOf(nsm: Nsm, fields: Partial<Record<keyof typeof NOTHING, Uint8Array>> = {}): Uint8Array {
  const response = nsm({ kind: 'Attestation', ...NOTHING, ...fields });
  if (response.kind !== 'Attestation') throw new Error(`refused: ${JSON.stringify(response)}`);
  return response.document;
}

interface OpenDocument {
  readonly protectedHeader: Uint8Array;
  readonly payloadBytes: Uint8Array;
  readonly payload: CborMap;
  readonly signature: Uint8Array;
}

function open(document: Uint8Array): OpenDocument {
  const profile = { maxBytes: 18_432, maps: 'definite-or-indefinite', order: 'any' } as const;
  const [protectedHeader, , payloadBytes, signature] = decodeCbor(document, profile) as readonly Uint8Array[];
  return {
    protectedHeader: protectedHeader as Uint8Array,
    payloadBytes: payloadBytes as Uint8Array,
    payload: decodeCbor(payloadBytes as Uint8Array, profile) as CborMap,
    signature: signature as Uint8Array,
  };
}

describe('registers', () => {
  it('come up as the launcher measured, 0 to 15 locked', () => {
    const nsm = device();
    const expected = [filled(1), filled(2), filled(3), filled(0), textRegister('i-0123456789abcdef0')];
    for (let index = 0; index < 32; index++) {
      expect(nsm({ kind: 'DescribePCR', index })).toEqual({
        kind: 'DescribePCR',
        lock: index < 16,
        data: expected[index] ?? filled(0),
      });
    }
    expect(nsm({ kind: 'DescribeNSM' })).toMatchObject({
      maxPcrs: 32,
      lockedPcrs: [...Array(16).keys()],
      digest: 'SHA384',
    });
  });

  it('are not shared with the caller’s bytes', () => {
    const pcr0 = filled(1);
    const nsm = device({ registers: { ...REGISTERS, pcr0 } });
    pcr0.fill(9);
    expect(nsm({ kind: 'DescribePCR', index: 0 })).toMatchObject({ data: filled(1) });
  });

  it('take the hash of what they held and what is added', () => {
    const nsm = device();
    const sha384 = (...parts: Uint8Array[]): Uint8Array =>
      new Uint8Array(
        createHash('sha384')
          .update(concatBytes(...parts))
          .digest(),
      );
    const once = sha384(filled(0), Uint8Array.of(1, 2, 3));
    const twice = sha384(once, new Uint8Array(0));
    expect(nsm({ kind: 'ExtendPCR', index: 16, data: Uint8Array.of(1, 2, 3) })).toEqual({
      kind: 'ExtendPCR',
      data: once,
    });
    expect(nsm({ kind: 'ExtendPCR', index: 16, data: new Uint8Array(0) })).toEqual({ kind: 'ExtendPCR', data: twice });
    expect(nsm({ kind: 'DescribePCR', index: 16 })).toEqual({ kind: 'DescribePCR', lock: false, data: twice });
    expect(nsm({ kind: 'DescribePCR', index: 17 })).toMatchObject({ data: filled(0) });
  });

  it('stay as they are once locked', () => {
    const nsm = device();
    expect(nsm({ kind: 'LockPCR', index: 16 })).toEqual({ kind: 'LockPCR' });
    for (const index of [0, 15, 16]) {
      expect(nsm({ kind: 'ExtendPCR', index, data: filled(7) })).toEqual(refused('ReadOnlyIndex'));
      expect(nsm({ kind: 'LockPCR', index })).toEqual(refused('ReadOnlyIndex'));
    }
    expect(nsm({ kind: 'DescribePCR', index: 16 })).toEqual({ kind: 'DescribePCR', lock: true, data: filled(0) });
  });

  it('can be locked up to an index, however often', () => {
    const nsm = device();
    expect(nsm({ kind: 'LockPCRs', range: 18 })).toEqual({ kind: 'LockPCRs' });
    expect(nsm({ kind: 'DescribeNSM' })).toMatchObject({ lockedPcrs: [...Array(18).keys()] });
    expect(nsm({ kind: 'LockPCRs', range: 32 })).toEqual({ kind: 'LockPCRs' });
    expect(nsm({ kind: 'LockPCRs', range: 32 })).toEqual({ kind: 'LockPCRs' });
    expect(nsm({ kind: 'LockPCRs', range: 33 })).toEqual(refused('InvalidIndex'));
    expect(nsm({ kind: 'ExtendPCR', index: 31, data: filled(1) })).toEqual(refused('ReadOnlyIndex'));
  });

  it('end at 31', () => {
    const nsm = device();
    expect(nsm({ kind: 'DescribePCR', index: 32 })).toEqual(refused('InvalidIndex'));
    expect(nsm({ kind: 'ExtendPCR', index: 32, data: filled(1) })).toEqual(refused('InvalidIndex'));
    expect(nsm({ kind: 'LockPCR', index: 65_535 })).toEqual(refused('InvalidIndex'));
  });

  it('must be 48 bytes each', () => {
    expect(() => device({ registers: { ...REGISTERS, pcr2: new Uint8Array(32) } })).toThrow(SimulatorError);
  });
});

it('gives 256 random bytes, other ones each time', () => {
  const nsm = device();
  const [first, second] = [nsm({ kind: 'GetRandom' }), nsm({ kind: 'GetRandom' })];
  expect(first).toMatchObject({ random: { length: 256 } });
  expect(first).not.toEqual(second);
});

describe.each(['definite', 'indefinite'] as const)('an attestation document with a %s map', (encoding) => {
  const nsm = device({ encoding });
  const document = documentOf(nsm, {
    userData: filled(5).slice(0, 32),
    nonce: filled(6),
    publicKey: filled(4).slice(0, 65),
  });

  it('begins and ends as AWS writes it', () => {
    const hex = Buffer.from(document).toString('hex');
    expect(hex).toMatch(encoding === 'definite' ? /^8444a1013822a059....a9/ : /^8444a1013822a059....bf/);
    const { payloadBytes, signature } = open(document);
    expect(signature).toHaveLength(96);
    expect(payloadBytes.at(-1) === 0xff).toBe(encoding === 'indefinite');
  });

  it('has AWS’s fields in AWS’s order', () => {
    const { payload } = open(document);
    expect([...payload.keys()]).toEqual([
      'module_id',
      'digest',
      'timestamp',
      'pcrs',
      'certificate',
      'cabundle',
      'public_key',
      'user_data',
      'nonce',
    ]);
    expect(payload.get('module_id')).toBe('i-0123456789abcdef0-enc019b55a68bd2ed4b');
    expect(payload.get('digest')).toBe('SHA384');
    expect(payload.get('timestamp')).toBe(NOW);
    expect(payload.get('user_data')).toEqual(filled(5).slice(0, 32));
    expect(payload.get('nonce')).toEqual(filled(6));
    expect(payload.get('public_key')).toEqual(filled(4).slice(0, 65));
    expect([...(payload.get('pcrs') as CborMap).keys()]).toEqual([...Array(16).keys()]);
    expect((payload.get('pcrs') as CborMap).get(4)).toEqual(REGISTERS.pcr4);
  });

  it('is signed by the leaf of its own chain, over the structure of RFC 9052', () => {
    const { protectedHeader, payloadBytes, payload, signature } = open(document);
    const leaf = new X509Certificate(payload.get('certificate') as Uint8Array);
    const signed = encodeCbor(['Signature1', protectedHeader, new Uint8Array(0), payloadBytes]);
    const key = { key: leaf.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha384', signed, key, signature)).toBe(true);
    signed[signed.length - 1] = (signed.at(-1) as number) ^ 1;
    expect(verify('sha384', signed, key, signature)).toBe(false);
    const chain = [...(payload.get('cabundle') as readonly Uint8Array[]).map((der) => new X509Certificate(der)), leaf];
    expect(chain).toHaveLength(5);
    chain.forEach((certificate, index) => {
      expect(certificate.verify((chain[Math.max(0, index - 1)] as X509Certificate).publicKey)).toBe(true);
    });
  });

  it('has null where nothing was given, and keeps empty apart from null', () => {
    const bare = open(documentOf(nsm)).payload;
    expect([bare.get('public_key'), bare.get('user_data'), bare.get('nonce')]).toEqual([null, null, null]);
    expect(open(documentOf(nsm, { userData: new Uint8Array(0) })).payload.get('user_data')).toEqual(new Uint8Array(0));
  });

  it('names register 16 once it is locked, and not before', () => {
    const fresh = device({ encoding });
    const extended = fresh({ kind: 'ExtendPCR', index: 16, data: filled(9) });
    expect((open(documentOf(fresh)).payload.get('pcrs') as CborMap).has(16)).toBe(false);
    fresh({ kind: 'LockPCR', index: 16 });
    const pcrs = open(documentOf(fresh)).payload.get('pcrs') as CborMap;
    expect([...pcrs.keys()]).toEqual([...Array(17).keys()]);
    expect(pcrs.get(16)).toEqual(extended.kind === 'ExtendPCR' ? extended.data : undefined);
  });

  it('takes 1,024 bytes a field, and fits the device’s answer with all of them', () => {
    const most = new Uint8Array(1_024).fill(0x80);
    const full = device({ encoding });
    full({ kind: 'LockPCRs', range: 32 });
    const response = full({ kind: 'Attestation', userData: most, nonce: most, publicKey: most });
    expect(encodeNsmResponse(response).length).toBeLessThanOrEqual(0x3000);
    const more = new Uint8Array(1_025);
    for (const field of ['userData', 'nonce', 'publicKey'] as const) {
      expect(full({ kind: 'Attestation', ...NOTHING, [field]: more })).toEqual(refused('InputTooLarge'));
    }
    expect(full({ kind: 'Attestation', ...NOTHING, publicKey: new Uint8Array(0) })).toEqual(refused('InvalidArgument'));
  });
});

const REAL = [
  ['definite', '../shared/vectors/nitro/veracruz/aws_nitro_document.cbor'],
  ['indefinite', '../shared/vectors/nitro/dstack/nsm-qvl_nitro_attestation.cose.cbor'],
] as const;

describe.skipIf(!REAL.every(([, path]) => existsSync(path)))(
  'beside a real document (skipped where the vectors are not checked out)',
  () => {
    /** Each head with its major type and field names; contents and lengths left out. */
    function skeleton(document: Uint8Array): CborValue {
      const { protectedHeader, payloadBytes, payload, signature } = open(document);
      return [
        document.slice(0, 8),
        protectedHeader,
        payloadBytes[0] as number,
        signature.length,
        [...payload.keys()],
        [...(payload.get('pcrs') as CborMap)].map(([index, value]) => [index, (value as Uint8Array).length]),
        (payload.get('cabundle') as readonly CborValue[]).length,
        /^i-[0-9a-f]{17}-enc[0-9a-f]{16}$/.test(payload.get('module_id') as string),
      ] as CborValue;
    }

    it.each(REAL)('has the same bones (%s)', (encoding, path) => {
      expect(skeleton(documentOf(device({ encoding })))).toEqual(skeleton(new Uint8Array(readFileSync(path))));
    });
  },
);
