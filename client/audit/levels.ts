import type { ArchiveVerdict, Check } from '../../verifier/index.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { ClientError } from '../errors.ts';
import {
  hasLevel,
  type Level,
  type LevelEvidence,
  type LevelsPolicy,
  levelsOf,
  noEvidence,
  type ResultLevels,
  usualLevelsPolicy,
} from '../levels/index.ts';
import type { Ruling } from './outcome.ts';
import type { AuditedLevels } from './report.ts';

/** What is asked about the levels of a saved answer. */
export interface LevelsAsked {
  readonly policy: LevelsPolicy;
  readonly evidence: LevelEvidence;
  /** A level without which the audit does not end well. */
  readonly required: Level | 'any';
}

/** Nobody is named, and nothing is shown beside the file. */
export const usualLevelsAsked: LevelsAsked = { policy: usualLevelsPolicy, evidence: noEvidence, required: 'any' };

export interface LevelsQuestion {
  readonly verdict: ArchiveVerdict;
  readonly publishers: 'any' | readonly Uint8Array[];
  readonly asked: LevelsAsked;
  readonly suite: Suite;
}

export async function auditLevels(
  archive: Archive,
  { verdict, publishers, asked, suite }: LevelsQuestion,
): Promise<AuditedLevels> {
  const attestation = { kind: 'archive', verdict } as const;
  try {
    return await levelsOf({ archive, attestation, policy: asked.policy, publishers, suite }, asked.evidence);
  } catch (error) {
    // A receipt that is none: the verdict of the archive says so.
    if (error instanceof ClientError && error.code === 'argument_invalid') return 'no-answer';
    throw error;
  }
}

const undisputed = { id: 'L1', title: 'no auditor whom the levels policy names has other bits' } as const;
const required = { id: 'L2', title: 'the result has the level that is asked for' } as const;

/**
 * What the levels add to a verdict. They never make one better: what the hardware's evidence is refused for stays refused,
 * and a dispute downgrades what would have been accepted (DESIGN section 6).
 */
export function rulingWithLevels(ruling: Ruling, levels: AuditedLevels, asked: LevelsAsked): Ruling {
  if (levels === 'no-answer') return ruling;
  const dispute = disputeCheck(levels, asked);
  const level = levelCheck(levels, asked);
  const checks = [...ruling.checks, dispute, level];
  if (ruling.verdict !== 'accepted' && ruling.verdict !== 'undetermined') return { ...ruling, checks };
  if (dispute.outcome === 'failed') return { ...ruling, checks, verdict: 'refused', code: 'disputed' };
  if (level.outcome === 'failed') return { ...ruling, checks, verdict: 'refused', code: 'level_missing' };
  return { ...ruling, checks };
}

function disputeCheck({ standing, disputes }: ResultLevels, { policy: { auditors } }: LevelsAsked): Check {
  if (auditors === 'none') return { ...undisputed, outcome: 'not-asked', detail: 'it names no auditors' };
  return standing === 'undisputed'
    ? { ...undisputed, outcome: 'passed', detail: 'none that was shown' }
    : { ...undisputed, outcome: 'failed', detail: `disputed by ${disputes.length}` };
}

function levelCheck(levels: ResultLevels, { required: level }: LevelsAsked): Check {
  if (level === 'any') return { ...required, outcome: 'not-asked', detail: 'any' };
  return { ...required, outcome: hasLevel(levels, level) ? 'passed' : 'failed', detail: level };
}
