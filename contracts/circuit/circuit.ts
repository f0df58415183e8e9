import { commitmentPrefix } from '../../wire/commitment/elements.ts';
import { valuesPerElement } from '../../wire/commitment/pack.ts';
import type { CircuitTensor } from '../../wire/message/circuit-key.ts';
import { hull, type Interval, isWithin } from '../integer/bounds.ts';
import type { Forest } from '../integer/forest.ts';
import type { Bounded, Dense, Program } from '../integer/program.ts';
import { denseTemplates } from './dense.ts';
import { CircuitError } from './errors.ts';
import { forestTemplates } from './forest.ts';
import { circuitLimits } from './limits.ts';
import { poseidonTemplate } from './poseidon.ts';
import { rangeTemplate, type Template, templateText } from './rectify.ts';

/** What a circuit takes and gives, as commitments see it. */
export interface CircuitForm {
  readonly input: CircuitTensor;
  readonly output: CircuitTensor;
}

export interface GeneratedCircuit {
  readonly form: CircuitForm;
  /** Circom, complete in itself. */
  readonly source: string;
  /** At most; the compiler leaves some out. */
  readonly estimatedConstraints: number;
}

/**
 * DESIGN section 6, level `proved`: a circuit of which commitment and evaluation are outputs and the point a public input;
 * salt and input are its prover's own. Its text follows from the program alone, so anybody makes it again and compares.
 */
export function circuitOf(program: Program, form: CircuitForm): GeneratedCircuit {
  checkForm(program, form);
  if (program.products > circuitLimits.weights) {
    throw new CircuitError('circuit_too_large', `${program.products} weights; there are ${circuitLimits.weights}`);
  }
  const layers = program.layers.map((layer, index) => layerTemplates(layer, `Layer${index}`, before(program, index)));
  const range = rangeTemplate(program.inputs.range);
  const permutation = poseidonTemplate();
  const counts = elementCounts(form);
  const permutations = Math.ceil((2 + counts.inputs + counts.outputs) / 4);
  const names = layers.map((templates) => templates.at(-1)?.name ?? '');
  const main = mainTemplate(form, { range, names });
  const templates = [range, permutation, ...unique(layers.flat())];
  const estimatedConstraints =
    form.input.count * (range.constraints + 1) +
    permutations * permutation.constraints +
    layers.reduce((all, own) => all + (own.at(-1)?.constraints ?? 0), 0) +
    counts.inputs +
    counts.outputs +
    2;
  if (estimatedConstraints > circuitLimits.constraints) {
    const most = circuitLimits.constraints;
    throw new CircuitError('circuit_too_large', `some ${estimatedConstraints} constraints; there are ${most}`);
  }
  const source = [
    'pragma circom 2.1.0;',
    '// Written by `proofmark circuit`: an integer program as constraints, and the commitment to its input and output.',
    ...templates.map(({ text }) => text),
    main,
    'component main {public [point]} = Model();',
  ];
  return { form, source: `${source.join('\n\n')}\n`, estimatedConstraints };
}

export function elementCounts({ input, output }: CircuitForm): { readonly inputs: number; readonly outputs: number } {
  return { inputs: elements(input), outputs: elements(output) };
}

function elements({ bits, count }: CircuitTensor): number {
  return Math.ceil(count / valuesPerElement(bits));
}

function layerTemplates(layer: Bounded, name: string, values: readonly Interval[]): readonly Template[] {
  return layer.layer.kind === 'dense'
    ? denseTemplates(name, layer as Bounded<Dense>)
    : forestTemplates(name, layer as Bounded<Forest>, values);
}

function before({ inputs, layers }: Program, index: number): readonly Interval[] {
  return layers[index - 1]?.values ?? Array.from({ length: inputs.count }, () => inputs.range);
}

/** Layers may have a template in common. */
function unique(templates: readonly Template[]): readonly Template[] {
  return [...new Map(templates.map((template) => [template.name, template])).values()];
}

