import { beforeAll, describe, expect, it } from 'vitest';
import { type CompiledCircuit, compileCircuit } from '../../../cli/circuit/compile.ts';
import { withSnarkjs } from '../../../cli/circuit/packages.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { type CircuitForm, circuitOf, type GeneratedCircuit } from '../../../contracts/circuit/circuit.ts';
import { CircuitError } from '../../../contracts/circuit/errors.ts';
import { systemFacts } from '../../../contracts/circuit/r1cs.ts';
import { witnessInput } from '../../../contracts/circuit/witness.ts';
import { greater, lesser } from '../../../contracts/integer/bounds.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { type Dense, type Draft, type Program, parseProgram } from '../../../contracts/integer/program.ts';
import { commitElements, evaluateElements } from '../../../wire/commitment/elements.ts';
import { FIELD } from '../../../wire/commitment/field.ts';
import { packTensor } from '../../../wire/commitment/pack.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import type { Datatype } from '../../../wire/message/tensor.ts';
import { readUint, uintWord } from '../../../wire/words.ts';
import { committedRelease } from '../../models/drafts.ts';
import { broken, readSystem, readWitness, type System, undetermined } from '../../support/constraints.ts';
import { drawFrom, forestModel, type IntegerModel, networkModel, rowsFor } from '../../support/integer-models.ts';

const { entry } = await committedRelease('volatility-1h-int8');
const released: IntegerModel = { name: 'volatility-1h-int8', onnx: entry, inputs: 16, datatype: 'UINT8' };

interface Case {
  readonly model: IntegerModel;
  readonly program: Program;
  readonly circuit: GeneratedCircuit;
}

function caseOf(model: IntegerModel): Case {
  const program = readProgram(model.onnx);
  return { model, program, circuit: circuitOf(program, formOf(model, program)) };
}

function formOf({ datatype, inputs }: IntegerModel, { outputs }: Program): CircuitForm {
  const bits = datatype.endsWith('16') ? 16 : 8;
  return {
    input: { bits, signed: datatype.startsWith('I'), count: inputs },
    output: { bits: 32, signed: true, count: outputs.length },
  };
}

/** What rectifications there are, one layer each, over inputs that are not all of their type. */
const everyKind: Draft = {
  inputs: { count: 3, range: { least: -100n, most: 99n } },
  layers: [
    dense(
      [
        [3n, -2n, 1n],
        [1n, 1n, 1n],
      ],
      { shift: 0, most: 'any' },
    ),
    dense(
      [
        [5n, -7n],
        [2n, 9n],
      ],
      { shift: 2, most: 100n },
    ),
    dense(
      [
        [1n, 1n],
        [3n, 1n],
      ],
      { shift: 1, most: 7n },
    ),
    dense(
      [
        [40n, 1n],
        [2n, 90n],
      ],
      { shift: 3, most: 'any' },
    ),
    dense(
      [
        [2n, 2n],
        [1n, 3n],
      ],
      { shift: 0, most: 'any' },
    ),
    dense(
      [
        [1n, -1n],
        [-3n, 2n],
        [0n, 1n],
      ],
      'none',
    ),
  ],
};

function dense(weights: readonly (readonly bigint[])[], rectify: Dense['rectify']): Dense {
  return { kind: 'dense', weights, bias: weights.map((_, index) => BigInt(index) - 1n), rectify };
}

const cases: readonly Case[] = [
  ...[released, networkModel(4, [9, 33]), networkModel(8, [13, 12, 9, 1])].map(caseOf),
  ...[forestModel(2, { inputs: 9, trees: 3, depth: 4, targets: 3 })].map(caseOf),
  handMade(everyKind),
];

function handMade(draft: Draft): Case {
  const program = parseProgram(draft);
  const model: IntegerModel = { name: 'every kind', onnx: new Uint8Array(0), inputs: 3, datatype: 'INT8' };
  return { model, program, circuit: circuitOf(program, formOf(model, program)) };
}

