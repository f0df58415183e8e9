/**
 * Which levels of the verification spectrum a result has (DESIGN section 6): everything that is shown for it is checked
 * here, whoever brought it.
 */

export type { LevelOffer, PricedModel, PriceList } from '../../wire/message/price-list.ts';
export { reachAuditors } from './auditors.ts';
export type { UnavailableReason } from './availability.ts';
export {
  type LevelCode,
  type NotReachedCode,
  notReachedCodes,
  type RefusedLevelCode,
  refusedLevelCodes,
} from './codes.ts';
export {
  joinEvidence,
  type KnownCost,
  type LevelEvidence,
  noEvidence,
  type Recomputation,
  type SignedApproval,
  type SignedFinding,
} from './evidence.ts';
export { type LevelFile, levelEvidenceOf, recogniseLevelFile } from './files.ts';
export type { LevelGain } from './gain.ts';
export { type GainedLevel, gainedLevels, type Level, levelNames, vouchers } from './level.ts';
export {
  type Attestation,
  hasLevel,
  isResultLevels,
  type LevelsQuestion,
  levelState,
  levelsOf,
  type ResultLevels,
  type ResultLevelsFacts,
} from './levels.ts';
export {
  type LevelsPolicy,
  type LevelsPolicyRules,
  type NamedAuditors,
  parseLevelsPolicy,
  type Recomputer,
  usualLevelsPolicy,
} from './policy.ts';
export {
  askPriceList,
  type JudgedModel,
  type JudgedOffer,
  judgeModel,
  judgePriceList,
  type OfferProblem,
  offerProblems,
} from './price-list.ts';
export type {
  ApprovalQuestion,
  AuditorsAnswer,
  OpenProgram,
  OpenProver,
  Proves,
  Reach,
  ReachesAuditors,
  Recomputes,
  RowToProve,
} from './reach.ts';
export type { Dispute } from './replayed.ts';
export type { LeftOut, LevelCost, LevelRuling, LevelState } from './state.ts';
