import fc from 'fast-check';
import { type Address, decodeFunctionResult, encodeFunctionData, toFunctionSelector, toHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { concatBytes, fromHex, utf8 } from '../../wire/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor } from '../../wire/codec/cbor.ts';
import { scanCbor } from '../../wire/codec/cbor-scan.ts';
import { findInvalidUtf8 } from '../../wire/codec/utf8.ts';
import { WireError } from '../../wire/errors.ts';
import { runs } from '../support/runs.ts';

let evm: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  evm = await startChain({ hardfork: 'osaka' });
  harness = await artifact('CborHarness');
  at = await evm.deploy(harness);
});

afterAll(() => evm.stop());

const MOST = 8;
const INVALID = toFunctionSelector('CborInvalid()');

interface Scanned {
  readonly major: number;
  readonly count: number;
  readonly members: readonly string[];
}

async function onChain(input: Uint8Array, deterministic: boolean): Promise<Scanned | 'refused'> {
  const args = [toHex(input), deterministic, BigInt(MOST)];
  try {
    const data = await evm.call({
      to: at,
      data: encodeFunctionData({ abi: harness.abi, functionName: 'scan', args }),
      gas: 60_000_000n,
    });
    const [major, count, members] = decodeFunctionResult({ abi: harness.abi, functionName: 'scan', data }) as [
      bigint,
      bigint,
      string[],
    ];
    return { major: Number(major), count: Number(count), members };
  } catch (error) {
    if (!(error instanceof ChainError) || error.data !== INVALID) throw error;
    return 'refused';
  }
}

function inTypeScript(input: Uint8Array, deterministic: boolean): Scanned | 'refused' {
  const profile = {
    maxBytes: 1 << 20,
    maps: deterministic ? 'definite' : 'definite-or-indefinite',
    order: deterministic ? 'deterministic' : 'any',
  } as const;
  try {
    scanCbor(input, profile);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return 'refused';
  }
  const value = decodeCbor(input, profile);
  const members = membersOf(value);
  return {
    major: (input[0] as number) >> 5,
    count: members.length,
    members: members.slice(0, MOST).map((member) => toHex(member)),
  };
}

/** Their encodings; exact because only deterministic inner items are looked at (see `flat`). */
function membersOf(value: CborValue): readonly Uint8Array[] {
  if (Array.isArray(value)) return (value as readonly CborValue[]).map((item) => encodeCbor(item));
  if (value instanceof Map) return [...value].flatMap(([key, content]) => [encodeCbor(key), encodeCbor(content)]);
  return [];
}

/** Whether both refuse, or both accept; what they accept is compared where its members have one spelling. */
async function agree(input: Uint8Array, deterministic: boolean): Promise<'accepted' | 'refused'> {
  const [theirs, ours] = [await onChain(input, deterministic), inTypeScript(input, deterministic)];
  if (theirs === 'refused' || ours === 'refused') {
    expect(theirs).toBe(ours);
    return 'refused';
  }
  expect([theirs.major, theirs.count]).toEqual([ours.major, ours.count]);
  if (deterministic) expect(theirs.members).toEqual(ours.members);
  return 'accepted';
}

const nested = (depth: number, inner: Uint8Array): Uint8Array => concatBytes(new Uint8Array(depth).fill(0x81), inner);