/** Within the program's own range, which may be narrower than the type's. */
function rowsOf({ model, program }: Case, seed: number, count: number): readonly (readonly bigint[])[] {
  const { least, most } = program.inputs.range;
  return rowsFor(model, drawFrom(seed), count).map((row) =>
    row.map((value) => greater(least, lesser(most, BigInt(value)))),
  );
}

const made = new Map<string, Promise<CompiledCircuit>>();

/** Once for each source: the compiler is what takes long here. */
function compiledOf({ circuit }: Case): Promise<CompiledCircuit> {
  const known = made.get(circuit.source) ?? compileCircuit(circuit.source);
  made.set(circuit.source, known);
  return known;
}

function elements(datatype: Datatype, values: readonly bigint[]): readonly bigint[] {
  return packTensor(
    integersToTensor({ name: 'x', datatype }, { decimals: 0, shape: [1, values.length], values: [...values] }),
  );
}

async function witnessOf(
  { circuit }: Case,
  { wasm }: CompiledCircuit,
  facts: Parameters<typeof witnessInput>[1],
): Promise<readonly bigint[]> {
  const memory: { type: 'mem'; data?: Uint8Array } = { type: 'mem' };
  await withSnarkjs((snarkjs) => snarkjs.wtns.calculate(witnessInput(circuit.form, facts), wasm, memory));
  return readWitness(memory.data as Uint8Array);
}

describe.each(cases)('the circuit of $model.name', (each) => {
  const { model, program, circuit } = each;
  let compiled: CompiledCircuit;
  let system: System;

  beforeAll(async () => {
    compiled = await compiledOf(each);
    system = readSystem(compiled.r1cs);
  }, 60_000);

  it('says what the program and the commitment say, for every row', { timeout: 60_000 }, async () => {
    for (const [index, input] of rowsOf(each, 5, 12).entries()) {
      const salt = sha256(uintWord(BigInt(index)));
      const point = index === 0 ? 0n : readUint(sha256(salt)) % FIELD;
      const witness = await witnessOf(each, compiled, { input, salt, point });
      const inputs = elements(model.datatype, input);
      const outputs = elements('INT32', evaluate(program, input));
      const signals = [
        commitElements({ salt, inputs, outputs }),
        evaluateElements([...inputs, ...outputs], point),
        point,
      ];
      expect(witness.slice(1, 4)).toEqual(signals);
      expect(broken(system, witness)).toBe(-1);
      if (index === 0) expect(witness[2]).toBe(0n);
    }
  });

  it('has one witness for its inputs', () => {
    expect(undetermined(system)).toEqual([]);
  });

  it('refuses a witness with any one signal changed', { timeout: 60_000 }, async () => {
    const [input = []] = rowsOf(each, 6, 1);
    const witness = await witnessOf(each, compiled, { input, salt: uintWord(7n), point: 3n });
    const draw = drawFrom(7);
    for (let wire = 1; wire < system.wires; wire++) {
      const change = draw.oneOf([1n, FIELD - 1n, BigInt(draw.between(2, 2 ** 31 - 1))]);
      const changed = witness.with(wire, ((witness[wire] as bigint) + change) % FIELD);
      expect(broken(system, changed), `wire ${wire}`).not.toBe(-1);
    }
  });

  it('has two outputs, one public input, and no more constraints than were estimated', () => {
    const facts = systemFacts(compiled.r1cs);
    expect(facts).toMatchObject({ publicOutputs: 2, publicInputs: 1, privateInputs: model.inputs + 2 });
    expect(facts.constraints).toBe(system.constraints.length);
    expect(facts.constraints).toBeLessThanOrEqual(circuit.estimatedConstraints);
  });
});

