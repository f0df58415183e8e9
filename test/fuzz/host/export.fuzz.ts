import { JournalError } from '../../../host/journal/errors.ts';
import { createExportReader } from '../../../host/journal/export.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { encodeFrame } from '../../../wire/codec/frame.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeEntries, encodeReadyInfo } from '../../../wire/message/link.ts';
import { golden, goldenExecution, goldenReceipt } from '../golden.ts';
import { unlessRefused } from '../refused.ts';

/** A log that somebody brings as a file: it is read to its end and proven, or refused. */
export function fuzz(data: Uint8Array): void {
  unlessRefused(() => {
    try {
      const reader = createExportReader();
      const half = Math.floor(data.length / 2);
      reader.push(data.subarray(0, half));
      reader.push(data.subarray(half));
      reader.finish();
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
    }
  });
}

const frame = (kind: number, payload: Uint8Array): Uint8Array => encodeFrame({ id: 0, kind, payload });
const title = frame(1, utf8('proofmark log export v1'));
const ready = frame(
  2,
  encodeReadyInfo({ identity: golden.identity, configuration: golden.configuration, runtime: golden.runtime }),
);
const before = concatBytes(title, ready, frame(3, new Uint8Array(0)));

export const seeds: readonly Uint8Array[] = [
  concatBytes(before, frame(5, sha256(before))),
  concatBytes(before, frame(5, new Uint8Array(32))),
  concatBytes(title, frame(3, new Uint8Array(0))),
  concatBytes(
    before,
    frame(
      4,
      encodeEntries({
        from: 300,
        receipts: [goldenReceipt],
        executions: [goldenExecution],
        head: golden.head,
        signature: golden.headSignature,
      }),
    ),
  ),
];
