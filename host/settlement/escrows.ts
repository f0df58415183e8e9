import { type Address, type Hex, parseEventLogs } from 'viem';
import { concatBytes, equalBytes, fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { unitPriceOf } from '../../wire/message/configuration.ts';
import { decodeReceipt, status } from '../../wire/message/receipt.ts';
import { encodeRequestHeader, flag, format, operation } from '../../wire/message/request.ts';
import { PaymentError } from '../payments/errors.ts';
import type { ReadyWorker } from '../worker-link.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { ESCROW_OPEN, policyAbi, settlementAbi } from './abi.ts';
import type { Sent, SettlementChain } from './chain.ts';
import { hex, loggedReceiptWords } from './words.ts';

/** A contract that this operator has looked at: by its address, and by what stood there when it did. */
export interface KnownContract {
  readonly address: Address;
  /** keccak256 of its code. */
  readonly codeHash: Hex;
}

/** Contracts of strangers burn gas and lie about who is accepted: only these are worked for (DESIGN section 8). */
export interface ServedContracts {
  readonly policies: readonly KnownContract[];
  readonly resultVerifiers: readonly KnownContract[];
}

export interface EscrowServer {
  readonly chain: SettlementChain;
  readonly settlement: Address;
  readonly workers: Pick<WorkerPool, 'plain'>;
  readonly serves: () => Promise<ServedContracts>;
  readonly fromBlock: bigint;
  readonly onSent: (what: 'fulfil', sent: Sent) => void;
  readonly onSkipped: (escrow: Uint8Array, why: SkipReason) => void;
}

/** Why an escrow is left to others. Closed. */
export type SkipReason =
  | 'policy_not_served'
  | 'result_verifier_not_served'
  | 'log_not_accepted'
  | 'price_too_low'
  | 'too_late'
  | 'input_mismatch'
  | 'answer_refused'
  | 'given_up';

interface Asked {
  readonly id: Uint8Array;
  readonly input: Uint8Array;
  answer: { readonly log: Uint8Array; readonly output: Uint8Array; readonly bundle: ReceiptBundle } | undefined;
  attempts: number;
}

export interface Escrows {
  /** Looks for new ones and does what can be done for those that are open, by any of these workers. */
  serve(workers: readonly ReadyWorker[]): Promise<void>;
}

/** Blocks that are read again each time: they may have been replaced by others. */
const REPLACEABLE = 32n;
/** What public nodes answer in one go. */
const MOST_BLOCKS = 5_000n;
const MOST_ATTEMPTS = 5;
/** Less time than this is left for answering, settling and being mined: it is not begun. */
const SECONDS_NEEDED = 30n;

/**
 * Answers what contracts ask. The chain is the journal: an escrow that is open is asked about again after a restart, and one
 * that was fulfilled is not open. The id is the only nullifier, so a second answer pays nothing.
 */
export function createEscrows(server: EscrowServer): Escrows {
  const { chain, settlement: to } = server;
  const open = new Map<string, Asked>();
  /** Each with the block up to which was read then: events are read again for a while. */
  const done = new Map<string, bigint>();
  let nextBlock = server.fromBlock;

  async function discover(): Promise<void> {
    const { number: newest } = await chain.block();
    if (nextBlock > newest) return;
    const again = nextBlock - REPLACEABLE;
    const fromBlock = again < server.fromBlock ? server.fromBlock : again;
    const last = fromBlock + MOST_BLOCKS - 1n;
    const toBlock = last > newest ? newest : last;
    const logs = await chain.logs(to, fromBlock, toBlock);
    for (const { args, blockNumber } of parseEventLogs({
      abi: settlementAbi,
      eventName: 'EscrowOpened',
      logs: [...logs],
    })) {
      const id = args.escrow;
      if (!args.needsReceipt || open.has(id) || done.has(id)) continue;
      // What there is no room for is found again, once there is.
      if (open.size >= limits.hostPending) {
        nextBlock = blockNumber ?? nextBlock;
        return;
      }
      open.set(id, { id: bytes(id), input: bytes(args.input), answer: undefined, attempts: 0 });
    }
    nextBlock = toBlock + 1n;
    for (const [id, block] of done) if (block + 2n * REPLACEABLE < nextBlock) done.delete(id);
  }

  function finish(key: string): void {
    open.delete(key);
    done.set(key, nextBlock);
  }

  async function serveOne(key: string, asked: Asked, workers: readonly ReadyWorker[]): Promise<void> {
    const id = key as Hex;
    const escrow = await chain.read({ to, abi: settlementAbi, functionName: 'escrowOf', args: [id] });
    if (escrow.state !== ESCROW_OPEN) return finish(key);
    const choice = await chooseWorker(server, workers, asked, escrow);
    if ('skip' in choice) {
      server.onSkipped(asked.id, choice.skip);
      return finish(key);
    }
    asked.answer ??= await ask(server, choice.worker, asked, escrow);
    if (asked.answer === undefined) {
      server.onSkipped(asked.id, 'answer_refused');
      return finish(key);
    }
    const { output, bundle } = asked.answer;
    const args = [id, hex(output), loggedReceiptWords(bundle), '0x'] as const;
    server.onSent('fulfil', await chain.send({ to, abi: settlementAbi, functionName: 'fulfil', args }));
    finish(key);
  }

  return {
    async serve(workers) {
      await discover();
      for (const [key, asked] of [...open]) {
        try {
          await serveOne(key, asked, workers);
        } catch (error) {
          if (!(error instanceof PaymentError) || error.code !== 'transaction_reverted') throw error;
          // It may be fulfilled by somebody else, or the worker's evidence may just have ended: a few times, then never.
          asked.attempts += 1;
          if (asked.attempts < MOST_ATTEMPTS) continue;
          server.onSkipped(asked.id, 'given_up');
          finish(key);
        }
      }
    },
  };
}

interface EscrowTerms {
  readonly policy: Address;
  readonly resultVerifier: Address;
  readonly modelId: Hex;
  readonly inputHash: Hex;
  readonly unitPrice: bigint;
  readonly maxFee: bigint;
  readonly deadline: bigint;
}

type Choice = { readonly worker: ReadyWorker } | { readonly skip: SkipReason };

/** An answer is bound to the log that gave it: whoever has answered once stays the one that is asked about. */
async function chooseWorker(
  server: EscrowServer,
  workers: readonly ReadyWorker[],
  asked: Asked,
  escrow: EscrowTerms,
): Promise<Choice> {
  const { answer } = asked;
  const candidates = answer === undefined ? workers : workers.filter(({ log }) => equalBytes(log, answer.log));
  let skip: SkipReason = 'log_not_accepted';
  for (const worker of candidates) {
    const why = await reasonToSkip(server, worker, asked, escrow);
    if (why === undefined) return { worker };
    skip = why;
  }
  return { skip };
}

async function reasonToSkip(
  { chain, serves }: EscrowServer,
  { log, configuration }: ReadyWorker,
  { input }: Asked,
  escrow: EscrowTerms,
): Promise<SkipReason | undefined> {
  const { policies, resultVerifiers } = await serves();
  const { timestamp } = await chain.block();
  if (escrow.deadline < timestamp + SECONDS_NEEDED) return 'too_late';
  // The event is the node's word; what is paid for is what the contract keeps.
  if (hex(sha256(input)) !== escrow.inputHash) return 'input_mismatch';
  const price = unitPriceOf(configuration, bytes(escrow.modelId), operation.infer);
  if (price === undefined || escrow.unitPrice < price || escrow.maxFee < price) return 'price_too_low';
  if (!(await isKnown(chain, escrow.policy, policies))) return 'policy_not_served';
  if (!(await isKnown(chain, escrow.resultVerifier, resultVerifiers))) return 'result_verifier_not_served';
  const question = { to: escrow.policy, abi: policyAbi, functionName: 'accepts', args: [hex(log)] } as const;
  return (await chain.read(question)) ? undefined : 'log_not_accepted';
}

async function isKnown(chain: SettlementChain, address: Address, known: readonly KnownContract[]): Promise<boolean> {
  const entry = known.find((candidate) => candidate.address.toLowerCase() === address.toLowerCase());
  return entry !== undefined && (await chain.codeHash(address)) === entry.codeHash;
}

/** DESIGN section 8: every word of the header follows from what the contract keeps; the host has nothing to choose. */
async function ask(
  { workers }: EscrowServer,
  { log }: ReadyWorker,
  { id, input }: Asked,
  escrow: EscrowTerms,
): Promise<Asked['answer']> {
  const modelId = bytes(escrow.modelId);
  const header = encodeRequestHeader({
    requestId: id,
    modelId,
    operation: operation.infer,
    format: format.integers,
    jsonLength: 0n,
    flags: flag.disclose,
    salt: id,
    channel: new Uint8Array(32),
    unitPrice: escrow.unitPrice,
    maxFee: escrow.maxFee,
    deadline: escrow.deadline,
    seed: sha256(id),
  });
  const { answer } = await workers.plain(modelId, concatBytes(header, input), { log });
  const { bundle: encoded, body } = answer;
  const bundle = decodeBundle(encoded);
  return decodeReceipt(bundle.receipt).status === status.ok ? { log, output: body, bundle } : undefined;
}

function bytes(text: Hex): Uint8Array {
  return fromHex(text.slice(2).toLowerCase());
}
