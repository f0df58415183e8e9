import { encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { IntegerError } from '../../../contracts/integer/errors.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { evmContract, type GeneratedContract } from '../../../contracts/integer/evm/contract.ts';
import type { Program } from '../../../contracts/integer/program.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import type { Artifact } from '../../../contracts/tools/artifacts.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeIntegers } from '../../../wire/message/integers.ts';
import { committedRelease } from '../../models/drafts.ts';
import { integerEngine } from '../../support/integer-engine.ts';
import { drawFrom, forestModel, type IntegerModel, networkModel, rowsFor } from '../../support/integer-models.ts';
import { askedOf, compileGenerated, deployGenerated, type GeneratedOnChain, rowBody } from '../support/integer.ts';
import { hex } from '../support/settlement.ts';

const MODEL_ID = '5e'.repeat(32);
const MODEL: Hex = `0x${MODEL_ID}`;

const options = (name: string) =>
  ({ name, modelId: MODEL_ID, title: 'a test', licence: 'Apache-2.0', interfaces: 'written' }) as const;

interface Case {
  readonly model: IntegerModel;
  readonly program: Program;
  readonly contract: GeneratedContract;
}

function caseOf(model: IntegerModel, index: number): Case {
  const program = readProgram(model.onnx);
  return { model, program, contract: evmContract(program, options(`Model${index}`)) };
}

const { entry } = await committedRelease('volatility-1h-int8');
const released: IntegerModel = { name: 'volatility-1h-int8', onnx: entry, inputs: 16, datatype: 'UINT8' };
const cases: readonly Case[] = [
  released,
  networkModel(1, [16, 32, 8, 2]),
  networkModel(2, [1, 1]),
  networkModel(3, [70, 40, 5]),
  networkModel(4, [9, 33]),
  networkModel(5, [4, 60, 60, 3]),
  networkModel(8, [13, 12, 9, 7, 8, 1]),
  networkModel(7, [3, 7]),
  networkModel(8, [784, 32, 10]),
  networkModel(9, [128, 100, 10]),
  forestModel(1, { inputs: 4, trees: 6, depth: 4, targets: 1 }),
  forestModel(2, { inputs: 9, trees: 3, depth: 5, targets: 3 }),
  forestModel(3, { inputs: 1, trees: 1, depth: 1, targets: 2 }),
  forestModel(4, { inputs: 20, trees: 12, depth: 3, targets: 2 }),
].map(caseOf);

let chain: Chain;
let artifacts: ReadonlyMap<string, Artifact>;
let ours: GeneratedOnChain;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  artifacts = compileGenerated(cases.map(({ contract }) => contract));
  ours = await deployGenerated(chain, (cases[0] as Case).contract, artifacts);
}, 300_000);

afterAll(() => chain.stop());

describe('a generated contract', () => {
  it.each(cases)(
    'computes what the engine computes: $model.name',
    { timeout: 120_000 },
    async ({ model, contract, program }) => {
      const onChain = await deployGenerated(chain, contract, artifacts);
      const count = model.inputs > 200 ? 40 : 300;
      const rows = rowsFor(model, drawFrom(11), count);
      const expected = await (await integerEngine(model)).answers(rows);
      const answers: Hex[] = [];
      for (let at = 0; at < rows.length; at += 50) {
        const some = rows.slice(at, at + 50).map((row) => onChain.evaluate(rowBody(row)));
        answers.push(...(await Promise.all(some)));
      }
      expect(answers).toEqual(expected.map((row) => hex(rowBody(row))));
      expect(new Set(answers).size).toBeGreaterThan(1);
      expect(rows.map((row) => evaluate(program, row.map(BigInt)))).toEqual(expected);
    },
  );

  it.each(cases)('is as large as was said, or smaller: $model.name', ({ contract }) => {
    const size = artifacts.get(contract.name)?.runtimeBytes ?? 0;
    expect(size).toBeLessThanOrEqual(contract.codeBytes);
    expect(size).toBeGreaterThan(contract.codeBytes / 2);
  });

  it('computes the released model as the engine does on 3,000 inputs more', { timeout: 120_000 }, async () => {
    const draw = drawFrom(99);
    const rows = Array.from({ length: 3_000 }, () => {
      const most = draw.oneOf([8, 60, 255]);
      return Array.from({ length: 16 }, () => draw.between(0, most));
    });
    const expected = await (await integerEngine(released)).answers(rows);
    for (let at = 0; at < rows.length; at += 100) {
      const some = rows.slice(at, at + 100);
      const answers = await Promise.all(some.map((row) => ours.evaluate(rowBody(row))));
      expect(answers).toEqual(expected.slice(at, at + 100).map((row) => hex(rowBody(row))));
    }
  });
});

