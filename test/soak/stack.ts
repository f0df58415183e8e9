import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { type Journal, openJournal } from '../../host/journal/index.ts';
import { limits } from '../../wire/limits.ts';
import { writeLanguageRelease } from '../support/language-release.ts';
import { soakDecoder } from './chats.ts';

/** A whole stack whose folder outlives its processes, so that what they left can be read. */
export interface SoakStack {
  readonly stack: Stack;
  readonly folder: string;
  readonly languageId: Uint8Array;
  /** Of the host that has stopped. */
  openJournal(): Journal;
  remove(): Promise<void>;
}

export async function openSoakStack(): Promise<SoakStack> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-soak-'));
  const platform = { tee: 'aws-nitro', role: null } as const;
  const { directory, modelId: languageId } = await writeLanguageRelease(folder, soakDecoder);
  const { releaseDirectory } = await writeDemoFiles(folder);
  const stack = await startStack({
    stateDirectory: folder,
    port: 0,
    tier: 'sim-process',
    platform,
    instead: { release: releaseDirectory, hostArguments: ['--release', directory], hostEnvironment: {} },
    onEvent: () => {},
  });
  return {
    stack,
    folder,
    languageId,
    openJournal: () => openJournal(join(folder, 'host', 'journal'), { maxBytes: limits.journalBytes }),
    async remove() {
      await stack.supervisor.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
