import type { RequestHandler } from 'express';
import type { SettlementWord } from '../../settlement/word.ts';

/** Null where this host settles nothing. */
export function settlementRoute(word: () => SettlementWord | undefined): RequestHandler {
  return (_request, response) => {
    response.json({ settlement: word() ?? null });
  };
}
