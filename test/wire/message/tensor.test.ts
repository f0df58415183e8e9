import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, utf8 } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import {
  type BodyFormat,
  type Datatype,
  datatypes,
  decodeInferRequest,
  decodeInferResponse,
  type EncodedBody,
  encodeInferRequest,
  encodeInferResponse,
  floatTensor,
  type InferRequest,
  type Tensor,
  tensorValues,
} from '../../../wire/message/tensor.ts';
import { codeOf } from '../codec/support.ts';
import { arbitraryTensors } from './arbitrary-tensor.ts';

const formats: readonly BodyFormat[] = ['json', 'binary'];

function jsonBody(value: unknown): EncodedBody {
  const body = utf8(typeof value === 'string' ? value : JSON.stringify(value));
  return { body, jsonLength: body.length };
}

function binaryBody(header: unknown, ...tensors: readonly Uint8Array[]): EncodedBody {
  const json = utf8(JSON.stringify(header));
  return { body: concatBytes(json, ...tensors), jsonLength: json.length };
}

function request(...inputs: readonly Tensor[]): InferRequest {
  return { id: null, inputs, outputs: 'all' };
}

function tensor(datatype: Datatype, shape: readonly number[], hex: string): Tensor {
  return { name: 'x', datatype, shape, data: fromHex(hex) };
}

