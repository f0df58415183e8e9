import { startHub } from './hub.ts';
import { createHubLog } from './log.ts';
import type { HubSettings } from './options.ts';

/**
 * Runs a hub until it is told to stop. One JSON line says that it serves; the log goes to standard error. SIGHUP reads the
 * file of publishers again.
 */
export async function serveHubUntilStopped(settings: HubSettings, write: (text: string) => void): Promise<void> {
  const { logLevel, ...options } = settings;
  const toErrors = (line: string): void => void process.stderr.write(line);
  const hub = await startHub({
    ...options,
    onEvent: createHubLog({ level: logLevel, write: toErrors, now: () => new Date() }),
  });
  const { url, origin, metricsUrl } = hub;
  process.on('SIGHUP', hub.reload);
  write(`${JSON.stringify({ ready: true, url, origin, metrics: metricsUrl ?? null })}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await hub.close();
  process.off('SIGHUP', hub.reload);
}
