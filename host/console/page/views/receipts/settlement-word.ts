import {
  array,
  hexBytes,
  integer,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
} from '../../../../../wire/codec/fields.ts';
import { limits } from '../../../../../wire/limits.ts';

/** What a host says of its settling: attestations/schemas/proofmark-settlement.schema.json. Its word, and no more. */
export interface SettlementSaid {
  readonly chainId: string;
  readonly settlement: Uint8Array;
  readonly unpostedLeaves: number;
  readonly quietSeconds: number;
  readonly heads: readonly { readonly log: Uint8Array; readonly size: number }[];
  readonly transactions: readonly TransactionSaid[];
}

export interface TransactionSaid {
  readonly what: 'register' | 'postHead' | 'claim' | 'fulfil' | 'fill';
  readonly hash: Uint8Array | null;
  readonly block: string | null;
}

const decimal: Reader<string> = text({ min: 1, max: 78, pattern: /^\d+$/ });

export const settlementReader: Reader<{ readonly settlement: SettlementSaid | null }> = object({
  settlement: nullable(
    object<SettlementSaid>({
      chainId: decimal,
      settlement: hexBytes(20),
      unpostedLeaves: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      quietSeconds: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      heads: array(
        object<SettlementSaid['heads'][number]>({ log: hexBytes(32), size: integer({ min: 0, max: limits.treeSize }) }),
        { min: 0, max: limits.watchedHeads },
      ),
      transactions: array(
        object<TransactionSaid>({
          what: oneOf(['register', 'postHead', 'claim', 'fulfil', 'fill']),
          hash: nullable(hexBytes(32)),
          block: nullable(decimal),
        }),
        { min: 0, max: limits.chainUnfinal },
      ),
    }),
  ),
});

export const whatWords: Readonly<Record<TransactionSaid['what'], string>> = {
  register: 'registration',
  postHead: 'head',
  claim: 'claim',
  fulfil: 'answer to an escrow',
  fill: 'filler of a number',
};
