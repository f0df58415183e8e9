import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectHub, fileMemory } from '../../client/index.ts';
import { type Hub, startHub } from '../../host/hub/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import type { Manifest, SignedRelease } from '../../wire/message/manifest.ts';
import { buildRelease, readDraft } from '../model/draft.ts';
import type { ServedRelease } from './demo-files.ts';
import { openReleaseKey } from './keys.ts';

/** A hub of this machine, and a model that went through it: published by the owner's key, pulled as a stranger would. */
export interface DemoRelease extends ServedRelease {
  readonly hub: Hub;
  readonly repository: string;
  readonly version: string;
  readonly manifest: Manifest;
  readonly signed: SignedRelease;
  readonly sentFiles: number;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

const NAMESPACE = 'demo';
/** A folder of `models/`. */
type ShippedModel = 'volatility-1h' | 'volatility-1h-int8';

/** `draft`: the folder of a release that nobody has signed yet. */
export async function openDemoRelease(
  state: string,
  draft: string = shippedDraft('volatility-1h'),
): Promise<DemoRelease> {
  const key = await openReleaseKey(join(state, 'publisher.pem'));
  const sign = async (message: Uint8Array): Promise<Uint8Array> => signP256(key.privateKey, message);
  const { manifest, encoded, modelId } = await buildRelease(draft, await readDraft(draft), key.owner);
  // A hub for each: whoever edits the draft and starts again would find its version taken, as it should be elsewhere.
  const folder = join(state, 'hub', toHex(modelId));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const publishers = join(folder, 'publishers.json');
  await writeFile(publishers, JSON.stringify(listOf(toHex(key.owner))));
  const hub = await startHub({
    store: join(folder, 'store'),
    listen: { host: '127.0.0.1', port: 0 },
    origin: 'own-address',
    publishers,
    storeBytes: 'any',
  });
  try {
    const signed = { manifest: encoded, owner: key.owner, signature: await sign(releaseMessage(modelId)) };
    const client = connectHub({
      url: hub.url,
      token: 'none',
      publishers: [key.owner],
      memory: fileMemory(join(folder, 'memory.json')),
    });
    const published = await client.publish({
      directory: draft,
      release: signed,
      form: 'plain',
      visibility: 'public',
      sign,
    });
    const repository = `${NAMESPACE}/${manifest.name}`;
    const directory = join(state, 'releases', toHex(modelId));
    await mkdir(join(state, 'releases'), { recursive: true });
    await client.pull(`${repository}@${manifest.version}`, { directory, yanked: 'refuse' });
    return {
      ...{ hub, repository, signed, sign, modelId, manifest },
      version: manifest.version,
      owner: key.owner,
      releaseDirectory: directory,
      sentFiles: published.sentFiles,
    };
  } catch (error) {
    await hub.close();
    throw error;
  }
}

function listOf(owner: string): object {
  return { version: 1, publishers: [{ namespace: NAMESPACE, owner, bytes: 'any' }], readers: [] };
}

/** Beside the sources, or beside `dist` in a package. */
export function shippedDraft(model: ShippedModel): string {
  const up = import.meta.url.endsWith('.ts') ? '../..' : '../../..';
  return fileURLToPath(new URL(`${up}/models/${model}`, import.meta.url));
}
