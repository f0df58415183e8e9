import type { KeyObject } from 'node:crypto';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import type { Entries } from '../../wire/message/link.ts';
import { encodeReceipt, encodeTreeHead, leafPreimage, type Receipt } from '../../wire/message/receipt.ts';
import { createFrontier } from '../../wire/tree/index.ts';

/** A receipt before the log has given it a place. */
export type ReceiptDraft = Omit<Receipt, 'index'>;

export interface TransparencyLog {
  /** Leaves under a signed head: what is still being signed was promised to nobody. */
  readonly size: number;
  readonly acknowledged: number;
  /**
   * Takes a place for one answer before any work is done for it; undefined means the log is full until the host
   * acknowledges (DESIGN section 4: full means the worker stops accepting).
   */
  reserve(): Reservation | undefined;
  acknowledge(count: number): void;
  /** Everything not yet acknowledged, as it was sent, for a host that reconnects. */
  unacknowledged(): readonly Entries[];
}

export interface Reservation {
  /** Appends the receipt and resolves once a head that covers it is signed. */
  record(draft: ReceiptDraft, execution: Uint8Array): Promise<ReceiptBundle>;
  /** Gives the place back when no receipt came of it. */
  release(): void;
}

export interface LogOptions {
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly log: Uint8Array;
  readonly signer: KeyObject;
  readonly capacity: number;
  /** Called with new receipts and their head before any `record` of them resolves, so that the journal comes first. */
  readonly onEntries: (entries: Entries) => void;
  /** A head could not be signed. Its leaves are in the tree and cannot be taken back: this key epoch is over. */
  readonly onFatal: (error: unknown) => void;
}

interface Waiting {
  readonly draft: ReceiptDraft;
  readonly execution: Uint8Array;
  /** Gives the reserved place back. */
  readonly close: () => void;
  readonly resolve: (bundle: ReceiptBundle) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Every worker is a transparency log of its own inferences. Only the tree's frontier and the unacknowledged leaves are
 * kept. Signing is adaptive: what finishes in one turn of the event loop shares a head, and there are no timers.
 */
export function createLog(options: LogOptions): TransparencyLog {
  const frontier = createFrontier();
  let waiting: Waiting[] = [];
  let signing = false;
  let failure: { readonly error: unknown } | undefined;
  let places = 0;
  let size = 0;
  let acknowledged = 0;
  let unsent: Entries[] = [];

  function signWaiting(): void {
    signing = false;
    const batch = waiting;
    waiting = [];
    try {
      signBatch(batch);
    } catch (error) {
      failure = { error };
      for (const lost of batch) giveUp(lost, error);
      options.onFatal(error);
    }
  }

  function giveUp({ close, reject }: Pick<Waiting, 'close' | 'reject'>, error: unknown): void {
    close();
    reject(error);
  }

  function signBatch(batch: readonly Waiting[]): void {
    const from = frontier.size;
    const receipts = batch.map(({ draft }, place) => encodeReceipt({ ...draft, index: BigInt(from + place) }));
    const proofs = frontier.append(receipts.map((receipt) => sha256(leafPreimage(receipt))));
    // From here on they count as leaves; counted as places too, they would fill the log twice.
    for (const { close } of batch) close();
    const head = encodeTreeHead({
      chainId: options.chainId,
      settlement: options.settlement,
      log: options.log,
      size: frontier.size,
      root: frontier.root(),
    });
    // Made here: to hand it to another thread and take it back costs this one half of a signature, and the machine two.
    const signature = signP256(options.signer, head);
    const entries: Entries = { from, receipts, executions: batch.map(({ execution }) => execution), head, signature };
    unsent.push(entries);
    size = frontier.size;
    options.onEntries(entries);
    batch.forEach(({ execution, resolve }, place) => {
      const receipt = receipts[place] as Uint8Array;
      const proof = proofs[place] as readonly Uint8Array[];
      resolve({ receipt, execution, proof, head, signature });
    });
  }

  return {
    get size() {
      return size;
    },
    get acknowledged() {
      return acknowledged;
    },
    reserve() {
      if (frontier.size + places - acknowledged >= options.capacity) return undefined;
      places += 1;
      let open = true;
      const close = (): void => {
        if (open) places -= 1;
        open = false;
      };
      return {
        record(draft, execution) {
          return new Promise((resolve, reject) => {
            if (failure !== undefined) {
              giveUp({ close, reject }, failure.error);
              return;
            }
            waiting.push({ draft, execution, close, resolve, reject });
            if (signing) return;
            signing = true;
            // In the next turn of the loop: answers of one batch come in one turn, and one head is enough for them.
            setImmediate(signWaiting);
          });
        },
        release: close,
      };
    },
    acknowledge(count) {
      // A host that acknowledges what it was not sent, or less than before, changes nothing.
      if (count > size || count <= acknowledged) return;
      acknowledged = count;
      unsent = unsent.filter((entries) => entries.from + entries.receipts.length > count);
    },
    unacknowledged: () => unsent,
  };
}
