import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import {
  decodeInferRequest,
  type EncodedBody,
  encodeInferRequest,
  type RequestMemory,
  recallInferRequest,
  type Tensor,
} from '../../../wire/message/tensor.ts';
import { codeOf } from '../codec/support.ts';
import { arbitraryTensors } from './arbitrary-tensor.ts';

const input = (first: number): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [1, 2],
  data: Uint8Array.of(first, 0, 0, 0, 0, 0, 0, 0),
});
const body = (...inputs: readonly Tensor[]): EncodedBody =>
  encodeInferRequest({ id: null, inputs, outputs: 'all' }, 'binary');

describe('a request like the last one', () => {
  it('is read as if there had been none before it, whatever came before it', () => {
    fc.assert(
      fc.property(fc.array(arbitraryTensors('binary'), { minLength: 1, maxLength: 4 }), (lists) => {
        const memory: RequestMemory = {};
        for (const inputs of [...lists, ...lists, ...lists.toReversed()]) {
          const encoded = encodeInferRequest({ id: null, inputs, outputs: 'all' }, 'binary');
          expect(recallInferRequest(memory, encoded)).toEqual(decodeInferRequest(encoded, 'binary'));
        }
      }),
    );
  });

  it('has data of its own', () => {
    const memory: RequestMemory = {};
    const requests = [1, 2, 3].map((first) => recallInferRequest(memory, body(input(first))));
    expect(memory.last).toBeDefined();
    expect(requests.map(({ inputs }) => inputs[0]?.data[0])).toEqual([1, 2, 3]);
  });

  it('is refused where its tensors have another length', () => {
    const memory: RequestMemory = {};
    const good = body(input(1));
    recallInferRequest(memory, good);
    for (const changed of [good.body.slice(0, -1), concatBytes(good.body, Uint8Array.of(0))]) {
      const encoded = { body: changed, jsonLength: good.jsonLength };
      expect(codeOf(() => recallInferRequest(memory, encoded))).toBe('tensor_invalid');
    }
  });

  it('is remembered by nothing that its client chose freely: no id, no data in the JSON, no text and no truth values', () => {
    const json = (text: string, tensors: Uint8Array = new Uint8Array(0)): EncodedBody => {
      const head = utf8(text);
      return { body: concatBytes(head, tensors), jsonLength: head.length };
    };
    for (const encoded of [
      encodeInferRequest({ id: 'mine', inputs: [input(1)], outputs: 'all' }, 'binary'),
      json('{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1.5]}]}'),
      body({ name: 't', datatype: 'BYTES', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 65) }),
      body({ name: 'b', datatype: 'BOOL', shape: [1], data: Uint8Array.of(1) }),
    ]) {
      const memory: RequestMemory = {};
      recallInferRequest(memory, encoded);
      expect(memory.last).toBeUndefined();
    }
  });
});
