import { concatBytes } from '../../wire/bytes.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { flag, REQUEST_HEADER_BYTES } from '../../wire/message/request.ts';
import { WORD } from '../../wire/words.ts';
import type { Answered, WorkerPool } from '../workers/pool.ts';
import type { DisclosedStore } from './store.ts';

/** The last byte of the header's flags (wire/message/request.ts); a test holds it against the decoder. */
const FLAGS_END = 6 * WORD;
const DISCLOSE = Number(flag.disclose);

export function isDisclosed(request: Uint8Array): boolean {
  return ((request[FLAGS_END - 1] as number) & DISCLOSE) !== 0;
}

/** Sets the flag in a header that is not sent yet. */
export function markDisclosed(request: Uint8Array): void {
  request[FLAGS_END - 1] = (request[FLAGS_END - 1] as number) | DISCLOSE;
}

/**
 * Keeps every request in the clear whose header discloses it, whoever asked: a caller, or a contract. Of any other request
 * one byte is looked at. What is sealed the host cannot see: its requester brings it.
 */
export function keepDisclosed<Workers extends Pick<WorkerPool, 'plain'>>(
  workers: Workers,
  store: Pick<DisclosedStore, 'keep'>,
): Workers {
  const plain: WorkerPool['plain'] = async (modelId, request, options = {}) => {
    if (!isDisclosed(request)) return workers.plain(modelId, request, options);
    const pieces: Uint8Array[] = [];
    const { onPiece } = options;
    const watched =
      onPiece === undefined
        ? options
        : {
            ...options,
            onPiece: (bytes: Uint8Array) => {
              pieces.push(Uint8Array.from(bytes));
              onPiece(bytes);
            },
          };
    const answered = await workers.plain(modelId, request, watched);
    keep(store, request, answered, pieces);
    return answered;
  };
  return { ...workers, plain };
}

function keep(
  store: Pick<DisclosedStore, 'keep'>,
  request: Uint8Array,
  { worker, answer }: Answered,
  pieces: readonly Uint8Array[],
): void {
  const { index } = decodeReceipt(decodeBundle(answer.bundle).receipt);
  store.keep(
    { log: worker.log, index: Number(index) },
    {
      version: 1,
      header: Uint8Array.from(request.subarray(0, REQUEST_HEADER_BYTES)),
      body: Uint8Array.from(request.subarray(REQUEST_HEADER_BYTES)),
      ...{ format: answer.format, jsonLength: answer.jsonLength },
      answer: concatBytes(...pieces, answer.body),
    },
  );
}
