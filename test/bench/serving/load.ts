import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BenchError } from '../report.ts';

export interface LoadJob {
  readonly port: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Whole HTTP requests, sent in turn. */
  readonly requests: readonly Uint8Array[];
  /** Sealed records may be sent once; then the measurement ends early where there are no more. */
  readonly once: boolean;
  /** One in so many answers is handed back, to be judged when nothing is timed any more. */
  readonly keepEvery: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly count: number;
  /** Milliseconds, of every answer. */
  readonly latencies: Float64Array;
  readonly statuses: Readonly<Record<string, number>>;
  readonly kept: readonly { readonly index: number; readonly answer: Uint8Array }[];
}

export type LoadMessage =
  | { readonly kind: 'begin' }
  | { readonly kind: 'end' }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };

export interface LoadGenerator {
  /** `onEdge` is called where the measured time begins and where it ends. */
  run(job: LoadJob, onEdge: (edge: 'begin' | 'end') => void): Promise<LoadResult>;
  stop(): void;
}

/** In a process of its own, so that its work is on no server's account. */
export function startLoadGenerator(): LoadGenerator {
  const child: ChildProcess = fork(join(import.meta.dirname, 'load-main.ts'), {
    execArgv: ['--import', createRequire(import.meta.url).resolve('tsx')],
    serialization: 'advanced',
  });
  return {
    run: (job, onEdge) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void): void => {
          child.off('message', onMessage).off('exit', onExit);
          finish();
        };
        const onExit = (): void => settle(() => reject(new BenchError('load_failed', 'the load generator ended')));
        const onMessage = (message: LoadMessage): void => {
          switch (message.kind) {
            case 'begin':
            case 'end':
              onEdge(message.kind);
              break;
            case 'result':
              settle(() => resolve(message.result));
              break;
            case 'failed':
              settle(() => reject(new BenchError('load_failed', message.message)));
              break;
          }
        };
        child.on('message', onMessage).on('exit', onExit);
        child.send(job);
      }),
    stop: () => child.disconnect(),
  };
}
