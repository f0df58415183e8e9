import fc from 'fast-check';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, toFunctionSelector } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import {
  type DerElement,
  derBitStringBytes,
  derBoolean,
  derCount,
  derCursor,
  derInteger,
  derNamedBits,
  derOid,
  derTime,
  derUnsigned,
  onlyElement,
} from '../../verifier/codec/der.ts';
import { VerifierError } from '../../verifier/errors.ts';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { der, time } from '../support/der-writer.ts';
import { runs } from '../support/runs.ts';

let chain: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  harness = await artifact('DerHarness');
  at = await chain.deploy(harness);
});

afterAll(() => chain.stop());

/** Selectors of the errors, and the code that the TypeScript reader has for each. */
const CODES: Readonly<Record<string, string>> = {
  [toFunctionSelector('DerInvalid()')]: 'der_invalid',
  [toFunctionSelector('CertificateTime()')]: 'certificate_time',
};

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;

async function onChain(functionName: string, args: readonly unknown[]): Promise<unknown> {
  try {
    const data = await chain.call({ to: at, data: encodeFunctionData({ abi: harness.abi, functionName, args }) });
    return data === '0x' ? 'accepted' : decodeFunctionResult({ abi: harness.abi, functionName, data });
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    return { refused: CODES[error.data] ?? error.data };
  }
}

function inTypeScript(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return { refused: error.code };
  }
}

/** An element of these contents, as a cursor would have found it. */
function element(tag: number, contents: Uint8Array): DerElement {
  return { tag, offset: 0, header: 2, contents };
}

/** Short strings in which tags, lengths and signs are likely. */
const bytes = fc
  .array(fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 6, 7, 0x17, 0x18, 0x30, 0x7f, 0x80, 0x81, 0x82, 0xff), fc.nat(255)), {
    maxLength: 12,
  })
  .map((list) => Uint8Array.from(list));

describe('Der agrees with verifier/codec/der.ts', () => {
  it('on elements, their headers and lengths', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const expected = inTypeScript(() => {
          const { tag, header, contents } = derCursor(input).readAny();
          return [BigInt(tag), BigInt(header), hex(contents)];
        });
        expect(await onChain('readAny', [hex(input)])).toEqual(expected);
      }),
      { numRuns: runs(300) },
    );
  });

  it.each([
    ['a length in one byte', '0403010203'],
    ['the indefinite length', '308000'],
    ['127 bytes', `047f${'00'.repeat(127)}`],
    ['128 bytes', `048180${'00'.repeat(128)}`],
    ['127 bytes spelt long', `04817f${'00'.repeat(127)}`],
    ['255 bytes spelt longer', `048200ff${'00'.repeat(255)}`],
    ['256 bytes', `04820100${'00'.repeat(256)}`],
    ['three length bytes', `0483000100${'00'.repeat(256)}`],
    ['a byte too few', `04820100${'00'.repeat(255)}`],
    ['a cut length', '0482'],
    ['a tag of several bytes', '1f2100'],
    ['nothing', ''],
    ['a tag alone', '30'],
  ])('on %s', async (_says, input) => {
    const expected = inTypeScript(() =>
      hex(onlyElement(fromHex(input), Number.parseInt(input.slice(0, 2), 16)).contents),
    );
    const tag = input === '' ? 0 : Number.parseInt(input.slice(0, 2), 16);
    expect(await onChain('only', [`0x${input}`, BigInt(tag)])).toEqual(expected);
  });

  it('on what follows the one element that was asked for', async () => {
    for (const input of ['040101', '0401010500', '0500', '040101ff']) {
      const expected = inTypeScript(() => hex(onlyElement(fromHex(input), 4).contents));
      expect(await onChain('only', [`0x${input}`, 4n])).toEqual(expected);
    }
  });

  it.each<{ says: string; args: readonly unknown[]; read: (contents: Uint8Array) => unknown }>([
    { says: 'boolean', args: [], read: (contents) => derBoolean(element(1, contents)) },
    {
      says: 'integer',
      args: [],
      read: (contents) => (derInteger(element(2, contents)).length > 0 ? 'accepted' : 'empty'),
    },
    { says: 'unsigned', args: [], read: (contents) => hex(derUnsigned(element(2, contents))) },
    { says: 'count', args: [], read: (contents) => BigInt(derCount(element(2, contents))) },
    { says: 'wholeBytes', args: [], read: (contents) => hex(derBitStringBytes(element(3, contents))) },
    { says: 'namedBits', args: [false], read: (contents) => bitBytes(contents, 'refused') },
    { says: 'namedBits', args: [true], read: (contents) => bitBytes(contents, 'allowed') },
    { says: 'oid', args: [], read: (contents) => derOid(element(6, contents)) && 'accepted' },
  ])('on $says $args', { timeout: 120_000 }, async ({ says, args, read }) => {
    await fc.assert(
      fc.asyncProperty(bytes, async (contents) => {
        expect(await onChain(says, [hex(contents), ...args])).toEqual(inTypeScript(() => read(contents)));
      }),
      { numRuns: runs(150) },
    );
  });
});

/** The list's bytes again: an element of theirs is what the contract returns. */
function bitBytes(contents: Uint8Array, trailing: 'refused' | 'allowed'): unknown {
  derNamedBits(element(3, contents), trailing);
  return hex(contents.subarray(1));
}

describe('DerTime agrees with verifier/codec/der.ts', () => {
  const read = (input: Uint8Array): unknown =>
    inTypeScript(() => {
      const cursor = derCursor(input);
      const found = cursor.readOptional(0x17) ?? cursor.read(0x18);
      const milliseconds = derTime(found);
      cursor.end();
      return BigInt(milliseconds / 1000);
    });

  it('on every kind of real date', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        async (date) => {
          const input = time(Math.floor(date.getTime() / 1000) * 1000);
          expect(await onChain('time', [hex(input)])).toEqual(read(input));
          expect(typeof read(input)).toBe('bigint');
        },
      ),
      { numRuns: runs(150) },
    );
  });

  it.each([
    '240229000000Z',
    '230229000000Z',
    '000229000000Z',
    '991231235959Z',
    '500101000000Z',
    '491231235959Z',
    '241301000000Z',
    '240001000000Z',
    '240100000000Z',
    '240132000000Z',
    '240431000000Z',
    '240101240000Z',
    '240101006000Z',
    '240101000060Z',
    '2401010000Z',
    '240101000000',
    '240101000000z',
    '24010100000/Z',
    '24010100000:Z',
    '20500101000000Z',
    '20491231235959Z',
    '21000229000000Z',
    '24000229000000Z',
    '99991231235959Z',
    '00000101000000Z',
    '20500101000000.5Z',
    '240101000000+0100',
  ])('on %s', async (text) => {
    for (const tag of [0x17, 0x18, 0x16]) {
      const input = der(tag, utf8(text));
      expect(await onChain('time', [hex(input)])).toEqual(read(input));
    }
  });
});
