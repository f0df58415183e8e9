import { createServer, type Server, type Socket } from 'node:net';
import { concatBytes, readU32, u32 } from '../../wire/bytes.ts';

/**
 * Serves one software device on a unix socket: u32 length || message, answered in order. A device belongs to one boot
 * of one worker, so the first connection takes it: the socket goes away, and what runs beside the worker in the same
 * sandbox (a model, DESIGN section 7) finds nothing to connect to.
 */
export interface DeviceServer {
  /** Resolves when the worker has gone, or after `close`. */
  readonly finished: Promise<void>;
  readonly close: () => void;
}

export interface DeviceOptions {
  readonly socketPath: string;
  readonly maxRequestBytes: number;
  /** Never throws: a device answers everything that its driver lets through. */
  readonly respond: (request: Uint8Array) => Uint8Array;
}

const LENGTH_BYTES = 4;

export async function serveDevice(options: DeviceOptions): Promise<DeviceServer> {
  let connection: Socket | undefined;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = createServer((socket) => {
    if (connection !== undefined) {
      socket.destroy();
      return;
    }
    connection = socket;
    server.close();
    serveConnection(socket, options);
    socket.on('close', finish);
  });
  await listening(server, options.socketPath);
  return {
    finished,
    close: () => {
      server.close();
      if (connection === undefined) finish();
      else connection.destroy();
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serveConnection(socket: Socket, { maxRequestBytes, respond }: DeviceOptions): void {
  let pending: Uint8Array = new Uint8Array(0);

  function answerWhatIsComplete(): void {
    while (pending.length >= LENGTH_BYTES && !socket.destroyed) {
      const length = readU32(pending, 0);
      if (length > maxRequestBytes) {
        // The real driver refuses such a call before the device sees it, and nothing after it can be framed.
        socket.destroy();
        return;
      }
      const end = LENGTH_BYTES + length;
      if (pending.length < end) return;
      const response = respond(pending.subarray(LENGTH_BYTES, end));
      pending = pending.subarray(end);
      if (!socket.write(concatBytes(u32(response.length), response))) {
        // Answers are longer than questions: who asks and does not read must not fill this process.
        socket.pause();
        socket.once('drain', () => {
          answerWhatIsComplete();
          socket.resume();
        });
        return;
      }
    }
  }

  socket.on('data', (chunk: Uint8Array) => {
    pending = concatBytes(pending, chunk);
    answerWhatIsComplete();
  });
  // A worker that is killed resets the stream; `close` follows and says all there is to say.
  socket.on('error', () => {});
}