/** Decodes one JSON tensor and gives its canonical bytes, or the refusal. */
function jsonData(datatype: string, shape: readonly number[], data: string): string {
  const body = jsonBody(`{"inputs":[{"name":"x","shape":[${shape}],"datatype":"${datatype}","data":${data}}]}`);
  try {
    return Buffer.from((decodeInferRequest(body, 'json').inputs[0] as Tensor).data).toString('hex');
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

function binaryData(datatype: string, shape: readonly number[], hex: string): string {
  const data = fromHex(hex);
  const header = { inputs: [{ name: 'x', shape, datatype, parameters: { binary_data_size: data.length } }] };
  return codeOf(() => decodeInferRequest(binaryBody(header, data), 'binary'));
}

describe('JSON data', () => {
  it.each([
    ['BOOL', '[true,false]', '0100'],
    ['UINT8', '[0,255]', '00ff'],
    ['UINT16', '[1,65535]', '0100ffff'],
    ['UINT32', '[1,4294967295]', '01000000ffffffff'],
    ['UINT64', '[1,9007199254740991]', '0100000000000000ffffffffffff1f00'],
    ['INT8', '[-128,127]', '807f'],
    ['INT16', '[-2,1]', 'feff0100'],
    ['INT32', '[-2,2147483647]', 'feffffffffffff7f'],
    ['INT64', '[-1,-9007199254740991]', 'ffffffffffffffff010000000000e0ff'],
    ['FP32', '[1.5,-0.0]', '0000c03f00000080'],
    ['FP64', '[0.1,1e300]', '9a9999999999b93f9c7500883ce4377e'],
    ['BYTES', '["é",""]', '02000000c3a900000000'],
  ])('of %s becomes little-endian bytes', (datatype, data, hex) => {
    expect(jsonData(datatype, [2], data)).toBe(hex);
  });

  it.each([
    ['BOOL', '[1]'],
    ['BOOL', '["true"]'],
    ['UINT8', '[256]'],
    ['UINT8', '[-1]'],
    ['UINT8', '[1.5]'],
    ['UINT8', '["1"]'],
    ['UINT8', '[true]'],
    ['UINT8', '[null]'],
    ['INT8', '[-129]'],
    ['INT16', '[32768]'],
    ['UINT32', '[4294967296]'],
    ['UINT64', '[-1]'],
    ['INT64', '["9223372036854775807"]'],
    ['INT64', '[1e17]'],
    ['FP32', '[1e39]'],
    ['FP32', '["1"]'],
    ['FP64', '[null]'],
    ['BYTES', '[1]'],
    ['BYTES', '[["a"]]'],
    ['FP16', '[1]'],
    ['BF16', '[1]'],
  ])('of %s refuses %s', (datatype, data) => {
    expect(jsonData(datatype, [1], data)).toBe('tensor_invalid');
  });

  it('of 64-bit integers beyond 2^53 is refused before it is rounded', () => {
    expect(jsonData('INT64', [1], '[9007199254740993]')).toBe('json_number');
    expect(jsonData('FP64', [1], '[1e400]')).toBe('json_number');
  });

  it('may be flat or nested exactly as the shape', () => {
    const flat = jsonData('UINT8', [2, 3], '[1,2,3,4,5,6]');
    expect(flat).toBe('010203040506');
    expect(jsonData('UINT8', [2, 3], '[[1,2,3],[4,5,6]]')).toBe(flat);
    expect(jsonData('UINT8', [1, 1, 2], '[[[7,8]]]')).toBe('0708');
    expect(jsonData('UINT8', [], '[7]')).toBe('07');
    expect(jsonData('UINT8', [0, 3], '[]')).toBe('');
    expect(jsonData('UINT8', [2, 0], '[[],[]]')).toBe('');
  });

  it.each([
    [[2, 3], '[[1,2],[3,4],[5,6]]'],
    [[2, 3], '[[1,2,3],[4,5]]'],
    [[2, 3], '[[1,2,3],4,5,6]'],
    [[2, 3], '[1,2,3,4,5]'],
    [[2, 3], '[[[1,2,3],[4,5,6]]]'],
    [[2, 3], '6'],
    [[2, 3], '{"0":1}'],
    [[2, 0], '[[]]'],
    [[], '[[7]]'],
    [[], '[]'],
    [[1], '[[7]]'],
    [[4294967296, 4294967296], '[]'],
    [[0, 4294967296, 4294967296], '[]'],
  ])('of shape [%s] refuses %s', (shape, data) => {
    expect(jsonData('UINT8', shape, data)).toBe('tensor_invalid');
  });

  it.each([[[-1]], [[1.5]], [[2 ** 53]], [['1']], [[null]], [new Array(9).fill(1)]])(
    'refuses the shape %s',
    (shape) => {
      const entry = { name: 'x', shape, datatype: 'UINT8', data: [1] };
      expect(['field_invalid', 'json_number']).toContain(
        codeOf(() => decodeInferRequest(jsonBody({ inputs: [entry] }), 'json')),
      );
    },
  );
});

describe('binary data', () => {
  it.each([
    ['BOOL', [2], '0001', 'accepted'],
    ['BOOL', [2], '0002', 'tensor_invalid'],
    ['FP16', [2], '003c00bc', 'accepted'],
    ['FP16', [2], '003c00', 'tensor_invalid'],
    ['FP32', [1], '0000c07f', 'accepted'],
    ['FP32', [1], '0000c07f00', 'tensor_invalid'],
    ['INT64', [0], '', 'accepted'],
    ['INT64', [0], '00', 'tensor_invalid'],
    ['BYTES', [2], '010000006100000000', 'accepted'],
    ['BYTES', [1], '010000006100000000', 'tensor_invalid'],
    ['BYTES', [3], '010000006100000000', 'tensor_invalid'],
    ['BYTES', [1], '0200000061', 'tensor_invalid'],
    ['BYTES', [1], 'ffffffff61', 'tensor_invalid'],
    ['BYTES', [1], '010000', 'tensor_invalid'],
    ['UINT8', [2 ** 30, 2 ** 30], '00', 'tensor_invalid'],
    ['FLOAT', [1], '00', 'field_invalid'],
    ['constructor', [1], '00', 'field_invalid'],
  ])('of %s and shape [%s]: %s is %s', (datatype, shape, hex, outcome) => {
    expect(binaryData(datatype, shape, hex)).toBe(outcome);
  });

  const entry = (name: string, size: unknown) => ({
    name,
    shape: [2],
    datatype: 'UINT8',
    parameters: { binary_data_size: size },
  });

  it('is taken in the order of the tensors and used up exactly', () => {
    const header = { inputs: [entry('a', 2), entry('b', 2)] };
    const decode = (...tensors: Uint8Array[]) => decodeInferRequest(binaryBody(header, ...tensors), 'binary');
    expect(decode(Uint8Array.of(1, 2, 3, 4)).inputs.map((input) => [input.name, ...input.data])).toEqual([
      ['a', 1, 2],
      ['b', 3, 4],
    ]);
    expect(codeOf(() => decode(Uint8Array.of(1, 2, 3)))).toBe('tensor_invalid');
    expect(codeOf(() => decode(Uint8Array.of(1, 2, 3, 4, 5)))).toBe('tensor_invalid');
  });

  it('can stand beside JSON data in one body', () => {
    const header = { inputs: [entry('a', 2), { name: 'b', shape: [1], datatype: 'UINT8', data: [3] }] };
    const { inputs } = decodeInferRequest(binaryBody(header, Uint8Array.of(1, 2)), 'binary');
    expect(inputs.map((input) => [...input.data])).toEqual([[1, 2], [3]]);
  });

  it('is copied out of the body, so that it is aligned and outlives it', () => {
    const body = binaryBody({ inputs: [entry('a', 2)] }, Uint8Array.of(1, 2));
    const { data } = decodeInferRequest(body, 'binary').inputs[0] as Tensor;
    body.body.fill(0);
    expect([...data, data.byteOffset]).toEqual([1, 2, 0]);
  });

  it.each([-1, 1.5, '2', limits.bodyBytes + 1, true])('refuses the size %s', (size) => {
    const body = binaryBody({ inputs: [entry('a', size)] }, Uint8Array.of(1, 2));
    expect(codeOf(() => decodeInferRequest(body, 'binary'))).toBe('field_invalid');
  });
});

describe('a request', () => {
  const input = { name: 'x', shape: [1], datatype: 'UINT8', data: [1] };

  it('carries its id and the outputs wanted', () => {
    const body = jsonBody({ id: 'a-1', inputs: [input], outputs: [{ name: 'z' }, { name: 'y', parameters: {} }] });
    expect(decodeInferRequest(body, 'json')).toEqual({
      id: 'a-1',
      inputs: [{ name: 'x', datatype: 'UINT8', shape: [1], data: Uint8Array.of(1) }],
      outputs: ['z', 'y'],
    });
    expect(decodeInferRequest(jsonBody({ inputs: [] }), 'json')).toEqual({ id: null, inputs: [], outputs: 'all' });
  });

  it.each([
    ['an unknown field', { inputs: [input], extra: 1 }, 'field_unknown'],
    ['an unknown tensor field', { inputs: [{ ...input, extra: 1 }] }, 'field_unknown'],
    ['no inputs', {}, 'field_missing'],
    ['a list', [], 'field_invalid'],
    ['a null id', { id: null, inputs: [input] }, 'field_invalid'],
    ['a long id', { id: 'x'.repeat(limits.inferenceIdBytes + 1), inputs: [input] }, 'field_invalid'],
    ['an empty list of outputs', { inputs: [input], outputs: [] }, 'field_invalid'],
    ['an output without a name', { inputs: [input], outputs: [{}] }, 'field_missing'],
    ['an output twice', { inputs: [input], outputs: [{ name: 'y' }, { name: 'y' }] }, 'tensor_invalid'],
    ['an input twice', { inputs: [input, input] }, 'tensor_invalid'],
    ['an empty name', { inputs: [{ ...input, name: '' }] }, 'field_invalid'],
    ['a long name', { inputs: [{ ...input, name: 'é'.repeat(129) }] }, 'field_invalid'],
    ['a rank of nine', { inputs: [{ ...input, shape: new Array(9).fill(1) }] }, 'field_invalid'],
    ['a tensor without data', { inputs: [{ name: 'x', shape: [1], datatype: 'UINT8' }] }, 'tensor_invalid'],
    ['null data', { inputs: [{ ...input, data: null }] }, 'tensor_invalid'],
    ['a datatype in lower case', { inputs: [{ ...input, datatype: 'uint8' }] }, 'field_invalid'],
    ['a parameter of the request', { inputs: [input], parameters: { sequence_id: 1 } }, 'tensor_invalid'],
    [
      'a parameter of a tensor',
      { inputs: [{ ...input, parameters: { shared_memory_region: 'r' } }] },
      'tensor_invalid',
    ],
    [
      'a parameter of an output',
      { inputs: [input], outputs: [{ name: 'y', parameters: { classification: 3 } }] },
      'tensor_invalid',
    ],
    ['parameters that are no object', { inputs: [input], parameters: [] }, 'field_invalid'],
    [
      'a binary tensor in JSON',
      { inputs: [{ name: 'x', shape: [1], datatype: 'UINT8', parameters: { binary_data_size: 1 } }] },
      'tensor_invalid',
    ],
    ['data and a binary size', { inputs: [{ ...input, parameters: { binary_data_size: 1 } }] }, 'tensor_invalid'],
    ['binary outputs in JSON', { inputs: [input], parameters: { binary_data_output: true } }, 'tensor_invalid'],
    [
      'one binary output in JSON',
      { inputs: [input], outputs: [{ name: 'y', parameters: { binary_data: true } }] },
      'tensor_invalid',
    ],
    [
      'too many tensors',
      { inputs: Array.from({ length: limits.tensors + 1 }, (_, index) => ({ ...input, name: `x${index}` })) },
      'field_invalid',
    ],
  ])('with %s is refused', (_, value, code) => {
    expect(codeOf(() => decodeInferRequest(jsonBody(value), 'json'))).toBe(code);
  });

  it('names the parameter that is not understood', () => {
    const body = jsonBody({ inputs: [{ ...input, parameters: { priority: 1 } }] });
    expect(() => decodeInferRequest(body, 'json')).toThrow(/not understood in inputs\[0\]\.parameters\.priority/);
  });

  it('may say which form of answer it expects, as long as it is the one that it gets', () => {
    const wants = (form: boolean) => ({
      parameters: { binary_data_output: form },
      inputs: [],
      outputs: [{ name: 'y', parameters: { binary_data: form } }],
    });
    expect(codeOf(() => decodeInferRequest(jsonBody(wants(false)), 'json'))).toBe('accepted');
    expect(codeOf(() => decodeInferRequest(binaryBody(wants(true)), 'binary'))).toBe('accepted');
    expect(codeOf(() => decodeInferRequest(binaryBody(wants(false)), 'binary'))).toBe('tensor_invalid');
  });

  it('has a jsonLength that fits its body and format', () => {
    const { body, jsonLength } = binaryBody({ inputs: [] });
    const outcome = (length: number, format: BodyFormat) =>
      codeOf(() => decodeInferRequest({ body, jsonLength: length }, format));
    expect(outcome(jsonLength, 'binary')).toBe('accepted');
    for (const length of [-1, 0.5, Number.NaN, jsonLength + 1])
      expect(outcome(length, 'binary')).toBe('tensor_invalid');
    expect(outcome(jsonLength - 1, 'json')).toBe('tensor_invalid');
    expect(outcome(jsonLength - 1, 'binary')).toBe('json_malformed');
    expect(outcome(0, 'binary')).toBe('json_malformed');
  });

  it('is refused when body, header or tensors are too large', () => {
    const large = new Uint8Array(limits.bodyBytes + 1);
    expect(codeOf(() => decodeInferRequest({ body: large, jsonLength: 2 }, 'binary'))).toBe('too_large');
    const header = utf8(`{"inputs":[]${' '.repeat(limits.jsonHeaderBytes)}}`);
    expect(codeOf(() => decodeInferRequest({ body: header, jsonLength: header.length }, 'binary'))).toBe('too_large');
    expect(codeOf(() => decodeInferRequest({ body: header, jsonLength: header.length }, 'json'))).toBe('accepted');
    const count = limits.bodyBytes / 8 + 1;
    const data = `[${'0,'.repeat(count - 1)}0]`;
    expect(jsonData('FP64', [count], data)).toBe('too_large');
  });
});

describe('a response', () => {
  const outputs = [floatTensor('y', [1, 2], [0.25, -1])];

  it('has the form that OIP clients expect', () => {
    const json = encodeInferResponse({ modelName: 'mlp', modelVersion: '1.0.0', id: 'a', outputs }, 'json');
    expect(JSON.parse(new TextDecoder().decode(json.body))).toEqual({
      model_name: 'mlp',
      model_version: '1.0.0',
      id: 'a',
      outputs: [{ name: 'y', shape: [1, 2], datatype: 'FP32', data: [0.25, -1] }],
    });
    const binary = encodeInferResponse({ modelName: 'mlp', modelVersion: '1.0.0', id: null, outputs }, 'binary');
    expect(JSON.parse(new TextDecoder().decode(binary.body.subarray(0, binary.jsonLength)))).toEqual({
      model_name: 'mlp',
      model_version: '1.0.0',
      outputs: [{ name: 'y', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } }],
    });
    expect(binary.body.subarray(binary.jsonLength)).toEqual(fromHex('0000803e000080bf'));
  });

  it.each(formats)('in %s is read back', (format) => {
    const response = { modelName: 'mlp', modelVersion: '1.0.0', id: 'a"\n', outputs };
    expect(decodeInferResponse(encodeInferResponse(response, format), format)).toEqual(response);
  });

  it('is refused without a model, or with fields that mean nothing here', () => {
    expect(codeOf(() => decodeInferResponse(jsonBody({ outputs: [] }), 'json'))).toBe('field_missing');
    const extra = { model_name: 'm', model_version: '1', outputs: [], error: 'x' };
    expect(codeOf(() => decodeInferResponse(jsonBody(extra), 'json'))).toBe('field_unknown');
    expect(codeOf(() => encodeInferResponse({ modelName: '', modelVersion: '1', id: null, outputs }, 'json'))).toBe(
      'field_invalid',
    );
  });
});

describe('encoding', () => {
  it.each([
    ['NaN', tensor('FP32', [1], '0000c07f')],
    ['infinity', tensor('FP64', [1], '000000000000f0ff')],
    ['half floats', tensor('FP16', [1], '003c')],
    ['an empty list of half floats', tensor('BF16', [0], '')],
    ['an INT64 beyond 2^53', tensor('INT64', [1], '0000000000002000')],
    ['an UINT64 beyond 2^53', tensor('UINT64', [1], 'ffffffffffffffff')],
    ['BYTES that are not UTF-8', tensor('BYTES', [1], '01000000ff')],
  ])('refuses %s in JSON and carries it in binary', (_, value) => {
    expect(codeOf(() => encodeInferRequest(request(value), 'json'))).toBe('tensor_invalid');
    expect(decodeInferRequest(encodeInferRequest(request(value), 'binary'), 'binary').inputs).toEqual([value]);
  });

  it('keeps the sign of zero, and large floats are no integers in JSON', () => {
    const sent = tensor('FP64', [3], '0000000000000080' + '0000000000004043' + '000000000000f043');
    expect(tensorValues(sent)).toEqual([-0, 2 ** 53, 2 ** 64]);
    const body = encodeInferRequest(request(sent), 'json');
    expect(new TextDecoder().decode(body.body)).toContain('"data":[-0.0,');
    expect(decodeInferRequest(body, 'json').inputs).toEqual([sent]);
  });

  it.each([
    ['data of another length', tensor('FP32', [2], '00000000'), 'tensor_invalid'],
    ['a BOOL of 2', tensor('BOOL', [1], '02'), 'tensor_invalid'],
    ['a negative dimension', tensor('UINT8', [-1], ''), 'tensor_invalid'],
    ['a rank of nine', tensor('UINT8', new Array(9).fill(1), '00'), 'tensor_invalid'],
    ['an unknown datatype', tensor('toString' as Datatype, [1], '00'), 'tensor_invalid'],
    ['an empty name', { ...tensor('UINT8', [1], '00'), name: '' }, 'field_invalid'],
    ['a name with a lone surrogate', { ...tensor('UINT8', [1], '00'), name: '\ud800' }, 'field_invalid'],
  ])('refuses %s', (_, value, code) => {
    for (const format of formats) expect(codeOf(() => encodeInferRequest(request(value), format))).toBe(code);
  });

  it('refuses names twice, empty outputs, and what exceeds the limits', () => {
    const x = tensor('UINT8', [1], '00');
    const outcome = (value: InferRequest, format: BodyFormat = 'json') =>
      codeOf(() => encodeInferRequest(value, format));
    expect(outcome(request(x, x))).toBe('tensor_invalid');
    expect(outcome({ ...request(x), outputs: [] })).toBe('tensor_invalid');
    expect(outcome({ ...request(x), outputs: ['y', 'y'] })).toBe('tensor_invalid');
    const many = Array.from({ length: limits.tensors + 1 }, (_, index) => ({ ...x, name: `${index}` }));
    expect(outcome(request(...many))).toBe('tensor_invalid');
    const large: Tensor = { ...x, shape: [limits.bodyBytes + 1], data: new Uint8Array(limits.bodyBytes + 1) };
    expect(outcome(request(large), 'binary')).toBe('too_large');
    const full: Tensor = { ...x, shape: [limits.bodyBytes], data: new Uint8Array(limits.bodyBytes) };
    expect(outcome(request(full), 'binary')).toBe('too_large');
    const wide = Array.from({ length: limits.tensors }, (_, index) => ({ ...x, name: `${'n'.repeat(252)}${index}` }));
    expect(outcome(request(...wide), 'binary')).toBe('too_large');
    expect(outcome(request(...wide), 'json')).toBe('accepted');
  });

  it('is undone by decoding, for every tensor that the format can carry', () => {
    for (const format of formats) {
      fc.assert(
        fc.property(
          arbitraryTensors(format),
          fc.option(fc.string({ maxLength: 20 })),
          fc.oneof(fc.constant<'all'>('all'), fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 })),
          (inputs, id, outputs) => {
            const sent: InferRequest = { id, inputs, outputs };
            const body = encodeInferRequest(sent, format);
            expect(decodeInferRequest(body, format)).toEqual(sent);
            expect(encodeInferRequest(decodeInferRequest(body, format), format)).toEqual(body);
          },
        ),
        { numRuns: 60 },
      );
    }
  });
});

