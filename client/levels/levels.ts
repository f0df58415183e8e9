import { type ArchiveVerdict, isVerified, type ReceiptFacts, type Verified } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { decodeReceipt, decodeTreeHead } from '../../wire/message/receipt.ts';
import { ClientError } from '../errors.ts';
import type { LevelEvidence } from './evidence.ts';
import { type Level, levelNames } from './level.ts';
import { isLevelsPolicy, type LevelsPolicy } from './policy.ts';
import { judgeProved } from './proved.ts';
import { judgeRecomputed } from './recomputed.ts';
import { type Dispute, judgeReplayed } from './replayed.ts';
import { type Judged, type LevelCost, type LevelState, notReached, refused } from './state.ts';
import { readStatement } from './statement.ts';

/** How it came out whether hardware vouches: by judging the archive, or by the call that gave the answer. */
export type Attestation =
  | { readonly kind: 'archive'; readonly verdict: ArchiveVerdict }
  | { readonly kind: 'call'; readonly receipt: Verified<ReceiptFacts> };

export interface LevelsQuestion {
  /** As it was read; nothing of it is believed. */
  readonly archive: Archive;
  readonly attestation: Attestation;
  readonly policy: LevelsPolicy;
  /** Whose releases are accepted: a circuit means what its publisher says. */
  readonly publishers: 'any' | readonly Uint8Array[];
  readonly suite: Suite;
}

/** Which levels a result has, and whether one of the named auditors says that it is wrong. */
export interface ResultLevelsFacts {
  readonly requestId: Uint8Array;
  readonly modelId: Uint8Array;
  /** DESIGN section 6: disagreement downgrades, whatever else the result has. */
  readonly standing: 'undisputed' | 'disputed';
  readonly disputes: readonly Dispute[];
  /** Every level, in the order of `levelNames`. */
  readonly levels: readonly LevelState[];
}

declare const judged: unique symbol;

/** Only `levelsOf` makes one. */
export type ResultLevels = ResultLevelsFacts & { readonly [judged]: 'levels' };

const made = new WeakSet<object>();

