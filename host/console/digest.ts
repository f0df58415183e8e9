import { createHash } from 'node:crypto';

/**
 * SHA-256 over the lines `<sha256 of the file>  <name>\n`, by name. So `sha256sum * | sha256sum` in the folder, with names
 * in the order of their bytes, says the same.
 */
export function digestOf(files: ReadonlyMap<string, Uint8Array>): string {
  const names = [...files.keys()].sort();
  const lines = names.map((name) => `${sha256(files.get(name) ?? new Uint8Array(0))}  ${name}\n`);
  return sha256(lines.join(''));
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
