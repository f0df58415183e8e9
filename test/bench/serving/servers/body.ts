import type { IncomingMessage, ServerResponse } from 'node:http';
import { INPUTS } from './listen.ts';

const BYTES = 4 * INPUTS;

/** Reads the raw floats of one row, and answers for the caller where they are not that. */
export function readRow(request: IncomingMessage, response: ServerResponse, take: (row: Float32Array) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    if (size !== BYTES || request.method !== 'POST') {
      response.writeHead(400).end();
      return;
    }
    const row = new Float32Array(INPUTS);
    let offset = 0;
    const bytes = new Uint8Array(row.buffer);
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    take(row);
  });
}

export function answerRow(response: ServerResponse, values: Float32Array): void {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length });
  response.end(bytes);
}

export function answerFailure(response: ServerResponse): void {
  response.writeHead(500).end();
}
