import { concatBytes, equalBytes, fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, status } from '../../wire/message/receipt.ts';
import {
  encodeRequestHeader,
  flag,
  format,
  operation,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import type { Journal } from '../journal/index.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { SavedAnswer, SettlerState } from './state.ts';
import type { EscrowTerms } from './terms.ts';

/**
 * What is asked under an id. Its block may be replaced by one with the same parent, in which the same id stands for
 * other terms or another input: an answer is to a question, and never to an id.
 */
export interface Question {
  readonly id: Uint8Array;
  readonly input: Uint8Array;
  readonly terms: EscrowTerms;
}

export interface Answers {
  /** What was answered before, by whichever process: it is settled with the same receipt, however often that takes. */
  kept(question: Question): SavedAnswer | undefined;
  /** Asks that log's worker; undefined where it does not answer with a result. Kept before it is given out. */
  ask(question: Question, log: Uint8Array): Promise<SavedAnswer | undefined>;
  /** The receipt of an answer to this very question, with its proof under the newest head. */
  bundle(question: Question, answer: SavedAnswer): ReceiptBundle | undefined;
}

export interface AnswersOptions {
  readonly workers: Pick<WorkerPool, 'plain'>;
  readonly journal: Pick<Journal, 'places' | 'bundle' | 'caughtUp'>;
  readonly state: Pick<SettlerState, 'answer' | 'saveAnswer'>;
}

export function createAnswers({ workers, journal, state }: AnswersOptions): Answers {
  function bundle({ id, input, terms }: Question, { log, output }: SavedAnswer): ReceiptBundle | undefined {
    const preimage = responsePreimage({
      ...{ salt: id, status: status.ok, format: format.integers, jsonLength: 0n },
      bodyHash: sha256(output),
    });
    const requestHash = sha256(requestPreimage(headerOf(id, terms), sha256(input)));
    const responseHash = sha256(preimage);
    // A crash between a receipt and its answer makes another one. The first that says the same is the one that counts.
    return journal
      .places(id)
      .filter((place) => equalBytes(place.log, log))
      .map((place) => journal.bundle(place))
      .find(({ receipt }) => {
        const said = decodeReceipt(receipt);
        const isOfBoth = equalBytes(said.requestHash, requestHash) && equalBytes(said.responseHash, responseHash);
        return said.status === status.ok && isOfBoth;
      });
  }

  return {
    kept(question) {
      const answer = state.answer(question.id);
      return answer !== undefined && bundle(question, answer) !== undefined ? answer : undefined;
    },
    async ask({ id, input, terms }, log) {
      const request = concatBytes(headerOf(id, terms), input);
      const { answer } = await workers.plain(fromHex(terms.modelId.slice(2)), request, { log });
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

/** DESIGN section 8: every word follows from what the contract keeps; the host has nothing to choose. */
export function headerOf(
  id: Uint8Array,
  terms: Pick<EscrowTerms, 'modelId' | 'unitPrice' | 'maxFee' | 'deadline'>,
): Uint8Array {
  return encodeRequestHeader({
    requestId: id,
    modelId: fromHex(terms.modelId.slice(2)),
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
}
