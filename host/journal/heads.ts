import { equalBytes } from '../../wire/bytes.ts';
import type { Entries } from '../../wire/message/link.ts';
import { HEAD_BYTES } from '../../wire/message/receipt.ts';
import { checkSignature, type LogOwner } from './append.ts';
import { JournalError } from './errors.ts';
import { readU48 } from './keys.ts';

export interface SignedHead {
  readonly size: number;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

const CHECKED = Uint8Array.of(1);
const UNCHECKED = Uint8Array.of(0);
const SIGNATURE_BYTES = 64;

/** Head, signature, and whether the signature was checked when it was stored (see growth.ts). */
export function encodeHead(
  { head, signature }: Pick<Entries, 'head' | 'signature'>,
  mark: 'checked' | 'unchecked',
): Uint8Array {
  return Buffer.concat([head, signature, mark === 'checked' ? CHECKED : UNCHECKED]);
}

export interface HeadRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function decodeHead({ key, value }: HeadRow): SignedHead {
  return {
    size: readU48(key, 32),
    head: value.slice(0, HEAD_BYTES),
    signature: value.slice(HEAD_BYTES, HEAD_BYTES + SIGNATURE_BYTES),
  };
}

/** Those whose signature holds: nobody is shown another. */
export function heldHeads(owner: () => LogOwner, rows: readonly HeadRow[]): readonly SignedHead[] {
  return rows.flatMap((row) => {
    const signed = decodeHead(row);
    if (equalBytes(row.value.subarray(HEAD_BYTES + SIGNATURE_BYTES), CHECKED)) return [signed];
    try {
      checkSignature(owner(), signed);
      return [signed];
    } catch (error) {
      if (error instanceof JournalError) return [];
      throw error;
    }
  });
}
