import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApprovalStatement, approvalOf } from '../../client/approvals/ask.ts';
import {
  type ArchiveVerdict,
  parseUnverifiedArchive,
  VerifierError,
  verifyArchive,
  type WorkerPolicy,
} from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { encodeApproval } from '../../wire/message/approval.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { encodeApprovalRecord } from '../../wire/message/finding-record.ts';
import { sameClass, sameEngine, thisMachine } from '../replay/machine.ts';
import { computeAgain } from '../replay/replay.ts';
import { readStatement, type Statement } from '../replay/statement.ts';
import { ApprovalRefusal } from './errors.ts';
import type { AuditorKey } from './key.ts';
import type { ReleaseSource } from './release-source.ts';
import { replace } from './store.ts';

/** Signs that an answer is the same bits here, or throws an `ApprovalRefusal` that says why not. */
export interface Approver {
  /** Gives the record as it is answered: for the same answer and payment always the same bytes. */
  approve(archive: Uint8Array, statement: ApprovalStatement): Promise<Uint8Array>;
  /** Resolves once nothing is computed any more. */
  settled(): Promise<void>;
}

export interface ApproverOptions {
  readonly key: AuditorKey;
  readonly policy: WorkerPolicy;
  readonly releases: ReleaseSource;
  /** Where approvals are kept. */
  readonly directory: string;
  readonly now: () => number;
  /** How long one question is waited for. */
  readonly deadlineMs: number;
}

/**
 * One at a time, since each takes a processor and the model's memory; a few wait, and whoever comes then is refused.
 *
 * An approval says that the answer is right for the input. It does not say that the escrow asks for that input, nor that
 * the price is: the contract compares both with what it keeps.
 */
export function createApprover(options: ApproverOptions): Approver {
  const { key, releases, directory } = options;
  let waiting = 0;
  let line: Promise<unknown> = Promise.resolve();

  async function kept(name: string): Promise<Uint8Array | undefined> {
    try {
      return Uint8Array.from(await readFile(join(directory, name)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async function keep(name: string, record: Uint8Array): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await replace(join(directory, name), record);
    await forgetOldest(directory);
  }

  async function judge(archive: Archive): Promise<void> {
    const purpose = { kind: 'live', now: options.now() } as const;
    const verdict = await verifyArchive(archive, { policy: options.policy, purpose, suite: nodeSuite, cache: 'none' });
    if (verdict.verdict !== 'accepted') throw new ApprovalRefusal(refusalOf[verdict.verdict], verdict.code);
  }

  async function compute(statement: Statement): Promise<void> {
    const here = thisMachine();
    if (!sameEngine(statement.execution, here)) throw new ApprovalRefusal('other_engine');
    if (!sameClass(statement.execution, here)) throw new ApprovalRefusal('other_class');
    const release = await releases.find(statement.modelId);
    if (release === undefined) throw new ApprovalRefusal('release_unavailable');
    const { report } = await computeAgain(statement, { release, tolerance: 'exact' });
    if (report.verdict === 'replayed') return;
    if (report.verdict === 'differs') throw new ApprovalRefusal('other_bits');
    throw new ApprovalRefusal('not_replayable', report.verdict === 'not-replayable' ? report.code : report.verdict);
  }

  /** The words are what is signed, so that what is kept under their hash is the answer to just that. */
  async function work(archive: Archive, words: Uint8Array): Promise<Uint8Array> {
    const name = `${toHex(sha256(words))}.json`;
    const known = await kept(name);
    if (known !== undefined) return known;
    await judge(archive);
    const reading = readStatement(archive);
    if (!('statement' in reading)) {
      if (reading.problem === 'contradicts-itself')
        throw new ApprovalRefusal('archive_untrusted', 'contradicts_itself');
      throw new ApprovalRefusal('not_replayable', reading.code);
    }
    await compute(reading.statement);
    const signature = key.sign(words);
    const record = encodeApprovalRecord({
      format: 'proofmark approval v1',
      ...{ auditor: key.auditor, approval: words, signature },
    });
    await keep(name, record);
    return record;
  }

  return {
    async approve(bytes, statement) {
      const archive = parsed(bytes);
      const words = await wordsOf(archive, statement);
      if (waiting >= limits.approvalsWaiting) throw new ApprovalRefusal('busy');
      waiting += 1;
      const done = line
        .then(() => work(archive, words))
        .finally(() => {
          waiting -= 1;
        });
      line = done.catch(() => undefined);
      return within(done, options.deadlineMs);
    },
    async settled() {
      await line;
    },
  };
}

const refusalOf = {
  malformed: 'archive_malformed',
  untrusted: 'archive_untrusted',
  refused: 'archive_refused',
  undetermined: 'archive_undetermined',
} as const satisfies Record<Exclude<ArchiveVerdict['verdict'], 'accepted'>, string>;

function parsed(bytes: Uint8Array): Archive {
  try {
    return parseUnverifiedArchive(bytes);
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    throw new ApprovalRefusal('archive_malformed', cause.code, { cause });
  }
}

async function wordsOf(archive: Archive, statement: ApprovalStatement): Promise<Uint8Array> {
  if (archive.request?.body == null || archive.response?.body == null) throw new ApprovalRefusal('payload_missing');
  try {
    return encodeApproval(await approvalOf(archive, statement, nodeSuite));
  } catch (cause) {
    if (cause instanceof WireError) throw new ApprovalRefusal('archive_malformed', cause.code, { cause });
    throw cause;
  }
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ApprovalRefusal('late')), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** By their age: what was approved longest ago is settled by now. */
async function forgetOldest(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  if (names.length <= limits.approvalsKept) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name))).mtimeMs })),
  );
  aged.sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, names.length - limits.approvalsKept)) await rm(join(directory, name));
}
