import { deepStrictEqual } from 'node:assert/strict';
import { concatBytes } from '../../../wire/bytes.ts';
import { decodeExecution, decodeRuntime, encodeExecution, encodeRuntime } from '../../../wire/message/execution.ts';
import { decodeIdentity, encodeIdentity } from '../../../wire/message/identity.ts';
import { decodeReceipt, decodeTreeHead, encodeReceipt, encodeTreeHead } from '../../../wire/message/receipt.ts';
import { decodeRequest, decodeRequestHeader, encodeRequestHeader } from '../../../wire/message/request.ts';
import { decodeFinalRecord, decodeRecordKind, encodeFinalRecord } from '../../../wire/message/session.ts';
import { golden, goldenReceipt } from '../golden.ts';
import { exact, forCheck, oneOfMany, unlessRefused } from '../refused.ts';

/** What is signed or hashed has one spelling: whatever is read is written back byte for byte. */
export const fuzz: (data: Uint8Array) => void = oneOfMany([
  exact(decodeIdentity, encodeIdentity),
  exact(decodeRequestHeader, encodeRequestHeader),
  exact(decodeReceipt, encodeReceipt),
  exact(decodeTreeHead, encodeTreeHead),
  exact(decodeRequest, ({ header, body }) => concatBytes(encodeRequestHeader(header), body)),
  exact(decodeRuntime, encodeRuntime),
  exact(decodeExecution, encodeExecution),
  exact(decodeFinalRecord, encodeFinalRecord),
  (data) => {
    const record = unlessRefused(() => decodeRecordKind(data));
    if (record !== undefined) deepStrictEqual(concatBytes(Uint8Array.of(record.kind), record.rest), data.slice());
  },
]);

export const seeds: readonly Uint8Array[] = [
  forCheck(0, golden.identity),
  forCheck(1, golden.header),
  forCheck(2, goldenReceipt),
  forCheck(3, golden.head),
  forCheck(4, concatBytes(golden.header, golden.requestBody)),
  forCheck(5, golden.runtime),
  ...golden.executions.map((execution) => forCheck(6, execution)),
  forCheck(7, golden.finalRecord),
  forCheck(8, golden.sealedRequest.subarray(0, 8)),
];
