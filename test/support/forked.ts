import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';

/** A file of the tests as a process of its own that does one job after the other, so that its work is on its own account. */
export interface Forked<Job, Event, Result> {
  readonly pid: number;
  run(job: Job, onEvent?: (event: Event) => void): Promise<Result>;
  stop(): Promise<void>;
}

type Message<Event, Result> =
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'result'; readonly result: Result }
  | { readonly kind: 'failed'; readonly message: string };

export function startForked<Job, Event, Result>(file: string): Forked<Job, Event, Result> {
  const child: ChildProcess = fork(file, {
    execArgv: ['--import', createRequire(import.meta.url).resolve('tsx')],
    serialization: 'advanced',
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    pid: child.pid ?? 0,
    run: (job, onEvent) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void): void => {
          child.off('message', onMessage).off('exit', onExit);
          finish();
        };
        const onExit = (): void => settle(() => reject(new Error(`${file} ended`)));
        const onMessage = (message: Message<Event, Result>): void => {
          if (message.kind === 'event') onEvent?.(message.event);
          else if (message.kind === 'result') settle(() => resolve(message.result));
          else settle(() => reject(new Error(message.message)));
        };
        child.on('message', onMessage).on('exit', onExit);
        if (!child.connected) onExit();
        else child.send(job as object);
      }),
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The other side: it ends when its parent does, or lets go of it. */
export function serveJobs<Job, Event, Result>(run: (job: Job, tell: (event: Event) => void) => Promise<Result>): void {
  const send = (message: Message<Event, Result>): void => {
    process.send?.(message);
  };
  process.on('message', (job: Job) => {
    run(job, (event) => send({ kind: 'event', event })).then(
      (result) => send({ kind: 'result', result }),
      (error: unknown) => {
        send({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
  // The parent may have gone while this file was loaded.
  if (!process.connected) process.exit(0);
}
