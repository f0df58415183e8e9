import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { CommandError } from '../exit-codes.ts';

/** Where the host of `up` and the packaged service of a hub (deploy/proofmark-hub.service) listen. */
export const HOST_PORT = 8_790;
export const HUB_PORT = 8_791;

/**
 * Below what Linux (32768), the BSDs and Windows (49152) give to outgoing connections: a port that is free between two
 * processes which listen on it must not go to one of those meanwhile. Above what services are known by.
 */
export const FIRST_PORT = 20_000;
export const LAST_PORT = 32_000;
const TRIES = 64;

/** A free port for something that must come back on it: it is chosen before that starts, and again free while it restarts. */
export async function choosePort(isFree: (port: number) => Promise<boolean> = canListen): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
  throw new CommandError(`none of ${TRIES} ports between ${FIRST_PORT} and ${LAST_PORT} is free`);
}

export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
