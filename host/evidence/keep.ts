import { toHex } from '../../wire/bytes.ts';
import { type Evidence, encodeEvidence } from '../../wire/message/evidence.ts';
import type { Attested } from '../../wire/message/link.ts';
import { type EventSink, EvidenceError, LinkError } from '../errors.ts';
import { type Journal, JournalError, logOf } from '../journal/index.ts';
import type { ReadyWorker } from '../worker-link.ts';
import type { AssembleEvidence } from './assemble.ts';

/** Long after a worker is gone, its receipts are worth what the evidence of its time is worth: the first is kept. */
export interface EvidenceKeeper {
  /** What the host asked for itself. */
  attested(worker: ReadyWorker, attested: Attested): Promise<void>;
  /** A client's evidence is as good as the host's own, which may have come too early: certificates can be missing. */
  readonly assemble: AssembleEvidence;
}

export function createEvidenceKeeper(options: {
  readonly journal: Journal;
  readonly assemble: AssembleEvidence;
  readonly onEvent: EventSink;
}): EvidenceKeeper {
  const { journal, assemble, onEvent } = options;

  async function keepFirst(log: Uint8Array, make: () => Promise<Evidence>): Promise<void> {
    if (journal.evidence(log) !== undefined) return;
    try {
      await journal.saveEvidence(log, encodeEvidence(await make()));
      onEvent({ event: 'evidence_saved', log: toHex(log) });
    } catch (error) {
      const known = error instanceof LinkError || error instanceof JournalError || error instanceof EvidenceError;
      onEvent({ event: 'evidence_failed', code: known ? error.code : 'internal' });
    }
  }

  return {
    attested: ({ log, info }, attested) => keepFirst(log, () => assemble(attested, info)),
    async assemble(attested, info) {
      const evidence = await assemble(attested, info);
      void keepFirst(logOf(info), async () => evidence);
      return evidence;
    },
  };
}
