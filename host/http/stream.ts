import { limits } from '../../wire/limits.ts';
import { begin } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** An answer that leaves in pieces as they come. Its link cannot be told to wait, so a reader must keep up. */
export interface AnswerStream {
  readonly begun: boolean;
  /** A reader that leaves too much lying here is cut off; the exchange's signal tells. */
  write(bytes: Uint8Array): void;
  end(): void;
}

export function openStream(exchange: Exchange, headers: readonly string[]): AnswerStream {
  const { response } = exchange;
  let waiting = 0;
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    write(bytes) {
      if (response.destroyed || bytes.length === 0) return;
      if (waiting + bytes.length > limits.streamBacklogBytes || !exchange.take(bytes.length)) {
        response.destroy();
        return;
      }
      if (!begun) begin(response, 200, headers);
      begun = true;
      waiting += bytes.length;
      response.write(bytes, () => {
        waiting -= bytes.length;
        exchange.give(bytes.length);
      });
    },
    end() {
      if (!response.destroyed) response.end();
    },
  };
}
