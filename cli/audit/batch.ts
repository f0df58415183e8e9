import { resolve } from 'node:path';
import { decodeText, isTextEncoding } from '../../client/audit/encodings.ts';
import {
  type AuditCode,
  type AuditVerdict,
  type Chain,
  joinChains,
  judge,
  type PolicyChoice,
  type Recognised,
  readChain,
  recognise,
  surveyChoice,
  usualLevelsAsked,
} from '../../client/audit/index.ts';
import { tooLarge, undecodable } from '../../client/audit/input.ts';
import { timeOfLeaf } from '../../client/audit/judge.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { CommandError } from '../exit-codes.ts';
import { printable } from '../report.ts';
import { type Case, readCases } from './cases.ts';
import { readSource } from './source.ts';

export interface BatchLine {
  readonly id: string;
  readonly verdict: AuditVerdict;
  readonly code: AuditCode | null;
}

export interface BatchOptions {
  /** What the cases' paths are relative to. */
  readonly folder: string;
  /** null asks the survey policies. */
  readonly given: PolicyChoice | null;
  readonly warn: (text: string) => void;
}

/** One verdict per case, whatever is in it; the list itself has to be well formed. */
export async function* runBatch(list: Uint8Array, options: BatchOptions): AsyncGenerator<BatchLine> {
  for (const one of readCases(list)) {
    const { verdict, code } = await judgeCase(one, options);
    yield { id: one.id, verdict, code };
  }
}

/** Real clouds run guests at both (verifier-checks S17). */
const ORDINARY_VMPLS: readonly number[] = [0, 1];

type Outcome = Omit<BatchLine, 'id'>;

async function judgeCase(one: Case, options: BatchOptions): Promise<Outcome> {
  if (one.tee === null) return { verdict: 'malformed', code: 'unsupported_tee' };
  try {
    const chain = await readCertificates(one, options);
    if (chain === undefined) return { verdict: 'malformed', code: 'chain_unreadable' };
    const recognised = await readEvidence(one, options);
    const now = one.at ?? timeOfLeaf(recognised, chain);
    return await judge(recognised, {
      suite: nodeSuite,
      tee: one.tee,
      chain,
      levels: usualLevelsAsked,
      policies: options.given ?? surveyChoice(one.vmpl ?? ORDINARY_VMPLS),
      purpose: { kind: 'live', now },
      challenge: 'any',
      challengedAt: 'unknown',
      // Of a report that nobody reads but for its verdict.
      readAt: now,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    options.warn(`${printable(one.id)}: ${printable(error.message)}\n`);
    return { verdict: 'malformed', code: 'input_unreadable' };
  }
}

async function readEvidence(one: Case, { folder, warn }: BatchOptions): Promise<Recognised> {
  const name = one.file;
  const bytes = await readSource(resolve(folder, name), limits.archiveBytes);
  if (bytes === 'too-large') return tooLarge(name, limits.archiveBytes);
  // The verdict is about the bytes that are there; that they are others than listed is told beside it.
  if (one.sha256 !== null && toHex(nodeSuite.sha256(bytes)) !== one.sha256) {
    warn(`${printable(one.id)}: ${printable(name)} is not the file that the list names\n`);
  }
  if (one.encoding === null) return recognise(partOf(bytes, one), { name, tee: one.tee ?? 'auto', suite: nodeSuite });
  const decoded = isTextEncoding(one.encoding) ? decodeText(bytes, one.encoding) : undefined;
  if (decoded === undefined) return undecodable(bytes, one.encoding, { name, suite: nodeSuite });
  return recognise(partOf(decoded, one), { name, tee: one.tee ?? 'auto', suite: nodeSuite });
}

function partOf(bytes: Uint8Array, { slice }: Case): Uint8Array {
  return slice === null ? bytes : bytes.slice(...slice);
}

async function readCertificates(one: Case, { folder }: BatchOptions): Promise<Chain | undefined> {
  const chains: Chain[] = [];
  for (const path of one.certificates) {
    const bytes = await readSource(resolve(folder, path), limits.snpTableBytes);
    const chain = bytes === 'too-large' ? undefined : readChain(bytes);
    if (chain === undefined) return undefined;
    chains.push(chain);
  }
  return joinChains(chains);
}
