import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demoModel } from '../../../../cli/demo-model/mlp.ts';
import { type OnnxAttribute, type OnnxNode, onnxType } from '../../../../cli/demo-model/onnx-writer.ts';
import { OnnxError, type OnnxErrorCode } from '../../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../../enclave/worker/model/onnx-scan.ts';
import { refusedOperators } from '../../../../enclave/worker/model/operators.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { loopModel, model } from './models.ts';

function refusal(bytes: Uint8Array): OnnxError {
  try {
    scanOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
  throw new Error('the scan accepted it');
}

const codeOf = (bytes: Uint8Array): OnnxErrorCode => refusal(bytes).code;

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) return Uint8Array.from(bytes);
  }
}
const integer = (number: number, value: bigint): Uint8Array => concatBytes(varint(BigInt(number * 8)), varint(value));
const block = (number: number, ...content: Uint8Array[]): Uint8Array => {
  const all = concatBytes(...content);
  return concatBytes(varint(BigInt(number * 8 + 2)), varint(BigInt(all.length)), all);
};
const text = (number: number, value: string): Uint8Array => block(number, utf8(value));

const RELU = block(1, text(1, 'x'), text(2, 'y'), text(4, 'Relu'));
const OPERATOR_SET = block(8, text(1, ''), integer(2, 17n));
/** A model from raw graph fields, for what a proper writer would not write. */
const raw = (...graph: Uint8Array[]): Uint8Array => concatBytes(integer(1, 8n), block(7, ...graph), OPERATOR_SET);
const withTensor = (...tensor: Uint8Array[]): Uint8Array => raw(RELU, block(5, ...tensor));
const withNode = (node: Partial<OnnxNode>): Uint8Array =>
  model({ nodes: [{ operator: 'Relu', inputs: ['x'], outputs: ['y'], ...node }] });

describe('what passes', () => {
  it('counts the operators of the demo model', () => {
    expect(scanOnnx(demoModel().onnx)).toEqual({
      irVersion: 8,
      operatorSet: 17,
      operators: new Map([
        ['Gemm', 3],
        ['Relu', 2],
      ]),
    });
  });

  it('takes raw fields, packed dimensions and tensors in attributes', () => {
    const tensor = [block(1, varint(2n), varint(3n)), integer(2, 1n), text(8, 't'), block(9, new Uint8Array(24))];
    expect(scanOnnx(withTensor(...tensor)).operators.get('Relu')).toBe(1);
    const value: OnnxAttribute = {
      tensor: { name: 't', type: onnxType.float32, dimensions: [1], data: new Uint8Array(4) },
    };
    const constant = withNode({ operator: 'Constant', inputs: [], attributes: { value } });
    expect(scanOnnx(constant).operators.get('Constant')).toBe(1);
  });

  it('lets a file import a known domain that no node uses', () => {
    expect(scanOnnx(model({}, { '': 17, 'com.microsoft': 1 })).operatorSet).toBe(17);
    expect(scanOnnx(model({}, { 'ai.onnx': 7 })).operatorSet).toBe(7);
  });
});

