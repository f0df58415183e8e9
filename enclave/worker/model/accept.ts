import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { equalBytes } from '../../../wire/bytes.ts';

/** A model process that is about to arrive on a socket of its own. */
export interface Arrival {
  readonly socket: Promise<Socket>;
  /** Stops waiting. */
  cancel(): void;
}

/**
 * Listens for exactly one connection: the one whose first bytes are `token`. Whoever else finds the path is cut off,
 * and with the right one the path is gone.
 */
export async function awaitChild(path: string, token: Uint8Array): Promise<Arrival> {
  const server = createServer();
  const strangers = new Set<Socket>();
  const cancel = (): void => {
    server.close();
    for (const stranger of strangers) stranger.destroy();
  };
  const socket = new Promise<Socket>((resolve) => {
    server.on('connection', (candidate) => {
      strangers.add(candidate);
      candidate.on('close', () => strangers.delete(candidate));
      candidate.on('error', () => candidate.destroy());
      const greet = (): void => {
        const greeting = candidate.read(token.length) as Uint8Array | null;
        if (greeting === null) return;
        candidate.off('readable', greet);
        if (!equalBytes(greeting, token)) {
          candidate.destroy();
          return;
        }
        strangers.delete(candidate);
        cancel();
        resolve(candidate);
      };
      candidate.on('readable', greet);
    });
  });
  server.maxConnections = 4;
  server.listen(path);
  await once(server, 'listening');
  return { socket, cancel };
}
