import { concatBytes, u32 } from '../bytes.ts';

/**
 * Noise section 12.4, AESGCM: four zero bytes and the 64-bit counter n, big-endian. DESIGN section 5 writes n as
 * u32 request || u32 chunk, so both halves are passed apart; Noise's own counters of a handshake stay in the low half.
 */
export function cipherNonce(high: number, low: number): Uint8Array {
  return concatBytes(new Uint8Array(4), u32(high), u32(low));
}