const cases: Readonly<Record<string, readonly [hex: string, any: boolean, deterministic: boolean]>> = {
  nothing: ['', false, false],
  'an integer': ['00', true, true],
  'two integers': ['0000', false, false],
  '23 in one byte': ['17', true, true],
  '23 in two bytes': ['1817', false, false],
  '24 in two bytes': ['1818', true, true],
  '24 cut off': ['18', false, false],
  '255 in three bytes': ['1900ff', false, false],
  '256 in three bytes': ['190100', true, true],
  '65,535 in five bytes': ['1a0000ffff', false, false],
  '65,536 in five bytes': ['1a00010000', true, true],
  '2^32 - 1 in nine bytes': ['1b00000000ffffffff', false, false],
  '2^32 in nine bytes': ['1b0000000100000000', true, true],
  '2^64 - 1': ['1bffffffffffffffff', true, true],
  'a nine-byte head cut off': ['1bffffffffffffff', false, false],
  'reserved information': ['1c', false, false],
  'an indefinite integer': ['1f', false, false],
  'a negative integer': ['3818', true, true],
  'a negative integer too long': ['3817', false, false],
  bytes: ['43010203', true, true],
  'bytes cut off': ['430102', false, false],
  'bytes of 2^64 - 1': ['5bffffffffffffffff', false, false],
  'indefinite bytes': ['5f4101ff', false, false],
  text: ['63414243', true, true],
  'text that is not UTF-8': ['62c328', false, false],
  'text with a byte order mark': ['63efbbbf', false, false],
  'text with a mark further in': ['6441efbbbf', true, true],
  'indefinite text': ['7f6141ff', false, false],
  'an array': ['83010203', true, true],
  'an array cut off': ['830102', false, false],
  'an array of 2^32': ['9b0000000100000000', false, false],
  'an indefinite array': ['9f01ff', false, false],
  'a map': ['a201020304', true, true],
  'a map out of order': ['a203040102', true, false],
  'a map out of order by length': ['a261620119010002', true, false],
  'a map without its last value': ['a2010203', false, false],
  'a map with a key twice': ['a201020103', false, false],
  'a map with a text key twice': ['a2614101614102', false, false],
  'a map with a long key twice': ['a219010001190100 02'.replace(' ', ''), false, false],
  'a map with a negative key twice': ['a220012002', false, false],
  'a map with 24 twice': ['a2181801181802', false, false],
  'a map with 1 and -1': ['a201012001', true, true],
  'a map with byte keys': ['a1410101', false, false],
  'a map with an array for a key': ['a1800 1'.replace(' ', ''), false, false],
  'a map with null for a key': ['a1f601', false, false],
  'an indefinite map': ['bf0102ff', true, false],
  'an empty indefinite map': ['bfff', true, false],
  'an indefinite map without a break': ['bf0102', false, false],
  'an indefinite map with a key too many': ['bf010203ff', false, false],
  'an indefinite map with a key twice': ['bf01020103ff', false, false],
  'a tag': ['c000', false, false],
  'a tag inside': ['81c100', false, false],
  'false, true, null': ['83f4f5f6', true, true],
  undefined: ['f7', false, false],
  'a simple value': ['f820', false, false],
  'a half float': ['f90000', false, false],
  'a double': ['fb0000000000000000', false, false],
  'a break': ['ff', false, false],
  'a break in an array': ['81ff', false, false],
  '__proto__ and constructor': ['a2695f5f70726f746f5f5f016b636f6e7374727563746f7202', true, true],
};

