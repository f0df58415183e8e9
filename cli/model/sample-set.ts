import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '../../client/index.ts';
import { verifyRelease, type WorkerPolicy } from '../../verifier/index.ts';
import { equalBytes, fromHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { CommandError } from '../exit-codes.ts';
import { readBytes } from './hub-options.ts';

/** What a publisher says its release answers, with every byte under the release's model id. */
export interface SampleSet {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

/** From a folder of this machine, signature and digests verified: files in it may have been changed since. */
export async function samplesOfFolder(directory: string, policy: WorkerPolicy): Promise<SampleSet> {
  const manifest = await readBytes(join(directory, 'manifest.json'), limits.manifestBytes);
  const release = {
    manifest,
    owner: await hexFile(join(directory, 'owner.hex')),
    signature: await hexFile(join(directory, 'signature.hex')),
  };
  const modelId = sha256(manifest);
  const verdict = await verifyRelease(release, { modelId, publishers: policy.publishers, suite: nodeSuite });
  if (verdict.verdict !== 'accepted') throw new CommandError(`${directory}: ${verdict.code}`);
  return sampleSet(verdict.proven.modelId, verdict.proven.manifest, async (path, maxBytes) => {
    const bytes = await readBytes(join(directory, path), maxBytes);
    const meant = verdict.proven.manifest.files.find((file) => file.path === path);
    if (meant !== undefined && equalBytes(sha256(bytes), meant.sha256)) return bytes;
    throw new CommandError(`${path} is not what the manifest says`);
  });
}

export async function samplesOfHub(hub: Hub, reference: string): Promise<SampleSet> {
  const release = await hub.release(reference);
  const { modelId, manifest } = release.facts;
  return sampleSet(modelId, manifest, (path, maxBytes) => hub.smallFile(release, path, maxBytes));
}

async function sampleSet(
  modelId: Uint8Array,
  manifest: Manifest,
  read: (path: string, maxBytes: number) => Promise<Uint8Array>,
): Promise<SampleSet> {
  if (manifest.samples.length === 0) throw new CommandError(`${manifest.name} ${manifest.version} has no samples`);
  const samples: Sample[] = [];
  for (const { request, response } of manifest.samples) {
    samples.push({
      name: request,
      request: await read(request, limits.bodyBytes),
      response: await read(response, limits.bodyBytes),
    });
  }
  return { modelId, manifest, samples };
}

/** Whether a word means a folder of this machine, and not something on a hub. */
export async function isReleaseFolder(path: string): Promise<boolean> {
  try {
    return (await stat(join(path, 'manifest.json'))).isFile();
  } catch {
    return false;
  }
}

const HEX_FILE_BYTES = 256;

export async function hexFile(path: string): Promise<Uint8Array> {
  const text = new TextDecoder().decode(await readBytes(path, HEX_FILE_BYTES)).trim();
  try {
    return fromHex(text, 64);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${path} is not 128 lower-case hex digits`);
  }
}
