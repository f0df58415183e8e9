import { toHex } from '../wire/bytes.ts';
import { startHost } from './host.ts';
import { createLog } from './log.ts';
import type { HostSettings } from './options/read.ts';

/**
 * Runs a host until it is told to stop. One JSON line on standard output says that it serves; the log goes to standard
 * error. SIGHUP reads releases and keys again.
 */
export async function serveUntilStopped({ logLevel, ...options }: HostSettings): Promise<void> {
  const write = (line: string): void => void process.stderr.write(line);
  const log = createLog({ level: logLevel, write, now: () => new Date() });
  let request = 0;
  const host = await startHost({
    ...options,
    onEvent: log.write,
    onRequest: (ended) => log.write({ event: 'request', request: ++request, ...ended }),
  });
  const reload = (): void => void host.reload();
  process.on('SIGHUP', reload);
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
  process.off('SIGHUP', reload);
}