describe('CborScan agrees with wire/codec/cbor-scan.ts', () => {
  it.each(Object.entries(cases))('on %s', async (_name, [hex, any, deterministic]) => {
    const input = fromHex(hex);
    expect(await agree(input, false)).toBe(any ? 'accepted' : 'refused');
    expect(await agree(input, true)).toBe(deterministic ? 'accepted' : 'refused');
  });

  it('on depth: 16 levels and no more, of arrays and maps', async () => {
    const one = Uint8Array.of(1);
    expect(await agree(nested(16, one), false)).toBe('accepted');
    expect(await agree(nested(17, one), false)).toBe('refused');
    expect(await agree(nested(15, fromHex('a10101')), false)).toBe('accepted');
    expect(await agree(nested(16, fromHex('a10101')), false)).toBe('refused');
    expect(await agree(nested(15, fromHex('bf01a0ff')), false)).toBe('refused');
    expect(await agree(nested(18_000, one), false)).toBe('refused');
  });

  it('on the number of items: 16,384 and no more', async () => {
    const list = (items: number): Uint8Array =>
      concatBytes(Uint8Array.of(0x99, items >> 8, items & 0xff), new Uint8Array(items));
    expect(await agree(list(16_383), false)).toBe('accepted');
    expect(await agree(list(16_384), false)).toBe('refused');
  });

  it('on whatever fast-check writes, whole and with bytes changed', { timeout: 300_000 }, async () => {
    const seen = { accepted: 0, refused: 0 };
    const key = fc.oneof(
      fc.integer({ min: -300, max: 300 }),
      fc.string({ maxLength: 4 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    );
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.integer(),
        fc.string({ maxLength: 40, unit: 'grapheme' }),
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(true, false, null),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => new Map(entries)),
      ),
    }));
    const bytes = value.map((made) => {
      try {
        return encodeCbor(made);
      } catch {
        return encodeCbor(null);
      }
    });
    const change = fc.record({
      place: fc.nat(0xffff),
      how: fc.constantFrom('none', 'change', 'leave out', 'put in', 'indefinite'),
      octet: fc.oneof(fc.constantFrom(0xff, 0xbf, 0xa1, 0x18, 0x19, 0xf6, 0xc2, 0xef), fc.nat(0xff)),
    });
    await fc.assert(
      fc.asyncProperty(bytes, change, async (made, { place, how, octet }) => {
        const input = changed(made, place % made.length, how, octet);
        seen[await agree(input, false)] += 1;
        seen[await agree(input, true)] += 1;
      }),
      { numRuns: runs(500) },
    );
    expect(seen.accepted).toBeGreaterThan(seen.refused / 10);
    expect(seen.refused).toBeGreaterThan(seen.accepted / 10);
  });
});

function changed(bytes: Uint8Array, place: number, how: string, octet: number): Uint8Array {
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (how === 'leave out') return concatBytes(before, after.subarray(1));
  if (how === 'put in') return concatBytes(before, Uint8Array.of(octet), after);
  if (how === 'change') return concatBytes(before, Uint8Array.of(octet), after.subarray(1));
  // A short map in its other form.
  const first = bytes[0] as number;
  if (how === 'indefinite' && first >= 0xa0 && first < 0xb8) {
    return concatBytes(Uint8Array.of(0xbf), bytes.subarray(1), Uint8Array.of(0xff));
  }
  return bytes;
}

describe('Utf8 agrees with wire/codec/utf8.ts', () => {
  const isWellFormed = async (text: Uint8Array): Promise<boolean> => {
    const data = encodeFunctionData({ abi: harness.abi, functionName: 'utf8', args: [toHex(text)] });
    return BigInt(await evm.call({ to: at, data })) === 1n;
  };

  const sequences = ['c280', 'c1bf', 'dfbf', 'e0a080', 'e09fbf', 'ed9fbf', 'eda080', 'efbfbf', 'f0908080', 'f08fbfbf'];
  const more = ['f48fbfbf', 'f4908080', 'f5808080', '80', 'bf', 'c2', 'e0a0', 'f09080', 'c2c2', 'e28228', 'f0908028'];

  it.each([...sequences, ...more])('on %s, at every distance from the end of a word', async (hex) => {
    const bytes = fromHex(hex);
    for (const before of [0, 1, 29, 30, 31, 32]) {
      for (const after of [0, 1, 40]) {
        const text = concatBytes(new Uint8Array(before).fill(0x41), bytes, new Uint8Array(after).fill(0x42));
        expect(await isWellFormed(text)).toBe(findInvalidUtf8(text, 0, text.length) === -1);
      }
    }
  });

  it('on text and on bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 8 }), async (text, bytes) => {
        expect(await isWellFormed(utf8(text))).toBe(true);
        expect(await isWellFormed(bytes)).toBe(findInvalidUtf8(bytes, 0, bytes.length) === -1);
      }),
      { numRuns: runs(200) },
    );
  });
});
