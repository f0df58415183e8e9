import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { approvalWords } from '../../client/approvals/ask.ts';
import { type NamedAuditor, nodeTransport } from '../../client/index.ts';
import { openRelease } from '../../host/releases.ts';
import { parseWorkerPolicy, type WorkerPolicy } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeApproval, encodeApproval } from '../../wire/message/approval.ts';
import { encodeApprovalRecord } from '../../wire/message/finding-record.ts';
import { type Approver, createApprover } from '../auditor/approve.ts';
import { type AuditorKey, createAuditorKey } from '../auditor/key.ts';
import type { ReleaseSource } from '../auditor/release-source.ts';
import { serveAuditor } from '../auditor/server.ts';
import { openFindingStore } from '../auditor/store.ts';
import type { WorkerStage } from './stage.ts';

/** Auditors on loopback, each with a key of its own. Behind real ones stand parties that do not know each other. */
export interface Auditors {
  readonly named: readonly NamedAuditor[];
  readonly policy: WorkerPolicy;
  /** What the last of them signs: another answer than the worker's, which it never computed. */
  readonly liar: AuditorKey;
  close(): Promise<void>;
}

const DEADLINE_MS = 60_000;
/** A chain of links is for audits, which nobody makes here. */
const LINKS = 1;

export async function openAuditors({ stateDirectory, stack, release }: WorkerStage): Promise<Auditors> {
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
  // The request is a contract's: it is public, and its header follows from what the contract keeps.
  const policy = parseWorkerPolicy({ ...rules, sealed: 'any', headers: 'any' });
  const folder = openRelease(release.releaseDirectory);
  const releases: ReleaseSource = {
    find: async (modelId) => (equalBytes(modelId, folder.modelId) ? folder : undefined),
    close: async () => undefined,
  };
  const opened = await Promise.all(
    ['first', 'second', 'liar'].map(async (name) => {
      const directory = join(stateDirectory, 'auditors', name);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const key = await createAuditorKey(join(directory, 'key.json'), LINKS);
      const approver =
        name === 'liar'
          ? lyingApprover(key)
          : createApprover({ key, policy, releases, directory, now: Date.now, deadlineMs: DEADLINE_MS });
      const server = await serveAuditor({
        ...{ key, approver, deadlineMs: DEADLINE_MS, listen: { host: '127.0.0.1', port: 0 } },
        store: openFindingStore(directory),
        onAnswered: () => undefined,
      });
      return { key, server };
    }),
  );
  const liar = opened.at(-1)?.key as AuditorKey;
  return {
    named: opened.map(({ key, server }) => ({
      key: key.auditor,
      host: nodeTransport({ url: server.url, timeoutMs: DEADLINE_MS }),
    })),
    policy,
    liar,
    async close() {
      for (const { server } of opened) await server.close();
    },
  };
}

/** Signs without computing, and for an answer that its friends would like better. */
function lyingApprover(key: AuditorKey): Approver {
  return {
    async approve(archive, statement) {
      const approval = anotherAnswer(await approvalWords(archive, statement, nodeSuite));
      const record = { auditor: key.auditor, approval, signature: key.sign(approval) };
      return encodeApprovalRecord({ format: 'proofmark approval v1', ...record });
    },
    settled: async () => undefined,
  };
}

export function anotherAnswer(words: Uint8Array): Uint8Array {
  const approval = decodeApproval(words);
  return encodeApproval({ ...approval, outputHash: sha256(approval.outputHash) });
}