function checkForm({ inputs, outputs }: Program, { input, output }: CircuitForm): void {
  const sides = [
    { what: 'input', tensor: input, count: inputs.count, values: inputs.range },
    { what: 'output', tensor: output, count: outputs.length, values: hull(outputs) },
  ];
  for (const { what, tensor, count, values } of sides) {
    if (tensor.count !== count) {
      throw new CircuitError('circuit_unsupported', `the ${what} has ${tensor.count} values, and the program ${count}`);
    }
    if (!isWithin(values, rangeOfTensor(tensor))) {
      throw new CircuitError('circuit_unsupported', `the ${what} is beyond integers of ${tensor.bits} bits`);
    }
  }
}

export function rangeOfTensor({ bits, signed }: CircuitTensor): Interval {
  const size = 2n ** BigInt(bits);
  return signed ? { least: -size / 2n, most: size / 2n - 1n } : { least: 0n, most: size - 1n };
}

interface Parts {
  readonly range: Template;
  /** Of the layers, in order. */
  readonly names: readonly string[];
}

function mainTemplate(form: CircuitForm, { range, names }: Parts): string {
  const { input, output } = form;
  const counts = elementCounts(form);
  const all = counts.inputs + counts.outputs;
  const permutations = Math.ceil((2 + all) / 4);
  return templateText('Model', [
    // Whatever stands for the salt: the commitment is that of a receipt only with the receipt's own.
    ...['signal input saltHigh;', 'signal input saltLow;', `signal input in[${input.count}];`, 'signal input point;'],
    ...['signal output commitment;', 'signal output evaluation;'],
    `component range[${input.count}];`,
    `for (var i = 0; i < ${input.count}; i++) {`,
    `  range[i] = ${range.name}();`,
    '  range[i].in <== in[i];',
    '}',
    ...names.flatMap((name, index) => [
      `component layer${index} = ${name}();`,
      index === 0 ? 'layer0.in <== in;' : `layer${index}.in <== layer${index - 1}.out;`,
    ]),
    `signal element[${all}];`,
    ...packing({ tensor: input, from: 'in', first: 0, count: counts.inputs }),
    ...packing({ tensor: output, from: `layer${names.length - 1}.out`, first: counts.inputs, count: counts.outputs }),
    `component sum[${permutations}];`,
    `for (var i = 0; i < ${permutations}; i++) {`,
    '  sum[i] = Permutation();',
    `  if (i == 0) { sum[i].in[0] <== ${commitmentPrefix(counts.inputs, counts.outputs)}; }`,
    '  else { sum[i].in[0] <== sum[i - 1].out; }',
    '  for (var k = 0; k < 4; k++) {',
    '    var place = 4 * i + k;',
    '    if (place == 0) { sum[i].in[k + 1] <== saltHigh; }',
    '    else if (place == 1) { sum[i].in[k + 1] <== saltLow; }',
    `    else if (place < ${all + 2}) { sum[i].in[k + 1] <== element[place - 2]; }`,
    '    else { sum[i].in[k + 1] <== 0; }',
    '  }',
    '}',
    `commitment <== sum[${permutations - 1}].out;`,
    `signal horner[${all}];`,
    `horner[0] <== element[${all - 1}] * point;`,
    `for (var i = 1; i < ${all}; i++) {`,
    `  horner[i] <== (horner[i - 1] + element[${all - 1} - i]) * point;`,
    '}',
    `evaluation <== horner[${all - 1}];`,
  ]);
}

interface Packing {
  readonly tensor: CircuitTensor;
  readonly from: string;
  readonly first: number;
  readonly count: number;
}

function packing({ tensor: { bits, signed, count: values }, from, first, count }: Packing): readonly string[] {
  const each = valuesPerElement(bits);
  const offset = signed ? ` + ${2n ** BigInt(bits - 1)}` : '';
  return [
    `for (var i = 0; i < ${count}; i++) {`,
    '  var packed = 0;',
    `  for (var k = 0; k < ${each} && ${each} * i + k < ${values}; k++) {`,
    `    packed += (${from}[${each} * i + k]${offset}) * (1 << (${bits} * k));`,
    '  }',
    `  element[${first} + i] <== packed;`,
    '}',
  ];
}
