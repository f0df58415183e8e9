import { deepStrictEqual } from 'node:assert/strict';
import { concatBytes, fromHex } from '../../../wire/bytes.ts';
import {
  type BodyFormat,
  decodeInferRequest,
  decodeInferResponse,
  type EncodedBody,
  encodeInferRequest,
  encodeInferResponse,
  floatTensor,
  type Tensor,
  tensorValues,
} from '../../../wire/message/tensor.ts';
import { unlessRefused } from '../refused.ts';

/** The first byte chooses the format, the next two the jsonLength of a binary body. What is accepted survives encoding. */
export function fuzz(data: Uint8Array): void {
  const format: BodyFormat = (data[0] ?? 0) % 2 === 0 ? 'json' : 'binary';
  const body = data.subarray(3);
  const jsonLength = format === 'json' ? body.length : ((data[1] ?? 0) << 8) | (data[2] ?? 0);
  const encoded: EncodedBody = { body, jsonLength };
  const request = unlessRefused(() => decodeInferRequest(encoded, format));
  if (request !== undefined) {
    request.inputs.forEach(tensorValues);
    deepStrictEqual(decodeInferRequest(encodeInferRequest(request, format), format), request);
  }
  const response = unlessRefused(() => decodeInferResponse(encoded, format));
  if (response !== undefined) {
    response.outputs.forEach(tensorValues);
    deepStrictEqual(decodeInferResponse(encodeInferResponse(response, format), format), response);
  }
}

const tensors: readonly Tensor[] = [
  floatTensor('x', [2, 2], [1, -0.5, 1e20, -0]),
  { name: 'flags', datatype: 'BOOL', shape: [3], data: fromHex('010001') },
  { name: 'ids', datatype: 'INT64', shape: [1], data: fromHex('ffffffffffffffff') },
  { name: 'words', datatype: 'BYTES', shape: [2], data: fromHex('02000000c3a900000000') },
  { name: 'none', datatype: 'UINT8', shape: [0, 7], data: new Uint8Array() },
];

function seed(format: BodyFormat, { body, jsonLength }: EncodedBody): Uint8Array {
  return concatBytes(Uint8Array.of(format === 'json' ? 0 : 1, jsonLength >> 8, jsonLength & 0xff), body);
}

export const seeds: readonly Uint8Array[] = (['json', 'binary'] as const).flatMap((format) => [
  seed(format, encodeInferRequest({ id: 'a', inputs: tensors, outputs: ['y', 'z'] }, format)),
  seed(format, encodeInferRequest({ id: null, inputs: tensors.slice(0, 1), outputs: 'all' }, format)),
  seed(format, encodeInferResponse({ modelName: 'm', modelVersion: '1.0.0', id: null, outputs: tensors }, format)),
]);
