import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { equalBytes, toHex } from '../../../wire/bytes.ts';
import { array, decimal, hexBytes, literal, object, oneOf, type Reader, text } from '../../../wire/codec/fields.ts';
import { canonicalJson, parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import type { ReleaseStatusName } from '../../../wire/message/hub.ts';
import { RELEASE_NAME } from '../../../wire/message/manifest.ts';
import { HubError } from '../../hub/errors.ts';
import type { HubMemory } from '../../hub/memory.ts';
import { replaceFile } from '../replace-file.ts';
import { isCode, onDisk, unlessMissing } from './failures.ts';

interface KeptOwner {
  readonly hub: string;
  readonly namespace: string;
  readonly owner: Uint8Array;
}

interface KeptStatus {
  readonly modelId: Uint8Array;
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
}

interface MemoryFile {
  readonly version: 1;
  readonly owners: readonly KeptOwner[];
  readonly statuses: readonly KeptStatus[];
}

const reader: Reader<MemoryFile> = object<MemoryFile>({
  version: literal(1),
  owners: array(
    object<KeptOwner>({
      hub: text({ min: 8, max: 512, pattern: /^https?:\/\/.+$/ }),
      namespace: text({ min: 1, max: 64, pattern: RELEASE_NAME }),
      owner: hexBytes(64),
    }),
    { min: 0, max: limits.hubMemoryEntries },
  ),
  statuses: array(
    object<KeptStatus>({
      modelId: hexBytes(32),
      status: oneOf(['active', 'deprecated', 'yanked']),
      sequence: decimal(64),
    }),
    { min: 0, max: limits.hubMemoryEntries },
  ),
});

/** In a file, which is read before each question and written whole: several processes may have one. */
export function fileMemory(path: string): HubMemory {
  return {
    async owner(hub, namespace) {
      return (await read(path)).owners.find((kept) => kept.hub === hub && kept.namespace === namespace)?.owner;
    },
    keepOwner: (hub, namespace, owner) =>
      change(path, (file) => {
        const others = file.owners.filter((kept) => kept.hub !== hub || kept.namespace !== namespace);
        return { ...file, owners: [...others, { hub, namespace, owner }] };
      }),
    async status(modelId) {
      return (await read(path)).statuses.find((kept) => equalBytes(kept.modelId, modelId));
    },
    keepStatus: ({ modelId, status, sequence }) =>
      change(path, (file) => {
        const before = file.statuses.find((kept) => equalBytes(kept.modelId, modelId));
        if (before !== undefined && before.sequence >= sequence) return file;
        const others = file.statuses.filter((kept) => kept !== before);
        return { ...file, statuses: [...others, { modelId, status, sequence }] };
      }),
  };
}

const nothing: MemoryFile = { version: 1, owners: [], statuses: [] };

async function read(path: string): Promise<MemoryFile> {
  const bytes = await onDisk(() => unlessMissing(() => readFile(path)));
  if (bytes === undefined) return nothing;
  try {
    return reader(parseJson(Uint8Array.from(bytes), limits.hubMemoryBytes), 'memory');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // What was seen before is not known: to begin anew would let a hub show everything again.
    throw new HubError('memory_failed', `${path}: ${error.message}`, { cause: error });
  }
}

const WAIT_MS = 20;
const TRIES = 500;

/** Under a lock: of two that write at once neither may lose what the other has seen. */
async function change(path: string, edit: (file: MemoryFile) => MemoryFile): Promise<void> {
  await onDisk(async () => {
    await mkdir(dirname(path), { recursive: true });
    const lock = `${path}.lock`;
    await take(lock);
    try {
      const before = await read(path);
      const after = edit(before);
      if (after !== before) await replace(path, after);
    } finally {
      await rm(lock, { force: true });
    }
  });
}

/** A lock is held for milliseconds. One that stays is what a killed process left behind. */
async function take(lock: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      await (await open(lock, 'wx', 0o600)).close();
      return;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
  await rm(lock, { force: true });
  await (await open(lock, 'wx', 0o600)).close();
}

async function replace(path: string, { version, owners, statuses }: MemoryFile): Promise<void> {
  const bytes = canonicalJson({
    version,
    owners: owners.map(({ hub, namespace, owner }) => ({ hub, namespace, owner: toHex(owner) })),
    statuses: statuses.map(({ modelId, status, sequence }) => ({
      modelId: toHex(modelId),
      status,
      sequence: `${sequence}`,
    })),
  });
  const full = owners.length > limits.hubMemoryEntries || statuses.length > limits.hubMemoryEntries;
  if (full || bytes.length > limits.hubMemoryBytes) throw new HubError('memory_failed', `${path} holds no more`);
  await replaceFile(path, bytes);
}
