import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { LAST_COUNTER, type RecordPlace } from './record.ts';

/** Which numbers a session has seen, gives out and expects next (DESIGN section 5). */
export interface ReplayWindow {
  /** Throws `record_replayed`. Ask only about a record that was opened: a forged number must not move the window. */
  accept(request: number): void;
}

export function createReplayWindow(): ReplayWindow {
  const size = limits.sessionWindow;
  const seen = new Uint8Array(size / 8);
  let newest = -1;

  const bit = (request: number): readonly [index: number, mask: number] => {
    const position = request % size;
    return [position >> 3, 1 << (position & 7)];
  };

  /** Forgets what leaves the window: at most one pass over it, however far the numbers jump. */
  const advance = (request: number): void => {
    if (request - newest >= size) {
      seen.fill(0);
    } else {
      for (let passed = newest + 1; passed <= request; passed++) {
        const [index, mask] = bit(passed);
        seen[index] = (seen[index] as number) & ~mask;
      }
    }
    newest = request;
  };

  return {
    accept(request) {
      checkNumber(request);
      if (request <= newest - size) throw new WireError('record_replayed', `request ${request} is below the window`);
      if (request > newest) advance(request);
      const [index, mask] = bit(request);
      if (((seen[index] as number) & mask) !== 0) {
        throw new WireError('record_replayed', `request ${request} was accepted before`);
      }
      seen[index] = (seen[index] as number) | mask;
    },
  };
}

export interface RequestCounter {
  /** A number that this counter has not given before; throws `record_exhausted` when the session has to end. */
  next(): number;
}

/** One per session: two counters would seal two records at one place. */
export function createRequestCounter(first = 0): RequestCounter {
  let upcoming = first;
  return {
    next() {
      checkNumber(upcoming);
      return upcoming++;
    },
  };
}

export interface RecordSequence {
  /** Throws `record_invalid` for a record of another request, out of turn, or after the final one. */
  accept(place: RecordPlace): void;
  /** False when a stream stopped: what came so far is genuine, and not the whole. */
  readonly complete: boolean;
}

/** The chunks of one request in one direction: 0, 1, 2 ... up to the final one, each once. */
export function createRecordSequence(request: number): RecordSequence {
  let expected = 0;
  let complete = false;
  return {
    accept(place) {
      if (place.request !== request) {
        throw new WireError('record_invalid', `a record of request ${place.request} instead of ${request}`);
      }
      if (complete) throw new WireError('record_invalid', 'a record after the final one');
      if (place.chunk !== expected) {
        throw new WireError('record_invalid', `chunk ${place.chunk} came instead of ${expected}`);
      }
      expected += 1;
      complete = place.final;
    },
    get complete() {
      return complete;
    },
  };
}

function checkNumber(request: number): void {
  if (!Number.isInteger(request) || request < 0) {
    throw new WireError('integer_out_of_range', `${request} is not a request number`);
  }
  if (request > LAST_COUNTER) throw new WireError('record_exhausted', 'the session has no request numbers left');
}
