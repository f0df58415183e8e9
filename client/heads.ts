import type { ReceiptFacts } from '../verifier/receipt/facts.ts';
import type { Verified } from '../verifier/result.ts';
import { equalBytes, toHex } from '../wire/bytes.ts';
import { ClientError } from './errors.ts';

/** The largest head seen of each log: two answers under one size and two roots are caught at once. The rest is for `watchLog`. */
export interface HeadMemory {
  see(receipt: Verified<ReceiptFacts>): void;
}

export function createHeadMemory(): HeadMemory {
  const heads = new Map<string, ReceiptFacts['head']>();
  return {
    see({ log, head }) {
      const key = toHex(log);
      const seen = heads.get(key);
      if (seen !== undefined && seen.size === head.size && !equalBytes(seen.root, head.root)) {
        throw new ClientError('log_forked', `two histories of ${seen.size} leaves in log ${key}`);
      }
      if (seen === undefined || head.size > seen.size) heads.set(key, head);
    },
  };
}
