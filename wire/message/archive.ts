import { toBase64url, utf8 } from '../bytes.ts';
import { array, base64urlBytes, integer, literal, nullable, object, oneOf, type Reader } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { limits } from '../limits.ts';
import { type Evidence, evidenceReader, evidenceToJson } from './evidence.ts';
import type { SignedRelease } from './manifest.ts';
import { HEAD_BYTES, RECEIPT_BYTES } from './receipt.ts';
import { REQUEST_HEADER_BYTES } from './request.ts';

/**
 * A `.proofmark` file (DESIGN section 4): everything that a stranger needs to check one answer, years later and offline.
 * UTF-8 JSON with base64url fields, each holding exactly the bytes that were signed or hashed; the JSON around them is
 * never signed. The published schema is attestations/schemas/proofmark-archive.schema.json.
 */
export interface Archive {
  readonly format: 'proofmark archive v1';
  readonly receipt: Uint8Array;
  readonly execution: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
  readonly evidence: Evidence;
  readonly challenge: ArchivedChallenge;
  readonly release: SignedRelease;
  /** Null once payload and salt were deleted: the receipt's hashes then reveal nothing. */
  readonly request: ArchivedRequest | null;
  readonly response: ArchivedResponse | null;
  /** Third parties that saw the head: without one, nobody can say when it existed. */
  readonly anchors: readonly TimeAnchor[];
}

export interface ArchivedChallenge {
  readonly value: Uint8Array;
  /** The words that hash to the value, where it was made from a block; null where it was random. */
  readonly preimage: Uint8Array | null;
}

export interface ArchivedRequest {
  readonly header: Uint8Array;
  readonly bodyHash: Uint8Array;
  readonly body: Uint8Array | null;
}

export interface ArchivedResponse {
  readonly format: number;
  readonly jsonLength: number;
  readonly bodyHash: Uint8Array;
  readonly body: Uint8Array | null;
}

export interface TimeAnchor {
  readonly kind: 'block' | 'rfc3161' | 'cosignature';
  readonly evidence: Uint8Array;
}

const body: Reader<Uint8Array | null> = nullable(base64urlBytes({ min: 0, max: limits.bodyBytes }));

const archive: Reader<Archive> = object<Archive>({
  format: literal('proofmark archive v1'),
  receipt: base64urlBytes(RECEIPT_BYTES),
  execution: base64urlBytes({ min: 1, max: limits.executionBytes }),
  proof: array(base64urlBytes(32), { min: 0, max: limits.treeProofHashes }),
  head: base64urlBytes(HEAD_BYTES),
  signature: base64urlBytes(64),
  evidence: evidenceReader,
  challenge: object<ArchivedChallenge>({
    value: base64urlBytes(32),
    preimage: nullable(base64urlBytes({ min: 1, max: 1_024 })),
  }),
  release: object<SignedRelease>({
    manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
    owner: base64urlBytes(64),
    signature: base64urlBytes(64),
  }),
  request: nullable(
    object<ArchivedRequest>({ header: base64urlBytes(REQUEST_HEADER_BYTES), bodyHash: base64urlBytes(32), body }),
  ),
  response: nullable(
    object<ArchivedResponse>({
      format: integer({ min: 0, max: 2 }),
      jsonLength: integer({ min: 0, max: limits.bodyBytes }),
      bodyHash: base64urlBytes(32),
      body,
    }),
  ),
  anchors: array(
    object<TimeAnchor>({
      kind: oneOf(['block', 'rfc3161', 'cosignature']),
      evidence: base64urlBytes({ min: 1, max: 65_536 }),
    }),
    { min: 0, max: 16 },
  ),
});

export function decodeArchive(encoded: Uint8Array): Archive {
  return archive(parseJson(encoded, { maxBytes: limits.archiveBytes, maxValues: limits.archiveValues }), 'archive');
}

export function encodeArchive(value: Archive): Uint8Array {
  return utf8(`${JSON.stringify(textOf(value), null, 2)}\n`);
}

function textOf(value: Archive): unknown {
  return {
    format: value.format,
    ...base64urlFields({ receipt: value.receipt, execution: value.execution }),
    proof: value.proof.map(toBase64url),
    ...base64urlFields({ head: value.head, signature: value.signature }),
    evidence: evidenceToJson(value.evidence),
    challenge: base64urlFields({ ...value.challenge }),
    release: base64urlFields({ ...value.release }),
    request: value.request === null ? null : base64urlFields({ ...value.request }),
    response:
      value.response === null
        ? null
        : {
            format: value.response.format,
            jsonLength: value.response.jsonLength,
            ...base64urlFields({ bodyHash: value.response.bodyHash, body: value.response.body }),
          },
    anchors: value.anchors.map((anchor) => ({ kind: anchor.kind, evidence: toBase64url(anchor.evidence) })),
  };
}

function base64urlFields(fields: Readonly<Record<string, Uint8Array | null>>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value === null ? null : toBase64url(value)]),
  );
}
