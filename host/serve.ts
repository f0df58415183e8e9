import { toHex } from '../wire/bytes.ts';
import type { HostEvent } from './errors.ts';
import { type HostOptions, startHost } from './host.ts';

/** Runs a host until it is told to stop. One JSON line on standard output says that it serves; events go to standard error. */
export async function serveUntilStopped(options: Omit<HostOptions, 'onEvent'>): Promise<void> {
  const host = await startHost({ ...options, onEvent: report });
  const stopped = new Promise<void>((resolve) => {
    let stopping = false;
    const stop = (): void => {
      if (stopping) return;
      stopping = true;
      void host.close().then(resolve);
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });
  const worker = await host.ready.catch(() => undefined);
  if (worker !== undefined) {
    process.stdout.write(`${JSON.stringify({ ready: true, url: host.url, log: toHex(worker.log) })}\n`);
  }
  await stopped;
}

function report(event: HostEvent): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}
