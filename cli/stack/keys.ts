import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { publicPoint } from '../../wire/crypto/node-sign.ts';

export interface ReleaseKey {
  readonly privateKey: KeyObject;
  /** x || y: the name of the publisher. */
  readonly owner: Uint8Array;
}

/** A publisher's key for the demo model, made once per state folder. Two processes that start at once agree on one key. */
export async function openReleaseKey(path: string): Promise<ReleaseKey> {
  const pem = (await readIfThere(path)) ?? (await create(path));
  const privateKey = createPrivateKey(pem);
  return { privateKey, owner: publicPoint(privateKey).slice(1) };
}

async function create(path: string): Promise<string> {
  // Encoded at once: in Node 20 a generated key that is exported while its generator is collected can block for ever.
  const { privateKey: pem } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, pem, { mode: 0o600, flag: 'wx' });
  try {
    // A link fails where the name exists: the first one wins, and nobody reads half a key.
    await link(draft, path);
    return pem;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFile(path, 'utf8');
  } finally {
    await rm(draft, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
