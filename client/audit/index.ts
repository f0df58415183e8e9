/**
 * Audits of evidence and saved answers, with no file, clock or network: `recognise` says what bytes claim to be, `judge`
 * holds them against a question (policy, time, purpose, challenge), and the report that comes out, whatever the bytes are,
 * can be written as JSON or as one self-contained page. `proofmark audit` and the console are this and what goes around it.
 */

export { type Chain, joinChains, readChain } from './certificates.ts';
export { renderHtml } from './html/page.ts';
export { type Problem, type Recognised, type RecogniseOptions, recognise, type Subject } from './input.ts';
export { judge, judgeHost, type Question } from './judge.ts';
export { disputeSentence, type LevelWords, levelWords } from './level-words.ts';
export { type LevelsAsked, usualLevelsAsked } from './levels.ts';
export { type ChosenPolicy, type PolicyChoice, policyChoice, surveyChoice } from './policies.ts';
export { renderJson } from './render-json.ts';
export {
  type AuditCode,
  type AuditedLevels,
  type AuditReport,
  type AuditVerdict,
  type DateWord,
  type Fact,
  type FactGroup,
  type FactValue,
  type InputFacts,
  type InputKind,
  type Judgement,
  type Lifetime,
  type LifetimeState,
  type LinkState,
  meaningOf,
  type PolicyOrigin,
  type Standing,
  type TrustLink,
  verdictMeanings,
} from './report.ts';
