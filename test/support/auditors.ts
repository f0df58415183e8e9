import { join } from 'node:path';
import { createApprover } from '../../cli/auditor/approve.ts';
import { type AuditorKey, createAuditorKey } from '../../cli/auditor/key.ts';
import { openReleaseSource, type ReleaseSource } from '../../cli/auditor/release-source.ts';
import { type AuditorServer, serveAuditor } from '../../cli/auditor/server.ts';
import { type FindingStore, openFindingStore } from '../../cli/auditor/store.ts';
import type { WorkerPolicy } from '../../verifier/index.ts';

/** An auditor as `proofmark auditor serve` starts it, in this process. */
export interface TestAuditor {
  readonly key: AuditorKey;
  readonly server: AuditorServer;
  readonly store: FindingStore;
  readonly releases: ReleaseSource;
  readonly directory: string;
  stop(): Promise<void>;
}

export interface TestAuditorOptions {
  readonly directory: string;
  readonly policy: WorkerPolicy;
  readonly release: string;
  /** Where somebody had to know its key before. */
  readonly key?: AuditorKey;
}

const DEADLINE_MS = 60_000;
const LINKS = 64;

export async function openTestAuditor(options: TestAuditorOptions): Promise<TestAuditor> {
  const { directory, policy, release } = options;
  const key = options.key ?? (await createTestKey(directory));
  const releases = openReleaseSource(silent, { directories: [release], hub: undefined, pullOptions: [] });
  const store = openFindingStore(directory);
  const approvals = { directory: join(directory, 'approvals'), now: Date.now, deadlineMs: DEADLINE_MS };
  const server = await serveAuditor({
    approver: createApprover({ key, policy, releases, ...approvals }),
    ...{ key, store, deadlineMs: DEADLINE_MS, onAnswered: () => undefined },
    listen: { host: '127.0.0.1', port: 0 },
  });
  return {
    ...{ key, server, store, releases, directory },
    async stop() {
      await server.close();
      await releases.close();
    },
  };
}

export function createTestKey(directory: string): Promise<AuditorKey> {
  return createAuditorKey(`${directory}.key.json`, LINKS);
}

const silent = {
  args: [],
  style: { colours: false },
  write: () => undefined,
  warn: () => undefined,
  now: Date.now,
  terminal: 'none',
  progress: 'none',
} as const;