describe('operators', () => {
  it('refuses the small Loop that never ends, and says why', () => {
    const loop = loopModel();
    expect(loop.length).toBeLessThan(256);
    expect(refusal(loop).code).toBe('onnx_operator');
    expect(refusal(loop).message).toContain('Loop is refused: it runs a subgraph');
  });

  it('refuses a subgraph in an attribute of an allowed operator', () => {
    const graph = { name: 'b', nodes: [], initializers: [], inputs: [], outputs: [] };
    expect(codeOf(withNode({ attributes: { body: { graph } } }))).toBe('onnx_unsupported');
  });

  it('refuses graphs nested a thousand deep at the first level', () => {
    let graph: Uint8Array = RELU;
    for (let depth = 0; depth < 1_000; depth++) {
      graph = block(1, text(4, 'If'), block(5, text(1, 'then_branch'), block(6, graph)));
    }
    expect(codeOf(raw(graph))).toBe('onnx_operator');
  });

  it.each([...refusedOperators.keys()])('refuses %s with a reason', (operator) => {
    const error = refusal(withNode({ operator }));
    expect(error.code).toBe('onnx_operator');
    expect(error.message).toContain(`${operator} is refused`);
  });

  it('refuses what is not on the list without repeating the name', () => {
    const error = refusal(withNode({ operator: 'Evil\nname' }));
    expect(error.code).toBe('onnx_operator');
    expect(error.message).not.toContain('Evil');
    expect(codeOf(raw(block(1, text(1, 'x'), text(2, 'y'))))).toBe('onnx_operator');
    expect(codeOf(withNode({ operator: 'x'.repeat(257) }))).toBe('onnx_malformed');
    expect(codeOf(raw(block(1, block(4, Uint8Array.of(0xff, 0xfe)))))).toBe('onnx_malformed');
  });

  it('refuses training modes', () => {
    expect(codeOf(withNode({ operator: 'Dropout', inputs: ['x', 'r', 't'] }))).toBe('onnx_operator');
    expect(codeOf(withNode({ operator: 'BatchNormalization', attributes: { training_mode: { int: 1 } } }))).toBe(
      'onnx_operator',
    );
    expect(codeOf(withNode({ operator: 'BatchNormalization', outputs: ['y', 'mean'] }))).toBe('onnx_operator');
    const inference = withNode({ operator: 'BatchNormalization', attributes: { training_mode: { int: 0 } } });
    expect(scanOnnx(inference).operators.size).toBe(1);
  });

  it('refuses other domains in nodes and unknown ones among the imports', () => {
    expect(codeOf(withNode({ domain: 'com.microsoft' }))).toBe('onnx_domain');
    expect(scanOnnx(withNode({ domain: 'ai.onnx' })).operators.size).toBe(1);
    expect(codeOf(model({}, { '': 17, 'evil.example': 1 }))).toBe('onnx_domain');
  });

  it.each([0, 6, 24, 999])('refuses operator set %i', (version) => {
    expect(codeOf(model({}, { '': version }))).toBe('onnx_version');
  });

  it('refuses a missing or doubled operator set and unknown IR versions', () => {
    expect(codeOf(model({}, {}))).toBe('onnx_version');
    expect(codeOf(model({}, { '': 17, 'ai.onnx': 18 }))).toBe('onnx_version');
    for (const version of [0n, 2n, 14n, 2n ** 63n]) {
      expect(codeOf(concatBytes(integer(1, version), block(7, RELU), OPERATOR_SET))).toBe('onnx_version');
    }
    expect(codeOf(concatBytes(block(7, RELU), OPERATOR_SET))).toBe('onnx_version');
  });
});

describe('data outside the file', () => {
  const entry = block(13, text(1, 'location'), text(2, '../secret'));

  it('refuses every reference, whatever the location says', () => {
    expect(codeOf(withTensor(integer(14, 1n)))).toBe('onnx_external_data');
    expect(codeOf(withTensor(entry, integer(14, 1n)))).toBe('onnx_external_data');
    expect(codeOf(withTensor(entry))).toBe('onnx_external_data');
    expect(codeOf(withTensor(entry, integer(14, 0n)))).toBe('onnx_external_data');
    expect(scanOnnx(withTensor(integer(14, 0n))).operatorSet).toBe(17);
  });

  it('finds it in tensors of attributes', () => {
    for (const field of [5, 10]) {
      const attribute = block(5, text(1, 'value'), block(field, entry));
      expect(codeOf(raw(block(1, text(4, 'Constant'), attribute)))).toBe('onnx_external_data');
    }
  });
});

