import { concatBytes, readU32, u32 } from '../bytes.ts';
import { arrayHead, byteStringHead, type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { array, bytes, integer, literal, nullable, object, oneOf, type Reader, text } from '../codec/fields.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { TeeName } from './identity.ts';
import type { SignedRelease } from './manifest.ts';
import { HEAD_BYTES, RECEIPT_BYTES, status as receiptStatus } from './receipt.ts';
import { decodeFinalRecord, type FinalRecord, finalRecordParts } from './session.ts';

/**
 * What host and worker say to each other over one stream (DESIGN section 5). The host is untrusted: everything that it
 * sends is parsed here within limits, and nothing but the configuration changes what the worker does.
 */
export const linkKind = {
  configure: 0x01,
  attest: 0x02,
  release: 0x03,
  file: 0x04,
  handshake: 0x05,
  sealed: 0x06,
  plain: 0x07,
  acknowledge: 0x08,
  /** Asks for a document that lets KMS seal the announced release's key to this worker. */
  recipient: 0x09,
  /** That key as KMS sealed it. */
  dataKey: 0x0a,
  /** A sealed record that charges a channel, after what its client showed the host. */
  charged: 0x0b,
  /** The host no longer waits for the request with this frame's id: its client has left. There is no answer to it. */
  abandon: 0x0c,
  /** Takes a model out of service once what it runs is done. */
  unload: 0x0d,
  reply: 0x81,
  refusal: 0x82,
  state: 0x83,
  entries: 0x84,
  /** Counters, while the configuration allows them. */
  telemetry: 0x85,
  /** Bytes of a streamed answer before its reply: a sealed record, or plain bytes of the body. */
  piece: 0x87,
  /** The launcher's word on how the worker ended; nothing follows it. */
  ended: 0x86,
} as const;

export const SESSION_ID_BYTES = 16;
export const HANDSHAKE_MESSAGE_BYTES = 48;

/** Why a worker did not do what it was asked, before any receipt exists. Closed: the host maps each to a status. */
export const workerRefusals = [
  'not_configured',
  'already_configured',
  'configuration_invalid',
  'malformed',
  'attestation_failed',
  'publisher_not_allowed',
  'release_invalid',
  'release_too_large',
  'too_many_models',
  'file_unexpected',
  'file_mismatch',
  /** KMS judges documents of AWS Nitro only. */
  'kms_unsupported_tee',
  /** No document was asked for, or it has had its one answer. */
  'data_key_unexpected',
  /** KMS's answer does not open, or holds no key. One code for every reason: the sender shall learn no more. */
  'data_key_refused',
  /** A chunk that was not encrypted with this key for this place in this release. */
  'file_undecryptable',
  'model_refused',
  'session_unknown',
  'record_refused',
  /** Fields or signature of a channel, or no room for one more that has paid. */
  'channel_refused',
  'voucher_refused',
  'busy',
  'log_full',
  'internal',
] as const;

export type WorkerRefusalCode = (typeof workerRefusals)[number];

export interface WorkerRefusal {
  readonly code: WorkerRefusalCode;
  readonly detail: string;
}

const refusal: Reader<WorkerRefusal> = object<WorkerRefusal>({
  code: oneOf(workerRefusals),
  detail: text({ min: 0, max: 1_024 }),
});

export function encodeRefusal(value: WorkerRefusal): Uint8Array {
  return encodeCbor(mapOf({ code: value.code, detail: value.detail.slice(0, 1_024) }));
}

export function decodeRefusal(payload: Uint8Array): WorkerRefusal {
  return refusal(decodeCbor(payload, strictCbor(limits.bundleBytes)), 'refusal');
}

/** The first frame on every connection: where the worker stands, so that a restarted host can go on. */
export interface WorkerState {
  readonly version: 1;
  readonly ready: ReadyInfo | null;
  /** Leaves in the log, and how many of them the host has acknowledged as durable. */
  readonly size: number;
  readonly acknowledged: number;
  readonly models: readonly Uint8Array[];
}

/** What a configured worker says about itself; also the answer to `configure`. */
export interface ReadyInfo {
  readonly identity: Uint8Array;
  readonly configuration: Uint8Array;
  readonly runtime: Uint8Array;
}

const readyInfo: Reader<ReadyInfo> = object<ReadyInfo>({
  identity: bytes(320),
  configuration: bytes({ min: 1, max: limits.configurationBytes }),
  runtime: bytes({ min: 1, max: limits.executionBytes }),
});

const workerState: Reader<WorkerState> = object<WorkerState>({
  version: literal(1),
  ready: nullable(readyInfo),
  size: integer({ min: 0, max: limits.treeSize }),
  acknowledged: integer({ min: 0, max: limits.treeSize }),
  models: array(bytes(32), { min: 0, max: limits.configurationModels }),
});

const stateProfile = strictCbor(2 * limits.configurationBytes);

export function encodeReadyInfo(value: ReadyInfo): Uint8Array {
  return encodeCbor(mapOf({ ...value }));
}

export function decodeReadyInfo(payload: Uint8Array): ReadyInfo {
  return readyInfo(decodeCbor(payload, stateProfile), 'ready');
}

export function encodeState(value: WorkerState): Uint8Array {
  return encodeCbor(mapOf({ ...value, ready: value.ready === null ? null : mapOf({ ...value.ready }) }));
}

export function decodeState(payload: Uint8Array): WorkerState {
  return workerState(decodeCbor(payload, stateProfile), 'state');
}

/** The device's answer to `attest`, and what its machine gave with it. Unproven, like all that a host hands on. */
export interface Attested {
  readonly tee: TeeName;
  readonly document: Uint8Array;
  readonly certificateTable: Uint8Array | null;
  /** The signer's, over "proofmark register v1" || log || challenge: what a registry asks beside the document. */
  readonly possession: Uint8Array;
}

const attested: Reader<Attested> = object<Attested>({
  tee: oneOf(['aws-nitro', 'amd-sev-snp']),
  document: bytes({ min: 1, max: limits.attestationDocumentBytes }),
  certificateTable: nullable(bytes({ min: 1, max: limits.snpTableBytes })),
  possession: bytes(64),
});

const attestedProfile = strictCbor(limits.attestationDocumentBytes + limits.snpTableBytes + 256);

export function encodeAttested(value: Attested): Uint8Array {
  return encodeCbor(mapOf({ ...value }));
}

export function decodeAttested(payload: Uint8Array): Attested {
  return attested(decodeCbor(payload, attestedProfile), 'attested');
}

const release: Reader<SignedRelease> = object<SignedRelease>({
  manifest: bytes({ min: 2, max: limits.manifestBytes }),
  owner: bytes(64),
  signature: bytes(64),
});

const releaseProfile = strictCbor(limits.manifestBytes + 1_024);

export function encodeRelease(value: SignedRelease): Uint8Array {
  return encodeCbor(mapOf({ ...value }));
}

export function decodeRelease(payload: Uint8Array): SignedRelease {
  return release(decodeCbor(payload, releaseProfile), 'release');
}

/** modelId || u32 index into the manifest's files || the next bytes of that file. */
export interface FilePiece {
  readonly modelId: Uint8Array;
  readonly file: number;
  readonly bytes: Uint8Array;
}

export function encodeFilePiece(piece: FilePiece): Uint8Array {
  return concatBytes(piece.modelId, u32(piece.file), piece.bytes);
}

export function decodeFilePiece(payload: Uint8Array): FilePiece {
  if (payload.length < 36) throw new WireError('truncated', 'a file piece has a header of 36 bytes');
  if (payload.length - 36 > limits.fileChunkBytes) throw new WireError('too_large', 'file piece');
  return { modelId: payload.slice(0, 32), file: readU32(payload, 32), bytes: payload.subarray(36) };
}

/** modelId || the sealed key (`CiphertextForRecipient`). */
export interface SealedDataKey {
  readonly modelId: Uint8Array;
  readonly sealed: Uint8Array;
}

export function encodeSealedDataKey({ modelId, sealed }: SealedDataKey): Uint8Array {
  return concatBytes(modelId, sealed);
}

export function decodeSealedDataKey(payload: Uint8Array): SealedDataKey {
  if (payload.length < 33) throw new WireError('truncated', 'a sealed key follows 32 bytes of model id');
  if (payload.length - 32 > limits.kmsRecipientBytes) throw new WireError('too_large', 'sealed key');
  return { modelId: payload.slice(0, 32), sealed: payload.slice(32) };
}

/** A session id before a record or handshake message. */
export function encodeForSession(sessionId: Uint8Array, rest: Uint8Array): Uint8Array {
  if (sessionId.length !== SESSION_ID_BYTES) throw new WireError('field_invalid', 'not a session id');
  return concatBytes(sessionId, rest);
}

export function decodeForSession(payload: Uint8Array): { readonly sessionId: Uint8Array; readonly rest: Uint8Array } {
  if (payload.length < SESSION_ID_BYTES) throw new WireError('truncated', 'a session id has 16 bytes');
  return { sessionId: payload.slice(0, SESSION_ID_BYTES), rest: payload.subarray(SESSION_ID_BYTES) };
}

/** A model by its id, for `recipient` and `unload`. */
export function decodeModelId(payload: Uint8Array): Uint8Array {
  if (payload.length !== 32) throw new WireError('frame_invalid', 'a model id has 32 bytes');
  return payload;
}

/**
 * The answer to an unsealed request: u8 status || what a sealed answer's final record holds. The status is the receipt's,
 * for a host that has to choose an HTTP status and would otherwise open the receipt for it. The body of a streamed answer
 * lacks the bytes that went before it in pieces.
 */
export interface PlainAnswer extends FinalRecord {
  readonly status: number;
}

export function encodePlainAnswer(value: PlainAnswer): Uint8Array {
  return concatBytes(...plainAnswerParts(value));
}

export function plainAnswerParts(value: PlainAnswer): readonly Uint8Array[] {
  return [Uint8Array.of(value.status), ...finalRecordParts(value)];
}

export function decodePlainAnswer(payload: Uint8Array): PlainAnswer {
  const status = payload[0];
  if (status === undefined || status > Number(receiptStatus.refused)) {
    throw new WireError('field_invalid', 'unknown status', { field: 'answer.status' });
  }
  return { status, ...decodeFinalRecord(payload.subarray(1)) };
}

/**
 * New receipts, all under one signed head. Sent before the answers that they belong to, so that a host that writes in
 * order has every receipt that a client may have seen; sent again on reconnection until acknowledged.
 */
export interface Entries {
  readonly from: number;
  readonly receipts: readonly Uint8Array[];
  readonly executions: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

const entries: Reader<Entries> = object<Entries>({
  from: integer({ min: 0, max: limits.treeSize }),
  receipts: array(bytes(RECEIPT_BYTES), { min: 0, max: limits.unacknowledgedLeaves }),
  executions: array(bytes({ min: 1, max: limits.executionBytes }), { min: 0, max: limits.unacknowledgedLeaves }),
  head: bytes(HEAD_BYTES),
  signature: bytes(64),
});

const entriesProfile = strictCbor(limits.frameBytes);

/** The bytes of the general encoder for a map of these five, written at once: every answer waits for one of these. */
export function encodeEntries({ from, receipts, executions, head, signature }: Entries): Uint8Array {
  const parts = [ENTRIES_FROM, encodeCbor(from), ENTRIES_HEAD, byteStringHead(head.length), head, ENTRIES_RECEIPTS];
  const add = (list: readonly Uint8Array[]): void => {
    parts.push(arrayHead(list.length));
    for (const bytes of list) parts.push(byteStringHead(bytes.length), bytes);
  };
  add(receipts);
  parts.push(ENTRIES_SIGNATURE, byteStringHead(signature.length), signature, ENTRIES_EXECUTIONS);
  add(executions);
  return concatBytes(...parts);
}

const ENTRIES_FROM: Uint8Array = concatBytes(Uint8Array.of(0xa5), encodeCbor('from'));
const ENTRIES_HEAD: Uint8Array = encodeCbor('head');
const ENTRIES_RECEIPTS: Uint8Array = encodeCbor('receipts');
const ENTRIES_SIGNATURE: Uint8Array = encodeCbor('signature');
const ENTRIES_EXECUTIONS: Uint8Array = encodeCbor('executions');

export function decodeEntries(payload: Uint8Array): Entries {
  const value = entries(decodeCbor(payload, entriesProfile), 'entries');
  if (value.receipts.length !== value.executions.length) {
    throw new WireError('field_invalid', 'one for each receipt', { field: 'entries.executions' });
  }
  return value;
}

/** Leaves [0, count) are on disk and synced. */
export function encodeAcknowledge(count: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(count));
  return out;
}

export function decodeAcknowledge(payload: Uint8Array): number {
  if (payload.length !== 8) throw new WireError('frame_invalid', 'an acknowledgement has 8 bytes');
  const count = Number(new DataView(payload.buffer, payload.byteOffset, 8).getBigUint64(0));
  if (count > limits.treeSize) throw new WireError('integer_out_of_range', 'not a tree size');
  return count;
}

function mapOf(fields: Readonly<Record<string, CborValue>>): Map<string, CborValue> {
  return new Map(Object.entries(fields));
}
