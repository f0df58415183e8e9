import { toHex } from '../wire/bytes.ts';
import { readOptions } from './arguments.ts';
import { type HostEvent, StartError } from './errors.ts';
import { startHost } from './host.ts';

/** One JSON line on standard output says that the host serves; events go to standard error, a line each. */
function log(event: HostEvent): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}

async function main(): Promise<void> {
  const host = await startHost({ ...readOptions(process.argv.slice(2)), onEvent: log });
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void host.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const worker = await host.ready.catch(() => undefined);
  if (worker === undefined) return;
  process.stdout.write(`${JSON.stringify({ ready: true, url: host.url, log: toHex(worker.log) })}\n`);
}

main().catch((error: unknown) => {
  const code = error instanceof StartError ? error.code : 'internal';
  const message = error instanceof StartError ? error.message : String((error as { readonly stack?: string })?.stack);
  process.stderr.write(`${JSON.stringify({ event: 'start_failed', code, message })}\n`);
  process.exit(1);
});
