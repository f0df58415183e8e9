import { parseRevocationList } from '../../../verifier/codec/crl.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { unlessMalformed } from '../refused.ts';
import { revocationListSeeds } from './certificate-seeds.ts';

/** What is accepted has no byte too many or too few. */
export function fuzz(data: Uint8Array): void {
  if (unlessMalformed(() => parseRevocationList(data)) === undefined) return;
  for (const other of [data.subarray(0, -1), concatBytes(data, Uint8Array.of(0))]) {
    if (unlessMalformed(() => parseRevocationList(other)) !== undefined) {
      throw new Error('a list with one byte more or less is read as well');
    }
  }
}

export const seeds: readonly Uint8Array[] = revocationListSeeds;
