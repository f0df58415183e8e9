import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoot, type Root } from './authority.ts';
import { SimulatorError } from './errors.ts';
import { generateP384, signingKey, systemChance } from './signing.ts';

/**
 * The simulated root of one machine: made on first use, kept for good, never shared. Two processes that start at once
 * end up with the same one, because it comes into being by one rename of a finished directory.
 */

const KEY = 'root.key.pem';
const CERTIFICATE = 'root.der';

export async function openRoot(stateDirectory: string, options: { readonly now: number }): Promise<Root> {
  const directory = join(stateDirectory, 'simulated-root');
  return (await readRoot(directory)) ?? (await makeRoot(stateDirectory, directory, options.now));
}

async function makeRoot(stateDirectory: string, directory: string, now: number): Promise<Root> {
  const draft = join(stateDirectory, `.simulated-root-${randomBytes(8).toString('hex')}`);
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const privateKey = generateP384();
    const { certificate } = createRoot({ now, key: signingKey(privateKey), chance: systemChance });
    await writePrivately(join(draft, KEY), privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    await writePrivately(join(draft, CERTIFICATE), certificate);
    await rename(draft, directory).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was first. Theirs is the root, whatever we made.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const root = await readRoot(directory);
  if (root === undefined) throw new SimulatorError('root_invalid', `${directory} went away while it was made`);
  return root;
}

async function writePrivately(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Returns undefined where no root was ever made; a damaged one is an error and is never replaced in silence. */
async function readRoot(directory: string): Promise<Root | undefined> {
  const keyPath = join(directory, KEY);
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  try {
    const { mode } = await stat(keyPath);
    if ((mode & 0o077) !== 0) throw new SimulatorError('root_unsafe', `${keyPath} can be read by other users`);
    const key = createPrivateKey(await readFile(keyPath));
    const certificate = new Uint8Array(await readFile(join(directory, CERTIFICATE)));
    requirePair(directory, key, certificate);
    return { certificate, key: signingKey(key) };
  } catch (error) {
    if (error instanceof SimulatorError) throw error;
    throw new SimulatorError('root_invalid', `${directory} cannot be read: ${(error as Error).message}`);
  }
}

function requirePair(directory: string, key: KeyObject, certificate: Uint8Array): void {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(key) || !parsed.verify(parsed.publicKey)) {
    throw new SimulatorError('root_invalid', `key and certificate in ${directory} do not belong together`);
  }
}
