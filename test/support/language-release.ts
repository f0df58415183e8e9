import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openReleaseKey } from '../../cli/stack/keys.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import { encodeManifest, type Manifest } from '../../wire/message/manifest.ts';

export interface LanguageFiles {
  readonly name: string;
  readonly entry: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Writes a language model as a release of the publisher whose demo model a stack in `state` serves. */
export async function writeLanguageRelease(
  state: string,
  { name, entry, files }: LanguageFiles,
): Promise<{ readonly directory: string; readonly modelId: Uint8Array }> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const key = await openReleaseKey(join(state, 'publisher.pem'));
  const manifest: Manifest = {
    schema: 'proofmark manifest v1',
    owner: key.owner,
    name,
    version: '1.0.0',
    kind: 'text-generation',
    description: 'A decoder with random weights, for tests.',
    licence: 'Apache-2.0',
    task: 'text-generation',
    tags: [],
    files: [...files].map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
    entry,
    inputs: [],
    outputs: [],
    execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
    limits: { memoryBytes: 512 * 1024 * 1024, runMilliseconds: 30_000 },
    samples: [],
    circuit: null,
  };
  const encoded = encodeManifest(manifest);
  const modelId = sha256(encoded);
  const directory = join(state, 'releases', `${name}-${toHex(modelId.subarray(0, 4))}`);
  const written: ReadonlyMap<string, Uint8Array | string> = new Map<string, Uint8Array | string>([
    ...files,
    ['manifest.json', encoded],
    ['owner.hex', `${toHex(key.owner)}\n`],
    ['signature.hex', `${toHex(signP256(key.privateKey, releaseMessage(modelId)))}\n`],
  ]);
  for (const [path, content] of written) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return { directory, modelId };
}
