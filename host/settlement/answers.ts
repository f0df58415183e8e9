import { concatBytes, equalBytes, fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, status } from '../../wire/message/receipt.ts';
import { encodeRequestHeader, flag, format, operation, responsePreimage } from '../../wire/message/request.ts';
import type { Journal } from '../journal/index.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { SavedAnswer, SettlerState } from './state.ts';
import type { EscrowTerms } from './terms.ts';

export interface Answers {
  /** What was answered before, by whichever process: it is settled with the same receipt, however often that takes. */
  kept(id: Uint8Array): SavedAnswer | undefined;
  /** Asks that log's worker; undefined where it does not answer with a result. Kept before it is given out. */
  ask(id: Uint8Array, log: Uint8Array, input: Uint8Array, terms: EscrowTerms): Promise<SavedAnswer | undefined>;
  /** The receipt of an answer, with its proof under the newest head. */
  bundle(id: Uint8Array, answer: SavedAnswer): ReceiptBundle | undefined;
}

export interface AnswersOptions {
  readonly workers: Pick<WorkerPool, 'plain'>;
  readonly journal: Pick<Journal, 'places' | 'bundle' | 'caughtUp'>;
  readonly state: Pick<SettlerState, 'answer' | 'saveAnswer'>;
}

export function createAnswers({ workers, journal, state }: AnswersOptions): Answers {
  function bundle(id: Uint8Array, { log, output }: SavedAnswer): ReceiptBundle | undefined {
    const preimage = responsePreimage({
      ...{ salt: id, status: status.ok, format: format.integers, jsonLength: 0n },
      bodyHash: sha256(output),
    });
    const responseHash = sha256(preimage);
    // A crash between a receipt and its answer makes another one. The first that says the same is the one that counts.
    return journal
      .places(id)
      .filter((place) => equalBytes(place.log, log))
      .map((place) => journal.bundle(place))
      .find(({ receipt }) => {
        const said = decodeReceipt(receipt);
        return said.status === status.ok && equalBytes(said.responseHash, responseHash);
      });
  }

  return {
    kept(id) {
      const answer = state.answer(id);
      return answer !== undefined && bundle(id, answer) !== undefined ? answer : undefined;
    },
    async ask(id, log, input, terms) {
      const modelId = fromHex(terms.modelId.slice(2));
      // DESIGN section 8: every word follows from what the contract keeps; the host has nothing to choose.
      const header = encodeRequestHeader({
        requestId: id,
        modelId,
        operation: operation.infer,
        format: format.integers,
        jsonLength: 0n,
        flags: flag.disclose,
        salt: id,
        channel: new Uint8Array(32),
        unitPrice: terms.unitPrice,
        maxFee: terms.maxFee,
        deadline: terms.deadline,
        seed: sha256(id),
      });
      const { answer } = await workers.plain(modelId, concatBytes(header, input), { log });
      if (BigInt(answer.status) !== status.ok) return undefined;
      // An answer comes before its receipt can be read.
      await journal.caughtUp();
      const saved = { log, output: answer.body };
      state.saveAnswer(id, saved);
      return saved;
    },
    bundle,
  };
}
