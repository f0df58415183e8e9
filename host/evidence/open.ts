import { type EventSink, EvidenceError, StartError } from '../errors.ts';
import { type AssembleEvidence, createAssembler } from './assemble.ts';

/** Certificates that cannot be read keep a host from starting. */
export function openAssembler(certificates: string | undefined, onEvent: EventSink): AssembleEvidence {
  try {
    return createAssembler({ certificates: certificates ?? null, onEvent, now: () => performance.now() });
  } catch (error) {
    if (error instanceof EvidenceError)
      throw new StartError('certificates_unreadable', error.message, { cause: error });
    throw error;
  }
}
