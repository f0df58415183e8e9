import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { limits } from '../../wire/limits.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import { type Configuration, encodeConfiguration } from '../../wire/message/configuration.ts';
import { encodeManifest } from '../../wire/message/manifest.ts';
import { demoRelease } from '../demo-model/mlp.ts';
import { openReleaseKey } from './keys.ts';

/** A signed release in a folder. */
export interface ServedRelease {
  readonly modelId: Uint8Array;
  readonly owner: Uint8Array;
  readonly releaseDirectory: string;
}

/** What a host needs on disk before it starts: one release and one configuration. */
export interface DemoFiles extends ServedRelease {
  readonly configurationFile: string;
  readonly configuration: Configuration;
}

/** Where the worker is registered and paid; absent from a worker that has nothing to do with a chain. */
export interface ChainIdentity {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly settlement: Uint8Array;
  readonly operator: Uint8Array;
}

/** What one call of the demo costs where it costs anything, in the test token's smallest unit. */
export const DEMO_PRICE: bigint = 1_000n;
const DEMO_CHANNELS = 64;

export async function writeDemoFiles(state: string, chain?: ChainIdentity): Promise<DemoFiles> {
  return writeConfiguration(state, await writeGeneratedRelease(state), chain);
}

/** Beside a release that is in its folder by now. */
export async function writeConfiguration(
  state: string,
  release: ServedRelease,
  chain: ChainIdentity | undefined,
): Promise<DemoFiles> {
  const configuration = demoConfiguration(release.owner, chain);
  const configurationFile = join(state, 'configuration.cbor');
  await writeFile(configurationFile, encodeConfiguration(configuration));
  return { ...release, configurationFile, configuration };
}

/** The generated model, which has learned nothing: for trying a worker out, and for measuring. */
async function writeGeneratedRelease(state: string): Promise<ServedRelease> {
  const key = await openReleaseKey(join(state, 'publisher.pem'));
  const { manifest, files } = demoRelease(key.owner);
  const encoded = encodeManifest(manifest);
  const modelId = sha256(encoded);
  const releaseDirectory = join(state, 'releases', toHex(modelId));
  await writeRelease(releaseDirectory, {
    ...Object.fromEntries(files),
    'manifest.json': encoded,
    'owner.hex': `${toHex(key.owner)}\n`,
    'signature.hex': `${toHex(signP256(key.privateKey, releaseMessage(modelId)))}\n`,
  });
  return { modelId, owner: key.owner, releaseDirectory };
}

async function writeRelease(directory: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  const draft = `${directory}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(draft, name), content);
  await rm(directory, { recursive: true, force: true });
  await rename(draft, directory);
}

function demoConfiguration(owner: Uint8Array, chain: ChainIdentity | undefined): Configuration {
  const nobody = new Uint8Array(20);
  const offChain: ChainIdentity = { chainId: 0n, registry: nobody, settlement: nobody, operator: nobody };
  return {
    version: 1,
    publishers: [owner],
    models: 'any',
    // Calls of tensors, chats and completions: what has no price is not offered.
    prices: [0, 1, 2].map((operation) => ({
      model: 'any',
      operation,
      unitPrice: chain === undefined ? 0n : DEMO_PRICE,
    })),
    limits: {
      bodyBytes: 4 * 1024 * 1024,
      responseBytes: 4 * 1024 * 1024,
      releaseBytes: 256 * 1024 * 1024,
      models: 4,
      modelMemoryBytes: 2 * 1024 * 1024 * 1024,
      runMilliseconds: 5_000,
      pending: 64,
      sessions: 1_024,
      unacknowledgedLeaves: limits.unacknowledgedLeaves,
      channels: chain === undefined ? 0 : DEMO_CHANNELS,
    },
    ...(chain ?? offChain),
    telemetry: 'counters',
  };
}