it('is made again byte for byte', { timeout: 60_000 }, async () => {
  const [each] = cases as [Case];
  const { program, circuit } = each;
  expect(circuitOf(program, circuit.form).source).toBe(circuit.source);
  expect((await compileCircuit(circuit.source)).r1cs).toEqual((await compiledOf(each)).r1cs);
});

describe('a value that the circuit does not admit', () => {
  const each = cases.at(-1) as Case;

  it.each([-101n, 100n])('as %i has no witness', async (value) => {
    const compiled = await compiledOf(each);
    const facts = { input: [0n, value, 0n], salt: uintWord(1n), point: 0n };
    await expect(witnessOf(each, compiled, facts)).rejects.toThrow('Assert Failed');
  });

  it.each<readonly [string, Partial<Parameters<typeof witnessInput>[1]>]>([
    ['too few values', { input: [1n] }],
    ['a value beyond its type', { input: [0n, 0n, 128n] }],
    ['a point beyond the field', { point: FIELD }],
    ['a point below zero', { point: -1n }],
  ])('with %s is refused before', (_, change) => {
    const facts = { input: [0n, 0n, 0n], salt: uintWord(1n), point: 0n, ...change };
    expect(codeOf(() => witnessInput(each.circuit.form, facts))).toBe('input_invalid');
  });
});

// What the two rules see of a circuit that lacks a constraint: else "has one witness" would say nothing.
it.each([
  ['bits that may be any number', '  bit[i] * (bit[i] - 1) === 0;'],
  ['bits of any value', '  bits === shifted;'],
  ['an input of any size', '  bits === above;'],
])('without a constraint has %s, and is caught', { timeout: 60_000 }, async (_, line) => {
  const { circuit } = cases.at(-1) as Case;
  expect(circuit.source).toContain(line);
  const { r1cs } = await compileCircuit(circuit.source.replaceAll(line, ''));
  expect(undetermined(readSystem(r1cs))).not.toEqual([]);
});

describe('no circuit is made', () => {
  const { program, circuit } = cases.at(-1) as Case;
  const { input, output } = circuit.form;

  it.each<readonly [string, Partial<CircuitForm>]>([
    ['of other inputs', { input: { ...input, count: 4 } }],
    ['of other outputs', { output: { ...output, count: 1 } }],
    ['of inputs that the type does not hold', { input: { ...input, signed: false } }],
    ['of outputs that the type does not hold', { output: { ...output, bits: 8 } }],
  ])('circuit_unsupported: %s', (_, change) => {
    expect(codeOf(() => circuitOf(program, { ...circuit.form, ...change }))).toBe('circuit_unsupported');
  });

  it('circuit_too_large: of more weights or constraints than anybody proves', () => {
    const wide = (rows: number, columns: number): Dense =>
      dense(
        Array.from({ length: rows }, () => Array.from({ length: columns }, () => 1n)),
        { shift: 4, most: 'any' },
      );
    const sized = (count: number, layers: readonly Dense[]): unknown =>
      codeOf(() =>
        circuitOf(parseProgram({ inputs: { count, range: { least: 0n, most: 255n } }, layers }), {
          input: { bits: 8, signed: false, count },
          output: { bits: 32, signed: true, count: layers.at(-1)?.weights.length ?? 0 },
        }),
      );
    expect(sized(400, [wide(400, 400)])).toBe('circuit_too_large');
    expect(sized(4_096, [wide(2, 4_096), wide(4_096, 2), wide(4, 4_096)])).toBe('circuit_too_large');
    expect(sized(400, [wide(40, 400)])).toBe('made');
  });
});

it('file_malformed: what is no file of constraints', () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(64),
    Uint8Array.of(0x72, 0x31, 0x63, 0x73, 1, 0, 0, 0, 9, 0, 0, 0),
  ]) {
    expect(codeOf(() => systemFacts(bytes))).toBe('file_malformed');
  }
});

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'made';
  } catch (error) {
    if (error instanceof CircuitError) return error.code;
    throw error;
  }
}
