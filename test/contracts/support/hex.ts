import type { Hex } from 'viem';
import { toHex } from '../../../wire/bytes.ts';

/** As viem writes bytes. */
export function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}