describe('the generated contract as a judge of answers', () => {
  const row = Array.from({ length: 16 }, (_, at) => at * 13);
  const input = rowBody(row);
  const output = rowBody(evaluate((cases[0] as Case).program, row.map(BigInt)));
  const asked = askedOf(MODEL, input, output);
  const word = (body: Uint8Array, at: number, value: bigint): Uint8Array => {
    const changed = Uint8Array.from(body);
    changed.set(Buffer.from(BigInt.asUintN(256, value).toString(16).padStart(64, '0'), 'hex'), 32 * at);
    return changed;
  };

  it('says yes to the answer, and needs no receipt', async () => {
    expect(await ours.verify(asked, input)).toBe(true);
    const { abi } = ours.artifact;
    const data = encodeFunctionData({ abi, functionName: 'needsReceipt' });
    expect(BigInt(await chain.call({ to: ours.address, data }))).toBe(0n);
  });

  it.each([
    ['another output', { output: hex(rowBody([1n])) }, input],
    [
      'an output one above',
      { output: hex(word(output, 4, BigInt(`0x${Buffer.from(output.slice(128)).toString('hex')}`) + 1n)) },
      input,
    ],
    ['an output with a word behind it', { output: hex(concatBytes(output, new Uint8Array(32))) }, input],
    ['an output with a byte behind it', { output: hex(concatBytes(output, new Uint8Array(1))) }, input],
    ['an output that ends early', { output: hex(output.slice(0, -1)) }, input],
    ['an empty output', { output: '0x' as Hex }, input],
    ['an output with decimals', { output: hex(word(output, 0, 18n)) }, input],
    [
      'an output of another shape',
      { output: hex(encodeIntegers([{ decimals: 0, shape: [1], values: [84n] }])) },
      input,
    ],
    ['another model', { modelId: `0x${'5f'.repeat(32)}` as Hex }, input],
    ['another input than the one asked about', {}, rowBody(row.map((value) => value ^ 1))],
    ['no input', {}, new Uint8Array()],
  ] as const)('says no to %s', async (_, changes, proof) => {
    expect(await ours.verify({ ...asked, ...changes }, proof)).toBe(false);
  });

  /** Whoever asks about such an input has a hash of it that matches; there is no answer. */
  const malformed: readonly (readonly [string, Uint8Array])[] = [
    ['a value beyond its range', rowBody(row.with(3, 256))],
    ['a value below its range', rowBody(row.with(3, -1))],
    ['the least value that a word has', word(input, 9, -(2n ** 255n))],
    ['decimals', word(input, 0, 1n)],
    ['another rank', word(input, 1, 1n)],
    ['two rows in its shape', word(input, 2, 2n)],
    ['another width in its shape', word(input, 3, 17n)],
    ['a value too many', rowBody([...row, 1])],
    ['a value too few', rowBody(row.slice(1))],
    ['a tensor behind it', concatBytes(input, input)],
    ['a byte behind it', concatBytes(input, new Uint8Array(1))],
    ['a byte too few', input.slice(0, -1)],
    ['a shape of one dimension', encodeIntegers([{ decimals: 0, shape: [16], values: row.map(BigInt) }])],
  ];

  it.each(malformed)('says no to an input with %s, and computes nothing', async (_, body) => {
    expect(await ours.verify({ ...asked, inputHash: hex(sha256(body)) }, body)).toBe(false);
    await expect(ours.evaluate(body)).rejects.toThrow();
  });
});

describe('tables of a generated contract', () => {
  const large = cases.find(({ contract }) => contract.tables.length > 1) as Case;

  it('are taken only with the bytes that it was generated with', async () => {
    const [first = '', second = ''] = large.contract.tables;
    const swapped = { ...large.contract, tables: [second, first, ...large.contract.tables.slice(2)] };
    await expect(deployGenerated(chain, swapped, artifacts)).rejects.toThrow('was not created');
  });

  it('stop whoever calls them', async () => {
    const [first = ''] = large.contract.tables;
    const artifact = artifacts.get(first) as Artifact;
    const { contractAddress } = await chain.send({ data: artifact.initCode });
    expect(await chain.call({ to: contractAddress as Hex, data: '0x12345678' })).toBe('0x');
  });
});

describe('a program that no contract holds', () => {
  it('is refused with its size', () => {
    const forest = readProgram(forestModel(5, { inputs: 9, trees: 60, depth: 6, targets: 1 }).onnx);
    expect(() => evmContract(forest, options('Large'))).toThrow(/\d+ bytes of code/);
    expect(() => evmContract(forest, options('Large'))).toThrow(IntegerError);
    const wide = readProgram(networkModel(10, [2_000, 100, 1]).onnx);
    expect(() => evmContract(wide, options('Wide'))).toThrow(expect.objectContaining({ code: 'contract_too_large' }));
  });

  it.each(['', 'lower', 'Has Space', 'A'.repeat(65), 'Übung', '9a'])('has no contract of the name "%s"', (name) => {
    const { program } = cases[1] as Case;
    expect(() => evmContract(program, options(name))).toThrow(expect.objectContaining({ code: 'name_invalid' }));
  });
});
