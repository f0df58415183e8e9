import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SimulatorError } from '../errors.ts';
import { createPieceReader, encodeCredit, encodeData, encodePiece, type Piece, WINDOW_BYTES } from './pieces.ts';

/**
 * The outer end of the port to a machine's worker: hosts connect to a socket here as they do to a worker beside them, and
 * the newest connection wins as it does there. Each connection is a session of its own (pieces.ts).
 */
export interface PortLink {
  /** Resolves once the worker listens; rejects when the port ends or breaks its protocol before. */
  readonly workerListens: Promise<void>;
  /** Takes hosts from here on. */
  readonly listen: (socketPath: string) => Promise<void>;
  readonly close: () => void;
}

export interface PortLinkOptions {
  readonly port: Duplex;
  /** The port ended, or what came cannot be continued. */
  readonly onEnd: (error: SimulatorError) => void;
}

/** Sessions are numbered from one, and the number has four bytes: a machine does not live that long. */
const LAST_SESSION = 0xffff_ffff;
const CREDIT_STEP = WINDOW_BYTES / 4;

interface Session {
  readonly number: number;
  readonly host: Socket;
  /** Bytes that may still go to the worker. */
  credit: number;
  /** Bytes that came from the worker, by whether the host's socket has taken them. */
  unread: number;
  taken: number;
}

export function openPortLink({ port, onEnd }: PortLinkOptions): PortLink {
  let current: Session | undefined;
  let numbers = 0;
  let announce = (): void => {};
  let fail = (_error: SimulatorError): void => {};
  const workerListens = new Promise<void>((resolve, reject) => {
    announce = resolve;
    fail = reject;
  });
  workerListens.catch(() => {});

  const server = createServer((host) => {
    current?.host.destroy();
    if (numbers === LAST_SESSION) {
      host.destroy();
      return;
    }
    numbers += 1;
    const session: Session = { number: numbers, host, credit: WINDOW_BYTES, unread: 0, taken: 0 };
    current = session;
    port.write(encodePiece('open', session.number));
    host.on('readable', () => forward(session));
    host.on('error', () => host.destroy());
    host.on('close', () => {
      if (current !== session) return;
      current = undefined;
      port.write(encodePiece('close', session.number));
    });
  });

  /** Reads no more than may be sent: what the worker does not take stays with the host. */
  function forward(session: Session): void {
    while (session === current && session.credit > 0) {
      const available = Math.min(session.host.readableLength, session.credit);
      const data = available === 0 ? null : (session.host.read(available) as Uint8Array | null);
      if (data === null) {
        // Nothing to send, or the end of the stream, which only a further read notices.
        if (session.host.readableLength === 0) session.host.read(0);
        return;
      }
      session.credit -= data.length;
      port.write(encodeData(session.number, data));
    }
  }

  function receive(piece: Piece): void {
    if (piece.kind === 'ready') {
      announce();
      return;
    }
    if (piece.kind === 'open') throw new SimulatorError('machine_protocol', 'a machine opens no session');
    const session = current;
    // Of a session that has ended: this is what the number is for.
    if (session === undefined || piece.session !== session.number) return;
    switch (piece.kind) {
      case 'close':
        current = undefined;
        session.host.end();
        break;
      case 'credit':
        session.credit += piece.credit;
        if (session.credit > WINDOW_BYTES) throw new SimulatorError('machine_protocol', 'more credit than was used');
        forward(session);
        break;
      case 'data':
        deliver(session, piece.data);
        break;
    }
  }

  function deliver(session: Session, data: Uint8Array): void {
    session.unread += data.length;
    if (session.unread + session.taken > WINDOW_BYTES)
      throw new SimulatorError('machine_protocol', 'no credit for this');
    session.host.write(data, () => {
      session.unread -= data.length;
      session.taken += data.length;
      if (session !== current || session.taken < CREDIT_STEP) return;
      port.write(encodeCredit(session.number, session.taken));
      session.taken = 0;
    });
  }

  function end(error: SimulatorError): void {
    fail(error);
    close();
    onEnd(error);
  }

  function close(): void {
    server.close();
    const session = current;
    current = undefined;
    session?.host.destroy();
    port.destroy();
  }

  const reader = createPieceReader(receive);
  port.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof SimulatorError)) throw error;
      end(error);
    }
  });
  const ended = (): void => end(new SimulatorError('machine_failed', 'its port to the worker closed'));
  port.on('error', () => port.destroy()).once('close', ended);

  return {
    workerListens,
    listen: (socketPath) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(socketPath, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    close: () => {
      port.off('close', ended);
      close();
    },
  };
}
