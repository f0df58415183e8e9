import type { RequestHandler } from 'express';
import { encodePriceList, type PriceList } from '../../../wire/message/price-list.ts';

/** Which levels are offered, at what price: the host's word. */
export function levelsRoute(list: () => PriceList): RequestHandler {
  return (_request, response) => {
    response.type('application/json').send(Buffer.from(encodePriceList(list())));
  };
}
