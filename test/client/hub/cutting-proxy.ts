import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A line between a client and a hub that breaks: bytes pass as they are until a test has it cut. */
export interface CuttingProxy {
  readonly url: string;
  target: number;
  /** How many bytes of each new connection still pass upwards; infinity for all of them. */
  budget: () => number;
  readonly cuts: number;
  close(): Promise<void>;
}

export async function startCuttingProxy(): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    keep(client);
    const upstream = keep(connect(proxy.target, '127.0.0.1'));
    let left = proxy.budget();
    client.on('data', (bytes) => {
      const passing = bytes.subarray(0, Math.max(0, left));
      left -= bytes.length;
      upstream.write(passing);
      if (left > 0) return;
      cuts += 1;
      // What passed is delivered first; what is said to that is heard by nobody.
      upstream.removeAllListeners('data').resume();
      client.pause();
      upstream.end();
      setTimeout(() => client.destroy(), 5);
    });
    upstream.on('data', (bytes) => client.write(bytes));
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: 0,
    budget: () => Number.POSITIVE_INFINITY,
    get cuts() {
      return cuts;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return proxy;
}
