import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { SimulatorError } from './errors.ts';

/**
 * One supervisor for one state directory. The lock is a name in Linux's abstract socket namespace: the kernel gives it
 * to one process and takes it back when that process ends, however it ends, so no lock is ever left behind.
 */
export function lockDirectory(directory: string): Promise<{ readonly release: () => void }> {
  const name = `\0proofmark-supervisor-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new SimulatorError('already_running', `another supervisor uses ${directory}`) : error);
    });
    server.listen(name, () => {
      server.unref();
      resolve({ release: () => void server.close() });
    });
  });
}
