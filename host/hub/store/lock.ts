import { closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { HubStartError } from '../errors.ts';

/**
 * One hub for one store: a second one would sweep away what the first is receiving. The lock is a socket in the store on
 * which its hub listens, so that it ends with the process however that ends, and holds over containers too.
 */
export async function lockStore(root: string): Promise<() => Promise<void>> {
  const folder = openSync(root, 'r');
  // A socket's own path may be long; 108 bytes are all that the kernel takes of one.
  const path = `/proc/self/fd/${folder}/lock`;
  try {
    if (await isAnswered(path)) throw new HubStartError('store_in_use', `another hub has ${root}`);
    rmSync(path, { force: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return async () => {
      await new Promise((resolve) => server.close(resolve));
      closeSync(folder);
    };
  } catch (cause) {
    closeSync(folder);
    if (cause instanceof HubStartError) throw cause;
    throw new HubStartError('store_invalid', `cannot lock ${root}: ${(cause as Error).message}`, { cause });
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
