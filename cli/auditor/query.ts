import type { IncomingMessage } from 'node:http';
import type { ApprovalStatement } from '../../client/approvals/ask.ts';
import { hexParameter, queryValue } from '../../host/http/parameters.ts';
import { ApprovalRefusal } from './errors.ts';

const CHAIN_ID_BITS = 256n;

/** For which payment an approval is asked, as it stands in the query. */
export function decodeApprovalStatement(request: Pick<IncomingMessage, 'url'>): ApprovalStatement {
  const chain = queryValue(request, 'chainId') ?? '';
  const chainId = /^(0|[1-9][0-9]{0,77})$/.test(chain) ? BigInt(chain) : undefined;
  if (chainId === undefined || chainId >> CHAIN_ID_BITS !== 0n)
    throw new ApprovalRefusal('statement_invalid', 'chainId');
  return {
    chainId,
    verifier: hexParameter(queryValue(request, 'verifier'), 20),
    escrow: hexParameter(queryValue(request, 'escrow'), 32),
  };
}