/** Holds at run time too. */
export function isResultLevels(value: unknown): value is ResultLevels {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** Checks everything that is shown for a result. The archive alone decides whether hardware vouches; the rest adds to that. */
export async function levelsOf(
  { archive, attestation, policy, publishers, suite }: LevelsQuestion,
  evidence: LevelEvidence,
): Promise<ResultLevels> {
  if (!isLevelsPolicy(policy)) {
    throw new ClientError('argument_invalid', 'use parseLevelsPolicy: it refuses a policy with a rule left out');
  }
  const longest = Math.max(...Object.values(evidence).map((list: readonly unknown[]) => list.length));
  if (longest > limits.levelEvidence) {
    throw new ClientError('argument_invalid', `at most ${limits.levelEvidence} of each kind of evidence`);
  }
  const receipt = receiptOf(archive);
  requireSame(archive, attestation);
  const hardware = judgeAttestation(archive, attestation);
  const { gained, disputes } = await judgeGained({ archive, policy, publishers, suite }, evidence);
  const rulings: Readonly<Record<Level, Judged>> = { ...hardware, ...gained };
  const facts: ResultLevelsFacts = {
    requestId: receipt.requestId,
    modelId: receipt.modelId,
    standing: disputes.length > 0 ? 'disputed' : 'undisputed',
    disputes,
    levels: levelNames.map((level) => stateOf(level, rulings[level], costOf(level, receipt.fee, evidence))),
  };
  Object.freeze(facts);
  made.add(facts);
  return facts as ResultLevels;
}

/** What a result has of one level. */
export function levelState({ levels }: ResultLevelsFacts, level: Level): LevelState {
  return levels.find((state) => state.level === level) as LevelState;
}

/** Whether a caller who asked for this level may rely on the result: reached, and no named auditor says otherwise. */
export function hasLevel(result: ResultLevels, level: Level): boolean {
  return result.standing === 'undisputed' && levelState(result, level).state === 'reached';
}

type Gained = Readonly<Record<'replayed' | 'recomputed' | 'proved', Judged>>;

async function judgeGained(
  { archive, policy, publishers, suite }: Omit<LevelsQuestion, 'attestation'>,
  evidence: LevelEvidence,
): Promise<{ readonly gained: Gained; readonly disputes: readonly Dispute[] }> {
  const reading = await readStatement(archive, { publishers, suite });
  if (!('statement' in reading)) {
    const all =
      'refused' in reading ? refused(reading.refused, reading.detail) : notReached(reading.missing, reading.detail);
    return { gained: { replayed: all, recomputed: all, proved: all }, disputes: [] };
  }
  const { statement } = reading;
  const replayed = await judgeReplayed(statement, evidence, { policy, suite });
  const recomputed = judgeRecomputed(statement, evidence.recomputations, policy);
  const proved = await judgeProved(statement, evidence, { policy, suite });
  return { gained: { replayed: replayed.judged, recomputed, proved }, disputes: replayed.disputes };
}

function judgeAttestation(
  { evidence: { tee } }: Archive,
  attestation: Attestation,
): Readonly<Record<'simulated' | 'attested', Judged>> {
  const level = attestedLevel(attestation);
  if (typeof level !== 'string') return { simulated: level, attested: level };
  const hardware = tee === 'aws-nitro' ? 'AWS Nitro' : 'AMD SEV-SNP';
  if (level === 'simulated') {
    return {
      simulated: reached(
        [`a simulator of ${hardware}`],
        ['everything: whoever runs the simulator makes what it likes'],
      ),
      attested: refused('simulated_evidence', `a simulator of ${hardware} signed`),
    };
  }
  return {
    simulated: notReached('evidence_of_hardware', hardware),
    attested: reached(
      [hardware],
      [`that ${hardware} isolates and signs as its vendor says`, 'that the accepted image does what it was read to do'],
    ),
  };
}

function attestedLevel(attestation: Attestation): ReceiptFacts['level'] | Judged {
  if (attestation.kind === 'call') return attestation.receipt.level;
  const { verdict } = attestation;
  switch (verdict.verdict) {
    case 'accepted':
      return verdict.proven.receipt.level;
    case 'undetermined':
      return notReached(verdict.code, 'the archive alone does not decide it');
    case 'malformed':
    case 'untrusted':
    case 'refused':
      return refused(verdict.code, `the archive is ${verdict.verdict}`);
  }
}

function reached(by: readonly string[], assumes: readonly string[]): Judged {
  return { ruling: { state: 'reached', by, assumes }, leftOut: [] };
}

function stateOf(level: Level, { ruling, leftOut }: Judged, cost: LevelCost): LevelState {
  return ruling.state === 'reached' ? { level, leftOut, ...ruling, cost } : { level, leftOut, ...ruling };
}

/** A receipt says what its answer cost; about gas and seconds only whoever measured them does. */
function costOf(level: Level, fee: bigint, { costs }: LevelEvidence): LevelCost {
  const known = costs.find((cost) => cost.level === level);
  const isPaidByReceipt = level === 'attested' || level === 'simulated';
  return {
    fee: isPaidByReceipt ? fee : 'unknown',
    gas: known?.gas ?? 'unknown',
    seconds: known?.seconds ?? 'unknown',
  };
}

function receiptOf(archive: Archive): ReturnType<typeof decodeReceipt> {
  try {
    return decodeReceipt(archive.receipt);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', `no receipt: ${error.message}`, { reason: error.code });
  }
}

/** A verdict about another archive says nothing of this one. */
function requireSame(archive: Archive, attestation: Attestation): void {
  const facts =
    attestation.kind === 'call'
      ? attestation.receipt
      : attestation.verdict.verdict === 'accepted'
        ? attestation.verdict.proven.receipt
        : undefined;
  if (facts === undefined) return;
  if (!isVerified(facts)) throw new ClientError('argument_invalid', 'the receipt was not verified');
  const receipt = receiptOf(archive);
  const head = decodeTreeHead(archive.head);
  const isSame =
    equalBytes(facts.requestId, receipt.requestId) &&
    equalBytes(facts.modelId, receipt.modelId) &&
    equalBytes(facts.log, head.log) &&
    equalBytes(facts.head.root, head.root) &&
    facts.index === Number(receipt.index);
  if (!isSame) throw new ClientError('argument_invalid', 'the verdict is about another receipt');
}
