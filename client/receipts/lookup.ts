import type { Check, NotProven } from '../../verifier/index.ts';
import { verifyReceiptOrigin } from '../../verifier/receipt/verify.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { array, hexBytes, integer, object, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, type Receipt, type TreeHead } from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { ClientError } from '../errors.ts';
import { type Asker, type ProvenWorker, proveWorker, shown } from './prove-worker.ts';

interface Claims {
  readonly receipt: Receipt;
  readonly head: TreeHead;
}

/** What a host showed for a request id, checked as far as it goes without the request and its answer. */
export type Lookup =
  | {
      /** A proven worker's signed word, in its log. What was asked and answered, its hashes say to whoever has it. */
      readonly verdict: 'origin-only';
      readonly facts: Claims;
      readonly bundle: ReceiptBundle;
      readonly proven: ProvenWorker;
      readonly checks: readonly Check[];
      readonly notProven: readonly NotProven[];
    }
  /** Nobody vouches for the key: the host shows no evidence of the log any more. */
  | { readonly verdict: 'undetermined'; readonly claims: Claims; readonly reason: string };

/** One where the host does not say how many there are; `dropped` of them it keeps no longer. */
export interface Lookups {
  readonly found: readonly [Lookup, ...Lookup[]];
  readonly dropped: number;
  readonly counted: 'by-host' | 'unknown';
}

interface Place {
  readonly log: Uint8Array;
  readonly index: number;
}

const placesReader: Reader<{ readonly requestId: Uint8Array; readonly places: readonly Place[] }> = object({
  requestId: hexBytes(32),
  places: array(object<Place>({ log: hexBytes(32), index: integer({ min: 0, max: limits.treeSize }) }), {
    min: 1,
    max: limits.receiptsPerRequest,
  }),
});

/** A number that was used twice has several. Throws where anything that can be checked does not hold, with the verdict. */
export async function lookUpReceipts(asker: Asker, requestId: Uint8Array): Promise<Lookups> {
  const path = `/v1/receipts/${toHex(requestId)}`;
  const places = await placesOf(asker, path);
  const workers = provenOnce(asker);
  if (places === 'unknown')
    return { found: [await lookUp(asker, workers, { requestId, path })], dropped: 0, counted: 'unknown' };
  const found: Lookup[] = [];
  let gone: ClientError | undefined;
  let dropped = 0;
  for (const { log, index } of places) {
    try {
      const lookup = await lookUp(asker, workers, { requestId, path: `${path}?log=${toHex(log)}&index=${index}` });
      const { receipt, head } = lookup.verdict === 'undetermined' ? lookup.claims : lookup.facts;
      if (!equalBytes(head.log, log) || receipt.index !== BigInt(index)) {
        throw new ClientError('protocol_violated', 'the host shows a receipt of another place', {
          reason: 'place_mismatch',
        });
      }
      found.push(lookup);
    } catch (error) {
      if (!(error instanceof ClientError) || error.reason !== 'receipt_dropped') throw error;
      gone = error;
      dropped += 1;
    }
  }
  const [first, ...others] = found;
  if (first === undefined) throw gone ?? new ClientError('host_error', 'no receipt', { reason: 'receipt_unknown' });
  return { found: [first, ...others], dropped, counted: 'by-host' };
}

/** Unknown where a host is too old to say. */
async function placesOf({ host }: Asker, path: string): Promise<readonly Place[] | 'unknown'> {
  try {
    const served = await host.get(`${path}/places`, limits.bundleBytes);
    return shown(() => placesReader(parseJson(served, limits.bundleBytes), 'places')).places;
  } catch (error) {
    if (error instanceof ClientError && error.reason === 'not_found') return 'unknown';
    throw error;
  }
}

async function lookUp(
  asker: Asker,
  workers: (log: Uint8Array) => Promise<ProvenWorker | string>,
  { requestId, path }: { readonly requestId: Uint8Array; readonly path: string },
): Promise<Lookup> {
  const served = await asker.host.get(path, limits.bundleBytes);
  const bundle = shown(() => decodeBundle(served));
  const claims = shown(() => ({ receipt: decodeReceipt(bundle.receipt), head: decodeTreeHead(bundle.head) }));
  if (!equalBytes(claims.receipt.requestId, requestId)) {
    throw new ClientError('protocol_violated', 'the host shows the receipt of another request', {
      reason: 'request_id_mismatch',
    });
  }
  const proven = await workers(claims.head.log);
  if (typeof proven === 'string') return { verdict: 'undetermined', claims, reason: proven };
  const { worker } = proven;
  // Only a sealed header is known to be the client's: it travelled where the host cannot reach.
  const headerBy = (claims.receipt.flags & flag.sealed) === 0n ? 'host' : 'client';
  const verdict = await verifyReceiptOrigin(bundle, { worker, headerBy, now: asker.now(), suite: asker.suite });
  if (verdict.verdict !== 'origin-only') {
    throw new ClientError('receipt_refused', `the receipt is ${verdict.verdict}: ${verdict.code}`, {
      reason: verdict.code,
      verdict,
    });
  }
  const { checks, notProven } = verdict;
  return { verdict: 'origin-only', facts: claims, bundle, proven, checks, notProven };
}

/** Evidence costs a worker a signature, and a host hands out only so much of it. */
function provenOnce(asker: Asker): (log: Uint8Array) => Promise<ProvenWorker | string> {
  const known = new Map<string, ProvenWorker | string>();
  return async (log) => {
    const found = known.get(toHex(log)) ?? (await evidenceOf(asker, log));
    known.set(toHex(log), found);
    return found;
  };
}

/** A text says why there is none: a worker that has ended makes no more evidence. */
async function evidenceOf(asker: Asker, log: Uint8Array): Promise<ProvenWorker | string> {
  try {
    return await proveWorker(asker, log);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error') return error.reason;
    throw error;
  }
}