describe('other contents', () => {
  it.each([
    ['training information', concatBytes(raw(RELU), block(20))],
    ['functions', concatBytes(raw(RELU), block(25))],
    ['device configuration', concatBytes(raw(RELU), block(26))],
    ['sparse initializers', raw(RELU, block(15))],
    ['segments', withTensor(block(3))],
    ['sparse attributes', raw(block(1, text(4, 'Constant'), block(5, text(1, 'sparse_value'), block(22))))],
    ['references to attributes of functions', raw(block(1, text(4, 'Relu'), block(5, text(1, 'a'), text(21, 'b'))))],
    ['overloads', raw(block(1, text(4, 'Relu'), text(8, 'o')))],
    ['sequences', raw(RELU, block(11, text(1, 'x'), block(2, block(4))))],
  ])('refuses %s', (_, bytes) => {
    expect(codeOf(bytes)).toBe('onnx_unsupported');
  });

  it('refuses the mark of the engine’s own format, also inside a text field', () => {
    const polyglot = concatBytes(integer(1, 8n), text(2, 'ORTM'), block(7, RELU), OPERATOR_SET);
    expect(String.fromCharCode(...polyglot.subarray(4, 8))).toBe('ORTM');
    expect(codeOf(polyglot)).toBe('onnx_other_format');
  });

  it('refuses dimensions that are negative or huge, and products beyond the limit', () => {
    const sized = (size: bigint): Uint8Array =>
      raw(RELU, block(11, text(1, 'x'), block(2, block(1, integer(1, 1n), block(2, block(1, integer(1, size)))))));
    expect(scanOnnx(sized(2n ** 31n - 1n)).operatorSet).toBe(17);
    expect(codeOf(sized(2n ** 31n))).toBe('onnx_dimension');
    expect(codeOf(sized(2n ** 64n - 1n))).toBe('onnx_dimension');
    expect(codeOf(withTensor(integer(1, 2n ** 64n - 1n)))).toBe('onnx_dimension');
    expect(codeOf(withTensor(integer(1, 65_536n), integer(1, 65_536n)))).toBe('onnx_dimension');
  });
});

describe('form', () => {
  const small = model({});

  it('refuses the file cut at every place', () => {
    for (let length = 0; length < small.length; length++) {
      expect(() => scanOnnx(small.subarray(0, length))).toThrow(OnnxError);
    }
  });

  it('refuses what follows the model', () => {
    expect(codeOf(concatBytes(small, Uint8Array.of(0)))).toBe('onnx_unknown_field');
  });

  it('reads what it reads in one way: no field twice, no unknown field, no other wire type', () => {
    expect(codeOf(concatBytes(small, block(7, RELU)))).toBe('onnx_malformed');
    expect(codeOf(raw(block(1, text(4, 'Relu'), text(4, 'Loop'))))).toBe('onnx_malformed');
    expect(codeOf(concatBytes(small, integer(99, 1n)))).toBe('onnx_unknown_field');
    expect(codeOf(concatBytes(small, integer(2, 1n)))).toBe('onnx_malformed');
    expect(codeOf(concatBytes(small, Uint8Array.of(0x0b)))).toBe('onnx_malformed');
    expect(codeOf(raw(block(1, text(4, 'Relu'), block(5, integer(3, 1n)))))).toBe('onnx_malformed');
    expect(codeOf(concatBytes(integer(1, 8n), OPERATOR_SET))).toBe('onnx_malformed');
  });

  it('refuses numbers that are padded, endless or too long', () => {
    expect(codeOf(concatBytes(Uint8Array.of(0x08, 0x88, 0x00), small.subarray(2)))).toBe('onnx_malformed');
    expect(codeOf(new Uint8Array(64).fill(0xff))).toBe('onnx_malformed');
    expect(codeOf(Uint8Array.of(0x08, ...new Uint8Array(9).fill(0xff), 0x02))).toBe('onnx_malformed');
    expect(codeOf(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f))).toBe('onnx_malformed');
  });

  it('refuses floods of nodes, fields and packed numbers', () => {
    const node = block(1);
    const nodes = new Uint8Array(node.length * (limits.onnxNodes + 1));
    for (let i = 0; i <= limits.onnxNodes; i++) nodes.set(node, i * node.length);
    expect(codeOf(raw(nodes))).toBe('onnx_too_large');
    expect(codeOf(withTensor(block(1, new Uint8Array(limits.onnxFields))))).toBe('onnx_too_large');
    const strings = new Uint8Array(2 * (limits.onnxFields + 1));
    for (let i = 0; i < strings.length; i += 2) strings[i] = 0x32;
    expect(codeOf(withTensor(strings))).toBe('onnx_too_large');
  });

  it('answers any bytes with an OnnxError or a summary', () => {
    const scanned = (bytes: Uint8Array): void => {
      try {
        scanOnnx(bytes);
      } catch (error) {
        if (!(error instanceof OnnxError)) throw error;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), scanned));
    const changed = fc.tuple(fc.nat(small.length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = Uint8Array.from(small);
      copy[at] = value;
      return copy;
    });
    fc.assert(fc.property(changed, scanned), { numRuns: 500 });
  });
});
