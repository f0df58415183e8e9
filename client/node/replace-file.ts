import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a file as a whole: after a crash or a power cut at any moment it is the old one or the new one. */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  const draft = `${path}.draft`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  try {
    // The new name must survive a power cut like the bytes behind it.
    await folder.sync();
  } finally {
    await folder.close();
  }
}
