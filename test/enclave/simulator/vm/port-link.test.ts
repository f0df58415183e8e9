import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex, type Writable } from 'node:stream';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatorError } from '../../../../enclave/simulator/errors.ts';
import {
  createPieceReader,
  DATA_BYTES,
  encodeCredit,
  encodeData,
  encodePiece,
  type Piece,
  pieceKind,
  WINDOW_BYTES,
} from '../../../../enclave/simulator/vm/pieces.ts';
import { openPortLink, type PortLink } from '../../../../enclave/simulator/vm/port-link.ts';
import { concatBytes, u32 } from '../../../../wire/bytes.ts';
import { scratchFolder } from './support/bridge.ts';

function readAll(bytes: Uint8Array, cuts: readonly number[] = []): readonly Piece[] {
  const pieces: Piece[] = [];
  const reader = createPieceReader((piece) => pieces.push(piece));
  let at = 0;
  for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
    reader.push(bytes.subarray(at, Math.min(cut, bytes.length)));
    at = Math.min(cut, bytes.length);
  }
  return pieces;
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'nothing thrown';
  } catch (error) {
    if (error instanceof SimulatorError) return error.code;
    throw error;
  }
}

describe('pieces', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    const bytes = fc.uint8Array({ maxLength: 3 * DATA_BYTES });
    fc.assert(
      fc.property(bytes, fc.nat(0xffff_ffff), fc.array(fc.nat(100_000), { maxLength: 5 }), (data, session, cuts) => {
        const stream = concatBytes(
          encodePiece('open', session),
          encodeData(session, data),
          encodeCredit(session, data.length),
          encodePiece('close', session),
        );
        const pieces = readAll(stream, cuts);
        expect(pieces.every((piece) => piece.session === session)).toBe(true);
        expect(pieces.map(({ kind }) => kind).filter((kind) => kind !== 'data')).toEqual(['open', 'credit', 'close']);
        expect(Buffer.compare(concatBytes(...pieces.map((piece) => piece.data)), data)).toBe(0);
        expect(pieces.find(({ kind }) => kind === 'credit')?.credit).toBe(data.length);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['an unknown kind', [0, 1, 0]],
    ['another unknown kind', [6, 1, 0]],
    ['an opening with a length', [pieceKind.open, 1, 1]],
    ['an end with a length', [pieceKind.close, 1, 1]],
    ['a readiness with a length', [pieceKind.ready, 0, 1]],
    ['more data than a piece has', [pieceKind.data, 1, DATA_BYTES + 1]],
    ['more credit than there is', [pieceKind.credit, 1, WINDOW_BYTES + 1]],
  ])('are not read with %s', (_what, words) => {
    expect(codeOf(() => readAll(concatBytes(...words.map(u32))))).toBe('machine_protocol');
  });

  it('end a link by any other bytes with a typed error, or are pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['machine_protocol', 'nothing thrown']).toContain(codeOf(() => readAll(bytes)));
      }),
    );
  });
});

/** The machine’s end of the port, by hand. */
interface Machine {
  readonly port: Duplex;
  readonly say: (bytes: Uint8Array) => void;
  readonly heard: Piece[];
}

function fakeMachine(): Machine {
  const heard: Piece[] = [];
  const reader = createPieceReader((piece) => heard.push(piece));
  const port = new Duplex({
    read: () => {},
    write: (chunk: Uint8Array, _encoding, done) => {
      reader.push(chunk);
      done();
    },
  } satisfies ConstructorParameters<typeof Writable>[0] & { read: () => void });
  return { port, say: (bytes) => void port.push(bytes), heard };
}

describe('the launcher’s end of the port', () => {
  let machine: Machine;
  let link: PortLink;
  let path: string;
  let ended: SimulatorError | undefined;
  let remove: () => Promise<void>;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    const scratch = await scratchFolder();
    remove = scratch.remove;
    path = join(scratch.folder, 'link.sock');
    machine = fakeMachine();
    ended = undefined;
    link = openPortLink({
      port: machine.port,
      onEnd: (error) => {
        ended = error;
      },
    });
    await link.listen(path);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    link.close();
    await remove();
  });

  function host(): Socket {
    const socket = connect(path);
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  }
  const kinds = (): readonly string[] => machine.heard.map(({ kind, session }) => `${kind} ${session}`);

  it('says when the worker listens, and not before', async () => {
    let listens = false;
    void link.workerListens.then(() => {
      listens = true;
    });
    await new Promise(setImmediate);
    expect(listens).toBe(false);
    machine.say(encodePiece('ready', 0));
    await link.workerListens;
  });

  it('numbers hosts, and drops what was meant for one that is gone', async () => {
    const first = host();
    await expect.poll(kinds).toEqual(['open 1']);
    first.destroy();
    await expect.poll(kinds).toEqual(['open 1', 'close 1']);
    const second = host();
    const heard: string[] = [];
    second.on('data', (chunk) => heard.push(String(chunk)));
    await expect.poll(kinds).toContain('open 2');
    machine.say(
      concatBytes(encodeData(1, Buffer.from('old')), encodeData(2, Buffer.from('new')), encodePiece('close', 1)),
    );
    await expect.poll(() => heard.join('')).toBe('new');
    expect(second.destroyed).toBe(false);
    machine.say(encodePiece('close', 2));
    await expect.poll(() => second.destroyed).toBe(true);
  });

  it('sends no more than the window until the machine gives credit', async () => {
    const sent = (): number => machine.heard.reduce((sum, { data }) => sum + data.length, 0);
    host().write(new Uint8Array(2 * WINDOW_BYTES));
    await expect.poll(sent).toBe(WINDOW_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent()).toBe(WINDOW_BYTES);
    machine.say(encodeCredit(1, 1_000));
    await expect.poll(sent).toBe(WINDOW_BYTES + 1_000);
  });

  it.each([
    ['opens a session', () => encodePiece('open', 1)],
    ['gives credit that was not used', () => encodeCredit(1, 1)],
    ['sends more than the window', () => encodeData(1, new Uint8Array(WINDOW_BYTES + 1))],
    ['says nothing that is a piece', () => new Uint8Array(12).fill(0xff)],
  ])('ends a machine that %s', async (_what, bytes) => {
    host().pause();
    await expect.poll(kinds).toEqual(['open 1']);
    machine.say(bytes());
    await expect.poll(() => ended?.code).toBe('machine_protocol');
    await expect(link.workerListens).rejects.toThrow(/machine_protocol/);
  });
});
