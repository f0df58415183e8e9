import { open } from 'node:fs/promises';
import { CommandError } from '../exit-codes.ts';

/** A file that a person named, if it is no larger than such a file may be. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new CommandError(`${path} is no regular file`);
      const { size } = stat;
      if (size > maxBytes) throw new CommandError(`${path} has ${size} bytes; ${maxBytes} is the most`);
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
