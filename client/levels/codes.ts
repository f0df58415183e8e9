import type { Undetermined, VerifierCode } from '../../verifier/index.ts';
import type { ProofErrorCode } from '../proofs/errors.ts';

/** Nothing speaks against the level, and what it takes is not there. */
export const notReachedCodes = {
  evidence_missing: 'nothing was shown for this level',
  policy_none: 'the levels policy accepts nobody and nothing for this level',
  evidence_of_hardware: 'the evidence is of hardware, which is more',
  auditors_few: 'fewer of the auditors that the policy names have the same bits than it wants',
  circuit_none: 'the release names no circuit',
  key_missing: 'a proof was shown, and not the circuit key that the release names',
  payload_missing: 'request or answer were deleted, so nothing can be held against them',
  not_anchored: 'no third party dated the head',
  anchor_not_checked: 'the time anchors are of kinds that are not checked, or by nobody that the policy names',
  challenge_undated: 'nobody that the policy names dated the challenge',
} as const;

/** Something was shown, and it does not hold, or not for this result. */
export const refusedLevelCodes = {
  simulated_evidence: 'the evidence is simulated: no hardware vouches',
  contents_mismatch: 'a part of the file is not the one that the receipt is about',
  no_result: 'the worker answered with no result',
  disputed: 'an auditor whom the policy names computed other bits',
  auditor_unnamed: 'it is signed by nobody whom the policy names',
  auditor_signature: 'the auditor whom it names did not sign it',
  auditor_words: 'what was signed is no approval and no finding',
  approval_of_another: 'the approval is about another answer, or about another request',
  finding_of_another: 'the finding is about another receipt',
  finding_contradicts: 'the finding says one thing about the bits, and shows the digest of another',
  finding_no_verdict: 'the auditor did not compute the answer again',
  circuit_of_another: 'the circuit key is not the one that the release names',
  setup_refused: 'one party made the setup and can prove anything; the policy does not accept that',
  commitment_none: 'the receipt commits to nothing',
  commitment_of_another: 'the proof is about another commitment than the receipt’s',
  commitment_contradicts: 'the receipt commits to something else than request and answer',
  not_integers: 'request or answer are not tensors of integers',
  recomputation_unwanted: 'the policy does not accept who computed it again',
  other_values: 'computed again, the answer is another one',
} as const;

export type NotReachedCode = keyof typeof notReachedCodes | Undetermined['code'];

/** What says no: the levels' own words, the check of a proof, or the check of the archive. */
export type RefusedLevelCode = keyof typeof refusedLevelCodes | ProofErrorCode | VerifierCode;

export type LevelCode = NotReachedCode | RefusedLevelCode;
