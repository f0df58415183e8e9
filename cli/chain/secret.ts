import { open } from 'node:fs/promises';
import { ChainError } from './errors.ts';

const OTHERS = 0o077;
/** 0x, 64 digits and the end of a line; a file of more is another one. */
const KEY_FILE_BYTES = 128;

/** Of a file that nobody else on this machine may read: asked of the open file, so that another cannot take its place. */
export async function readSecret(path: string, maxBytes: number = KEY_FILE_BYTES): Promise<string> {
  const file = await open(path, 'r').catch((error: Error) => {
    throw new ChainError('key_unreadable', `cannot read ${path}: ${error.message}`);
  });
  try {
    const { mode, size } = await file.stat();
    if ((mode & OTHERS) !== 0) {
      throw new ChainError('key_open_to_others', `${path} can be read by others: chmod 600 ${path}`);
    }
    if (size > maxBytes) throw new ChainError('key_invalid', `${path} has more than ${maxBytes} bytes`);
    return (await file.readFile('utf8')).trim();
  } finally {
    await file.close();
  }
}
