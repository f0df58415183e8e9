import { ModelError } from './errors.ts';
import { type Keeper, unloaded } from './keeper.ts';
import { type GenerationLimits, generate } from './language-process.ts';
import type { Generated, GenerationOrder, LanguageInfo } from './messages.ts';

export interface LanguageModel {
  readonly modelId: Uint8Array;
  readonly info: LanguageInfo;
  /**
   * Generations join those that run as soon as the process has room; until then they wait in line. How many may wait is
   * bounded by whoever calls.
   */
  generate(order: GenerationOrder, limits: GenerationLimits): Promise<Generation>;
  /** Takes no more, and ends the process once what waits is done. */
  retire(): void;
  close(): void;
}

export interface Generation extends Generated {
  /** Its time was over before its end. */
  readonly late: boolean;
}

export function serveLanguage(keeper: Keeper<LanguageInfo>, modelId: Uint8Array, info: LanguageInfo): LanguageModel {
  const waiting: (() => void)[] = [];
  let running = 0;
  let retired = false;
  let nextRequest = 1;

  async function place(signal: AbortSignal): Promise<void> {
    if (running < info.capacity) {
      running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const take = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(take), 1);
        reject(new ModelError('model_cancelled', 'nobody waits for it'));
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(take);
    });
  }

  /** The place goes to the next in line, or is free. */
  function leave(): void {
    const next = waiting.shift();
    if (next !== undefined) next();
    else running -= 1;
    if (retired && running === 0) keeper.close();
  }

  return {
    modelId,
    info,
    async generate(order, limits) {
      if (keeper.closed || retired) throw unloaded();
      if (limits.signal.aborted) throw new ModelError('model_cancelled', 'nobody waits for it');
      await place(limits.signal);
      try {
        const process = await keeper.ready();
        const generation = await generate(process, nextRequest++, order, limits);
        if (generation.promptTokens + generation.completionTokens > order.maxUnits) {
          throw new ModelError('model_failed', 'the process generated more than it was asked for');
        }
        return generation;
      } finally {
        leave();
      }
    },
    retire() {
      retired = true;
      if (running === 0) keeper.close();
    },
    close: () => keeper.close(),
  };
}
