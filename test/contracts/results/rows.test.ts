import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { evaluateElements, FIELD } from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { readUint, uintWord } from '../../../wire/words.ts';
import { drawFrom } from '../../support/integer-models.ts';
import { rowBody } from '../support/integer.ts';
import { elementsOf, type RowValues } from '../support/proved.ts';
import { type Deployed, deployed, hex } from '../support/settlement.ts';
import type { Row } from '../support/trapdoor.ts';

let chain: Chain;
let rows: Deployed;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  rows = await deployed(chain, 'RowsHarness', [], 'ProvedHarness');
}, 240_000);

afterAll(() => chain.stop());

const words = (elements: readonly bigint[]): Hex => hex(concatBytes(...elements.map((element) => uintWord(element))));

/** Extremes as often as the rest. */
function drawn(row: Row, seed: number): RowValues {
  const draw = drawFrom(seed);
  const sign = row.signed ? 2n ** BigInt(row.bits - 1) : 0n;
  const most = 2n ** BigInt(row.bits) - 1n;
  const value = (): bigint =>
    [0n, most, readUint(sha256(uintWord(BigInt(draw.between(0, 2 ** 30))))) & most][draw.between(0, 2)] as bigint;
  return { row, values: Array.from({ length: row.count }, () => value() - sign) };
}

const formats = [8, 16, 32, 64].flatMap((bits) =>
  [true, false].flatMap((signed) => [1, 3, 31, 32, 93, 784].map((count): Row => ({ bits, signed, count }))),
);

describe('rows on chain', () => {
  it.each(formats)('are the elements that workers commit to: %o', async (row) => {
    const given = drawn(row, row.count + row.bits);
    const [elements, body] = [elementsOf(given), hex(rowBody(given.values))];
    const format = { ...row, bits: BigInt(row.bits), count: BigInt(row.count) };
    expect(await rows.view('pack', [format, body])).toEqual([true, elements]);
    expect(await rows.view('unpack', [format, words(elements)])).toEqual([true, body]);
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'have the value at a point that proofs have: %i',
    async (seed) => {
      const draw = drawFrom(seed);
      const element = (label: number): bigint => readUint(sha256(uintWord(BigInt(1_000 * seed + label)))) % FIELD;
      const inputs = Array.from({ length: draw.between(0, 40) }, (_, at) => element(at));
      const outputs = Array.from({ length: draw.between(0, 40) }, (_, at) => element(100 + at));
      const point = seed === 0 ? 0n : element(999);
      expect(await rows.view('evaluate', [words(inputs), outputs, point])).toBe(
        evaluateElements([...inputs, ...outputs], point),
      );
    },
  );
});
