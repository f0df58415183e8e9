import { decodeCbor, strictCbor } from '../../wire/codec/cbor.ts';
import { bytes, integer, nullable, object, type Reader } from '../../wire/codec/fields.ts';
import { limits } from '../../wire/limits.ts';
import { HEAD_BYTES } from '../../wire/message/receipt.ts';

/** What a worker said in one place where the journal held something else; a person looks at these. */
export interface Conflict {
  /** The leaf's index, or the head's size when the roots differ. */
  readonly position: number;
  readonly stored: Uint8Array | null;
  readonly offered: Uint8Array;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
  readonly storedHead: Uint8Array | null;
}

const conflictReader: Reader<Conflict> = object<Conflict>({
  position: integer({ min: 0, max: limits.treeSize }),
  stored: nullable(bytes({ min: 32, max: limits.bundleBytes })),
  offered: bytes({ min: 32, max: limits.bundleBytes }),
  head: bytes(HEAD_BYTES),
  signature: bytes(64),
  storedHead: nullable(bytes(HEAD_BYTES + 64)),
});

export function decodeConflict(stored: Uint8Array): Conflict {
  return conflictReader(decodeCbor(stored, strictCbor(limits.bundleBytes)), 'conflict');
}
