import { createReadStream } from 'node:fs';
import { CommandError } from '../exit-codes.ts';

/** The whole input, or `too-large` once it has more than `maxBytes`: no more than that is ever held. `-` is standard input. */
export async function readSource(path: string, maxBytes: number): Promise<Uint8Array | 'too-large'> {
  const stream = path === '-' ? process.stdin : createReadStream(path);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) return 'too-large';
      chunks.push(chunk);
    }
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

export async function readSmallFile(path: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readSource(path, maxBytes);
  if (bytes === 'too-large') throw new CommandError(`${path} has more than ${maxBytes} bytes`);
  return bytes;
}
