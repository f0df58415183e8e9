import { hkdfSync } from 'node:crypto';
import { type ChunkPlace, chunkAssociated, chunkNonce, fileKeyInfo } from '../message/encrypted-release.ts';
import { nodeSuite } from './node.ts';

/** The key of one file of an encrypted release. Each data key serves one release, so no nonce comes twice. */
export function fileKey(dataKey: Uint8Array, modelId: Uint8Array, file: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dataKey, modelId, fileKeyInfo(file), 32));
}

export function sealChunk(key: Uint8Array, place: ChunkPlace, plaintext: Uint8Array): Uint8Array {
  return nodeSuite.sealAesGcm(key, chunkNonce(place), chunkAssociated(place), plaintext);
}

/** Undefined where the tag does not hold: another key, another place, or changed bytes. */
export function openChunk(key: Uint8Array, place: ChunkPlace, sealed: Uint8Array): Uint8Array | undefined {
  return nodeSuite.openAesGcm(key, chunkNonce(place), chunkAssociated(place), sealed);
}
