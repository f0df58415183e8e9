import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeApproval } from '../../wire/message/approval.ts';
import { decodeFinding, type FindingVerdict, findingVerdictName } from '../../wire/message/finding.ts';
import type { RefusedLevelCode } from './codes.ts';
import type { LevelEvidence, SignedApproval, SignedFinding } from './evidence.ts';
import type { LevelsPolicy, NamedAuditors } from './policy.ts';
import { type Judged, type LeftOut, notReached, refused } from './state.ts';
import type { Statement } from './statement.ts';

/** An auditor whom the policy names says that other bits came out. */
export interface Dispute {
  /** x || y. */
  readonly auditor: Uint8Array;
  /** SHA-256 of the body that it computed. */
  readonly answer: Uint8Array;
}

export interface ReplayedRuling {
  readonly judged: Judged;
  readonly disputes: readonly Dispute[];
}

export interface ReplayedOptions {
  readonly policy: LevelsPolicy;
  readonly suite: Suite;
}

type Word =
  | { readonly auditor: Uint8Array; readonly says: 'same' }
  | { readonly auditor: Uint8Array; readonly says: 'other'; readonly answer: Uint8Array }
  | { readonly says: 'nothing'; readonly left: LeftOut };

/** Level `replayed`: enough of the auditors whom the policy names, each counted once, and none of them with other bits. */
export async function judgeReplayed(
  statement: Statement,
  evidence: Pick<LevelEvidence, 'approvals' | 'findings'>,
  { policy, suite }: ReplayedOptions,
): Promise<ReplayedRuling> {
  const { auditors } = policy;
  const shown = evidence.approvals.length + evidence.findings.length;
  if (auditors === 'none') return { judged: notReached('policy_none', 'it names no auditors'), disputes: [] };
  if (shown === 0) return { judged: notReached('evidence_missing', 'no approval, no finding'), disputes: [] };
  const asked = { statement, auditors, suite };
  const words: readonly Word[] = [
    ...(await Promise.all(evidence.approvals.map((approval) => approvalWord(approval, asked)))),
    ...(await Promise.all(evidence.findings.map((finding) => findingWord(finding, asked)))),
  ];
  const leftOut = words.flatMap((word) => (word.says === 'nothing' ? [word.left] : []));
  const disputes = byAuditor(
    words.flatMap((word) => (word.says === 'other' ? [{ auditor: word.auditor, answer: word.answer }] : [])),
  );
  if (disputes.length > 0) {
    const who = disputes.map(({ auditor }) => toHex(auditor)).join(', ');
    return { judged: refused('disputed', `other bits, by ${who}`, leftOut), disputes };
  }
  const agreeing = byAuditor(words.flatMap((word) => (word.says === 'same' ? [word] : [])));
  return { judged: counted(agreeing, auditors, leftOut), disputes };
}

function counted(
  agreeing: readonly { readonly auditor: Uint8Array }[],
  { keys, threshold }: NamedAuditors,
  leftOut: readonly LeftOut[],
): Judged {
  if (agreeing.length < threshold) {
    const [wrong] = leftOut;
    if (agreeing.length === 0 && wrong !== undefined) {
      return refused(wrong.code as RefusedLevelCode, wrong.detail, leftOut);
    }
    return notReached('auditors_few', `${agreeing.length} of the ${threshold} that it takes`, leftOut);
  }
  return {
    ruling: {
      state: 'reached',
      by: agreeing.map(({ auditor }) => `auditor ${toHex(auditor)}`),
      assumes: [
        `that ${threshold} of these ${keys.length} auditors are not in league, with one another or with the worker`,
        'that each did run it: a signature shows only that its auditor says so',
      ],
    },
    leftOut,
  };
}

interface Asked {
  readonly statement: Statement;
  readonly auditors: NamedAuditors;
  readonly suite: Suite;
}

/** The words are held against the result one by one: an approval is for one answer to one request. */
async function approvalWord({ key, words, signature }: SignedApproval, asked: Asked): Promise<Word> {
  const { statement, auditors, suite } = asked;
  const left = (code: RefusedLevelCode, detail: string): Word => leftAs('approval', code, detail);
  if (!isNamed(auditors, key)) return left('auditor_unnamed', toHex(key));
  try {
    const approval = decodeApproval(words);
    if (!(await isSigned(suite, key, words, signature))) return left('auditor_signature', toHex(key));
    const { receipt, log, requestBodyHash, responseBodyHash } = statement;
    const pairs: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
      // An escrow's number is its request's; off chain the client asks for approvals under that number, too.
      ['request', approval.escrow, receipt.requestId],
      ['log', approval.log, log],
      ['model', approval.modelId, receipt.modelId],
      ['input', approval.inputHash, requestBodyHash],
      ['output', approval.outputHash, responseBodyHash],
      ['execution', approval.execution, receipt.execution],
    ];
    const other = pairs.find(([, said, wanted]) => !equalBytes(said, wanted));
    return other === undefined ? { auditor: key, says: 'same' } : left('approval_of_another', `another ${other[0]}`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return left('auditor_words', error.message);
  }
}

async function findingWord({ finding: words, signature }: SignedFinding, asked: Asked): Promise<Word> {
  const { statement, auditors, suite } = asked;
  const left = (code: RefusedLevelCode, detail: string): Word => leftAs('finding', code, detail);
  try {
    const finding = decodeFinding(words);
    const auditor = concatBytes(finding.auditorX, finding.auditorY);
    if (!isNamed(auditors, auditor)) return left('auditor_unnamed', toHex(auditor));
    if (!(await isSigned(suite, auditor, words, signature))) return left('auditor_signature', toHex(auditor));
    const { leaf, log, receipt } = statement;
    if (!equalBytes(finding.leaf, leaf) || !equalBytes(finding.log, log) || finding.index !== receipt.index) {
      return left('finding_of_another', `leaf ${finding.index} of log ${toHex(finding.log)}`);
    }
    return verdictWord(findingVerdictName(finding.verdict), { auditor, answer: finding.answer, statement });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return left('auditor_words', error.message);
  }
}

interface Said {
  readonly auditor: Uint8Array;
  readonly answer: Uint8Array;
  readonly statement: Statement;
}

function verdictWord(verdict: FindingVerdict, { auditor, answer, statement }: Said): Word {
  const isSame = equalBytes(answer, statement.responseBodyHash);
  switch (verdict) {
    case 'same':
      // A streamed body is cut up as it happened to be ready: its text is compared, and its digest is another one.
      return isSame || statement.manifest.kind === 'text-generation'
        ? { auditor, says: 'same' }
        : leftAs('finding', 'finding_contradicts', 'the same bits, and another digest');
    case 'other':
      return isSame
        ? leftAs('finding', 'finding_contradicts', 'other bits, and the same digest')
        : { auditor, says: 'other', answer };
    case 'missing':
    case 'unreplayable':
      return leftAs('finding', 'finding_no_verdict', verdict);
  }
}

function leftAs(what: LeftOut['what'], code: RefusedLevelCode, detail: string): Word {
  return { says: 'nothing', left: { what, code, detail } };
}

function isNamed({ keys }: NamedAuditors, key: Uint8Array): boolean {
  return keys.some((named) => equalBytes(named, key));
}

async function isSigned(suite: Suite, key: Uint8Array, words: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(suite, concatBytes(Uint8Array.of(4), key), words, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

/** n copies of one auditor's word do not count n times. */
function byAuditor<T extends { readonly auditor: Uint8Array }>(words: readonly T[]): readonly T[] {
  return [...new Map(words.map((word) => [toHex(word.auditor), word])).values()];
}
