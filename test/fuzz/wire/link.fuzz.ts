import * as link from '../../../wire/message/link.ts';
import { golden, goldenExecution, goldenReceipt } from '../golden.ts';
import { exact, forCheck, oneOfMany } from '../refused.ts';

/** Everything that host and worker tell each other: what is read is written back byte for byte. */
export const fuzz: (data: Uint8Array) => void = oneOfMany([
  exact(link.decodeRefusal, link.encodeRefusal),
  exact(link.decodeReadyInfo, link.encodeReadyInfo),
  exact(link.decodeState, link.encodeState),
  exact(link.decodeRelease, link.encodeRelease),
  exact(link.decodeFilePiece, link.encodeFilePiece),
  exact(link.decodeForSession, ({ sessionId, rest }) => link.encodeForSession(sessionId, rest)),
  exact(link.decodePlainAnswer, link.encodePlainAnswer),
  exact(link.decodeEntries, link.encodeEntries),
  exact(link.decodeAcknowledge, link.encodeAcknowledge),
  exact(link.decodeAttested, link.encodeAttested),
  exact(link.decodeSealedDataKey, link.encodeSealedDataKey),
]);

const hash = new Uint8Array(32).fill(3);
const ready = { identity: golden.identity, configuration: golden.configuration, runtime: golden.runtime };

export const seeds: readonly Uint8Array[] = [
  forCheck(0, link.encodeRefusal({ code: 'busy', detail: 'später' })),
  forCheck(1, link.encodeReadyInfo(ready)),
  forCheck(2, link.encodeState({ version: 1, ready, size: 9, acknowledged: 7, models: [hash] })),
  forCheck(2, link.encodeState({ version: 1, ready: null, size: 0, acknowledged: 0, models: [] })),
  forCheck(
    3,
    link.encodeRelease({
      manifest: golden.manifest,
      owner: new Uint8Array(64).fill(5),
      signature: golden.releaseSignature,
    }),
  ),
  forCheck(4, link.encodeFilePiece({ modelId: hash, file: 1, bytes: Uint8Array.of(1, 2, 3) })),
  forCheck(5, link.encodeForSession(new Uint8Array(link.SESSION_ID_BYTES), hash)),
  forCheck(
    6,
    link.encodePlainAnswer({ status: 0, bundle: hash, format: 1, jsonLength: 2, body: Uint8Array.of(0x7b, 0x7d) }),
  ),
  forCheck(
    7,
    link.encodeEntries({
      from: 300,
      receipts: [goldenReceipt],
      executions: [goldenExecution],
      head: golden.head,
      signature: golden.headSignature,
    }),
  ),
  forCheck(8, link.encodeAcknowledge(300)),
  forCheck(
    9,
    link.encodeAttested({ tee: 'aws-nitro', document: hash, certificateTable: null, possession: golden.headSignature }),
  ),
  forCheck(
    9,
    link.encodeAttested({
      tee: 'amd-sev-snp',
      document: hash,
      certificateTable: hash,
      possession: golden.headSignature,
    }),
  ),
  forCheck(10, link.encodeSealedDataKey({ modelId: hash, sealed: Uint8Array.of(0x30, 0x80, 0, 0) })),
];
