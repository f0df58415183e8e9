import { ModelError } from './errors.ts';
import type { ModelProcess } from './process.ts';

/** Keeps one model running: a process that ended is replaced, and never are there two, which would share one limit. */
export interface Keeper<Info> {
  /** A process that can take a request: the old one, or a new one after the old has ended. */
  ready(): Promise<ModelProcess<Info>>;
  readonly closed: boolean;
  close(): void;
}

export function keepProcess<Info>(first: ModelProcess<Info>, start: () => Promise<ModelProcess<Info>>): Keeper<Info> {
  let current: Promise<ModelProcess<Info>> = Promise.resolve(first);
  let closed = false;
  let asked = false;
  watch(first);

  function replace(): Promise<ModelProcess<Info>> {
    current = current.then(
      (process) => (process.alive ? process : process.exited.then(restart)),
      () => restart(),
    );
    return current;
  }

  async function restart(): Promise<ModelProcess<Info>> {
    if (closed) throw unloaded();
    const process = await start();
    if (closed) process.kill();
    watch(process);
    return process;
  }

  /**
   * A process that ended is replaced at once, so that the next request finds one. Not where it never got a request: a
   * process that dies by itself would be replaced for ever.
   */
  function watch(process: ModelProcess<Info>): void {
    asked = false;
    void process.exited.then(() => {
      if (asked && !closed) replace().catch(() => undefined);
    });
  }

  return {
    async ready() {
      const process = await replace();
      if (closed) throw unloaded();
      asked = true;
      return process;
    },
    get closed() {
      return closed;
    },
    close() {
      closed = true;
      current.then(
        (process) => process.kill(),
        () => undefined,
      );
    },
  };
}

export function unloaded(): ModelError {
  return new ModelError('model_unloaded', 'the model was unloaded');
}
