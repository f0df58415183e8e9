import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubError } from '../../client/index.ts';
import { openRelease, type Release } from '../../host/releases.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError } from '../exit-codes.ts';
import { modelPull } from '../model/pull.ts';

/** Where an auditor takes the model of a receipt from: by its digest, so that it matters to nobody where that is. */
export interface ReleaseSource {
  /** Undefined where it is to be had nowhere. */
  find(modelId: Uint8Array): Promise<Release | undefined>;
  close(): Promise<void>;
}

export interface ReleaseSourceOptions {
  readonly directories: readonly string[];
  /** Undefined: nothing is pulled. */
  readonly hub: string | undefined;
  /** Further options of `model pull`: a token, a memory. */
  readonly pullOptions: readonly string[];
}

/** Pulled releases that stay for the next receipt: an auditor of one host sees the same few again. */
const PULLED = 8;

export function openReleaseSource(
  context: CommandContext,
  { directories, hub, pullOptions }: ReleaseSourceOptions,
): ReleaseSource {
  const known = new Map(directories.map(named).map((release) => [toHex(release.modelId), release]));
  /** By model, in the order in which they came. */
  const pulled = new Map<string, { readonly release: Release; readonly folder: string }>();

  async function pull(from: string, modelId: Uint8Array): Promise<Release | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'proofmark-auditor-'));
    try {
      const out = join(folder, 'release');
      // Whose release it is the receipt says; one that was taken back since is computed again all the same.
      const which = [toHex(modelId), '--publisher', 'any', '--allow-yanked', '--out', out, '--hub', from, '--quiet'];
      await modelPull({ ...context, write: () => undefined, progress: 'none', args: [...which, ...pullOptions] });
      const release = named(out);
      if (!equalBytes(release.modelId, modelId)) throw new CommandError('the hub has another release');
      await makeRoom();
      pulled.set(toHex(modelId), { release, folder });
      return release;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      if (error instanceof HubError || error instanceof CommandError) return undefined;
      throw error;
    }
  }

  async function makeRoom(): Promise<void> {
    for (const [model, { folder }] of pulled) {
      if (pulled.size < PULLED) return;
      pulled.delete(model);
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    async find(modelId) {
      const name = toHex(modelId);
      const found = known.get(name) ?? pulled.get(name)?.release;
      return found ?? (hub === undefined ? undefined : pull(hub, modelId));
    },
    async close() {
      for (const { folder } of pulled.values()) await rm(folder, { recursive: true, force: true });
    },
  };
}

function named(directory: string): Release {
  try {
    return openRelease(directory);
  } catch (error) {
    throw new CommandError(`${directory}: ${(error as Error).message}`);
  }
}
