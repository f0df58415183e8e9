import { spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { createFrameReader, encodeFrame, type Frame } from '../../../../wire/codec/frame.ts';
import { readRow } from './body.ts';
import { INPUTS, listen, OUTPUTS, openModel } from './listen.ts';

/**
 * What DESIGN asks of the shape alone: a host that is not trusted, a worker that holds the keys, and a model process that
 * holds nothing, with frames between them, batching, and headers as long as a receipt's. Nothing is hashed, signed,
 * journalled or checked, and nothing is bounded. No server of that shape is faster here, whatever it leaves out.
 */
const MOST_ROWS = 32;
const KIND = 1;
/** A request's header and a receipt with its proof, in base64url. */
const RECEIPT_HEADERS = { 'Proofmark-Request': 'A'.repeat(555), 'Proofmark-Receipt': 'A'.repeat(1_500) };

const [, program = '', modelFile = '', role = 'host', path = ''] = process.argv;
if (role === 'host') await host();
else if (role === 'worker') await worker();
else await model();

async function host(): Promise<void> {
  const worker = await child('worker');
  const waiting = new Map<number, (values: Uint8Array) => void>();
  const send = linked(worker, ({ id, payload }) => {
    waiting.get(id)?.(payload);
    waiting.delete(id);
  });
  let next = 1;
  listen((request, response) => {
    readRow(request, response, (row) => {
      const id = next;
      next = (next + 1) % 0xffff_ffff;
      waiting.set(id, (values) => {
        response.writeHead(200, {
          ...RECEIPT_HEADERS,
          'Content-Type': 'application/octet-stream',
          'Content-Length': values.length,
        });
        response.end(Buffer.from(values).toString('latin1'), 'latin1');
      });
      send({ id, kind: KIND, payload: new Uint8Array(row.buffer) });
    });
  });
}

async function worker(): Promise<void> {
  const computing = await child('model');
  const line: Frame[] = [];
  let batch: readonly Frame[] = [];
  let answer = (_: Frame): void => undefined;
  const compute = linked(computing, ({ payload }) => {
    batch.forEach(({ id }, place) => {
      answer({ id, kind: KIND, payload: payload.subarray(4 * OUTPUTS * place, 4 * OUTPUTS * (place + 1)) });
    });
    batch = [];
    run();
  });
  function run(): void {
    if (batch.length > 0 || line.length === 0) return;
    batch = line.splice(0, MOST_ROWS);
    const rows = Buffer.concat(batch.map(({ payload }) => payload));
    compute({ id: 1, kind: KIND, payload: rows });
  }
  answer = await served((frame) => {
    line.push(frame);
    run();
  });
}

async function model(): Promise<void> {
  const session = await openModel();
  const answer = await served(({ id, payload }) => {
    const rows = new Float32Array(Uint8Array.from(payload).buffer);
    void session.run({ input: new Tensor('float32', rows, [rows.length / INPUTS, INPUTS]) }).then((outputs) => {
      const { buffer, byteOffset, byteLength } = (outputs['logits'] as Tensor).data as Float32Array;
      answer({ id, kind: KIND, payload: new Uint8Array(buffer, byteOffset, byteLength) });
    });
  });
}

/** The next process, and the connection to it. It ends with this one, whose pipe it reads. */
function child(of: 'worker' | 'model'): Promise<Socket> {
  const socketPath = join(tmpdir(), `pm-floor-${process.pid}-${of}`);
  const started = spawn(process.execPath, [program, modelFile, of, socketPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve) => {
    started.stdout.once('data', () => {
      const socket = connect(socketPath, () => resolve(socket));
    });
  });
}

/** Waits for whoever started this process; gives what answers it. */
function served(onFrame: (frame: Frame) => void): Promise<(frame: Frame) => void> {
  process.stdin.on('end', () => process.exit(0)).resume();
  return new Promise((resolve) => {
    createServer((socket) => resolve(linked(socket, onFrame))).listen(path, () => process.stdout.write('ready\n'));
  });
}

/** Frames in, and frames out, those of one turn in one call. */
function linked(socket: Socket, onFrame: (frame: Frame) => void): (frame: Frame) => void {
  const reader = createFrameReader(1 << 24, onFrame);
  socket.on('data', (chunk: Uint8Array) => reader.push(chunk));
  let corked = false;
  return (frame) => {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(encodeFrame(frame));
  };
}