describe('values', () => {
  it('are read in row-major order', () => {
    expect(tensorValues(floatTensor('x', [2, 2], [1, 0.5, -0, Number.NaN]))).toEqual([1, 0.5, -0, Number.NaN]);
    expect(tensorValues(tensor('BOOL', [2], '0100'))).toEqual([true, false]);
    expect(tensorValues(tensor('INT64', [2], 'ffffffffffffff7fffffffffffffffff'))).toEqual([2n ** 63n - 1n, -1n]);
    expect(tensorValues(tensor('BYTES', [2], '010000006100000000'))).toEqual([Uint8Array.of(0x61), new Uint8Array()]);
    expect(tensorValues(tensor('INT16', [1, 2], 'feff0100'))).toEqual([-2, 1]);
  });

  it('of half floats follow IEEE 754', () => {
    const halves = ['003c', '00c0', '0100', 'ff03', '0004', 'ff7b', '007c', '00fc', '0080'];
    expect(halves.map((hex) => tensorValues(tensor('FP16', [1], hex))[0])).toEqual([
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
    ]);
    expect(tensorValues(tensor('FP16', [1], '017e'))).toEqual([Number.NaN]);
    expect(tensorValues(tensor('BF16', [3], '803f00c0807f'))).toEqual([1, -2, Number.POSITIVE_INFINITY]);
  });

  it('are refused where data and shape differ', () => {
    expect(codeOf(() => tensorValues(tensor('FP32', [2], '00000000')))).toBe('tensor_invalid');
    expect(codeOf(() => floatTensor('x', [3], [1, 2]))).toBe('tensor_invalid');
  });

  it('exist for every datatype', () => {
    expect(datatypes).toHaveLength(14);
    for (const datatype of datatypes) {
      expect(tensorValues({ name: 'x', datatype, shape: [0], data: new Uint8Array() })).toEqual([]);
    }
  });
});
