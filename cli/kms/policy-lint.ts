import { wildcardMatches } from '../../enclave/simulator/kms/policy.ts';
import type { PolicyCondition, PolicyStatement } from './policy-document.ts';

/**
 * What makes the attestation condition of a key policy moot. A policy is read as AWS reads it: any Allow is enough, all
 * conditions of a statement must hold, a denial wins. What IAM policies add is outside, and said where it matters.
 */
export type LintCode =
  | 'account_delegated'
  | 'allow_by_exception'
  | 'condition_any_value'
  | 'condition_if_exists'
  | 'condition_negated'
  | 'condition_unknown'
  | 'condition_vacuous'
  | 'condition_wildcard'
  | 'decrypt_unattested'
  | 'deny_needs_all'
  | 'grants_allowed'
  | 'image_not_named'
  | 'measurement_case'
  | 'measurement_malformed'
  | 'measurement_zero'
  | 'nobody_opens'
  | 'opener_writes_policy'
  | 'placeholder_left'
  | 'policy_can_change'
  | 'principal_anybody'
  | 'reencrypt_allowed';

export type Severity = 'error' | 'warning' | 'note';

export interface LintFinding {
  readonly code: LintCode;
  readonly severity: Severity;
  /** The statement, or the policy as a whole. */
  readonly where: string;
  readonly message: string;
}

interface Meaning {
  readonly severity: Severity;
  readonly message: string;
}

/** One line each: what is wrong, and what it lets happen. */
export const lintMeanings: Readonly<Record<LintCode, Meaning>> = {
  account_delegated: {
    severity: 'error',
    message: 'gives the key to the account, so any IAM policy in it can allow kms:Decrypt without attestation',
  },
  allow_by_exception: {
    severity: 'error',
    message: 'allows by NotPrincipal or NotAction: whatever is not listed, now and later',
  },
  condition_any_value: {
    severity: 'warning',
    message: 'uses ForAnyValue on a key that has one value: it says nothing more and hides what is meant',
  },
  condition_if_exists: {
    severity: 'error',
    message: 'uses IfExists on an attestation key: a request without a document passes',
  },
  condition_negated: {
    severity: 'error',
    message: 'allows on a measurement that differs: every other image passes, and a request without a document too',
  },
  condition_unknown: {
    severity: 'error',
    message:
      'names an attestation key or operator that KMS does not know for Nitro Enclaves: it never says what is meant',
  },
  condition_vacuous: {
    severity: 'error',
    message: 'uses ForAllValues on an attestation key: a request without a document passes',
  },
  condition_wildcard: {
    severity: 'error',
    message: 'compares a measurement with wildcards: a measurement is known or it is not',
  },
  decrypt_unattested: {
    severity: 'error',
    message: 'allows kms:Decrypt without a measurement of the enclave: the host opens the key by itself',
  },
  deny_needs_all: {
    severity: 'warning',
    message: 'denies only where all of its conditions hold: one measurement that fits lifts the denial',
  },
  grants_allowed: {
    severity: 'error',
    message: 'allows kms:CreateGrant: a grant for kms:Decrypt carries no attestation condition',
  },
  image_not_named: {
    severity: 'error',
    message: 'asks for attestation but not for the image: ImageSha384, PCR0, PCR1 with PCR2, or PCR8 say what runs',
  },
  measurement_case: {
    severity: 'warning',
    message: 'compares a measurement in upper case by StringEquals: KMS has lower case, so it never matches',
  },
  measurement_malformed: {
    severity: 'warning',
    message: 'names a measurement that is not 96 hexadecimal digits: it never matches',
  },
  measurement_zero: {
    severity: 'error',
    message: 'names a measurement of zeros: that is every enclave in debug mode, which anybody can read',
  },
  nobody_opens: { severity: 'warning', message: 'allows kms:Decrypt to no enclave' },
  opener_writes_policy: {
    severity: 'error',
    message: 'lets a principal that opens the key also write its policy: it can take the condition away',
  },
  placeholder_left: { severity: 'error', message: 'has a placeholder that nobody filled in' },
  policy_can_change: {
    severity: 'note',
    message: 'lets somebody write this policy: whoever that is can take the condition away',
  },
  principal_anybody: { severity: 'error', message: 'is for anybody, in any account' },
  reencrypt_allowed: {
    severity: 'error',
    message: 'allows kms:ReEncryptFrom: the key moves under another one without a condition, and opens there',
  },
};

const ATTESTED = /^kms:recipientattestation:/;
const KNOWN_REGISTER = /^kms:recipientattestation:(?:imagesha384|pcr(?:[0-9]|[12][0-9]|3[01]))$/;
const IMAGE = 'kms:recipientattestation:imagesha384';
const EQUALS: ReadonlySet<string> = new Set(['StringEquals', 'StringEqualsIgnoreCase', 'StringLike']);
const DIFFERS: ReadonlySet<string> = new Set(['StringNotEquals', 'StringNotEqualsIgnoreCase', 'StringNotLike']);
const PLACEHOLDER = /<[^<>]*>|REPLACE|TODO/i;

export function lintKeyPolicy(statements: readonly PolicyStatement[]): readonly LintFinding[] {
  const guard = (action: string): boolean => statements.some((each) => isGuard(each, action));
  const findings = statements.flatMap((statement) => {
    const codes = [
      ...placeholderCodes(statement),
      ...statement.conditions.flatMap((condition) => conditionCodes(statement, condition)),
      ...(statement.effect === 'Allow' ? allowCodes(statement, guard) : denyCodes(statement)),
    ];
    return [...new Set(codes)].map((code) => finding(code, statement.name));
  });
  const openers = statements.filter((each) => each.effect === 'Allow' && covers(each, 'kms:decrypt'));
  const writers = statements.filter((each) => each.effect === 'Allow' && covers(each, 'kms:putkeypolicy'));
  const both = writers.filter((writer) => openers.some((opener) => sharePrincipal(writer, opener)));
  return [
    ...findings,
    ...both.map(({ name }) => finding('opener_writes_policy', name)),
    ...writers.filter((writer) => !both.includes(writer)).map(({ name }) => finding('policy_can_change', name)),
    ...(openers.length === 0 ? [finding('nobody_opens', 'policy')] : []),
  ];
}

function finding(code: LintCode, where: string): LintFinding {
  return { code, where, ...lintMeanings[code] };
}

function allowCodes(statement: PolicyStatement, guarded: (action: string) => boolean): readonly LintCode[] {
  const codes: LintCode[] = [];
  const { principals, actions } = statement;
  if (principals.kind === 'all but' || actions.kind === 'all but') codes.push('allow_by_exception');
  if (principals.values.includes('*')) codes.push('principal_anybody');
  const opens = covers(statement, 'kms:decrypt') && !guarded('kms:decrypt');
  const reencrypts = covers(statement, 'kms:reencryptfrom') && !guarded('kms:reencryptfrom');
  const grants = covers(statement, 'kms:creategrant') && !guarded('kms:decrypt');
  const gated = namesImage(statement);
  if (principals.values.some(isAccount)) {
    // Whatever the account gets, its IAM policies hand on.
    return (opens && !gated) || reencrypts || grants ? [...codes, 'account_delegated'] : codes;
  }
  if (opens && !gated) codes.push(statement.conditions.some(isAttested) ? 'image_not_named' : 'decrypt_unattested');
  if (reencrypts) codes.push('reencrypt_allowed');
  if (grants) codes.push('grants_allowed');
  return codes;
}

function denyCodes(statement: PolicyStatement): readonly LintCode[] {
  const { conditions } = statement;
  return conditions.length > 1 && conditions.some(isAttested) ? ['deny_needs_all'] : [];
}

function conditionCodes({ effect }: PolicyStatement, condition: PolicyCondition): readonly LintCode[] {
  if (!isAttested(condition)) return [];
  const { quantifier, operator, ifExists, key, values } = condition;
  const codes: LintCode[] = [];
  const presence = operator === 'Null';
  if (!KNOWN_REGISTER.test(key) || (!EQUALS.has(operator) && !DIFFERS.has(operator) && !presence)) {
    codes.push('condition_unknown');
  }
  if (quantifier === 'ForAnyValue') codes.push('condition_any_value');
  if (presence) return codes;
  const filled = values.filter((value) => !PLACEHOLDER.test(value));
  if (operator.endsWith('Like') && filled.some((value) => /[*?]/.test(value))) codes.push('condition_wildcard');
  else if (filled.some((value) => !/^[0-9a-f]{96}$/i.test(value))) codes.push('measurement_malformed');
  if (/^String(?:Not)?Equals$/.test(operator) && filled.some((value) => /[A-F]/.test(value))) {
    codes.push('measurement_case');
  }
  if (effect === 'Deny') return codes;
  if (quantifier === 'ForAllValues') codes.push('condition_vacuous');
  if (ifExists) codes.push('condition_if_exists');
  if (DIFFERS.has(operator)) codes.push('condition_negated');
  // Registers above 2 are rightly zero where nothing was measured into them.
  if (/:(?:imagesha384|pcr[0-2])$/.test(key) && values.some((value) => /^0+$/.test(value)))
    codes.push('measurement_zero');
  return codes;
}

function placeholderCodes({ principals, conditions }: PolicyStatement): readonly LintCode[] {
  const texts = [...principals.values, ...conditions.flatMap(({ values }) => values)];
  return texts.some((value) => PLACEHOLDER.test(value)) ? ['placeholder_left'] : [];
}

/** Whether a statement holds only for an image that it names: all conditions must hold, so one that does it is enough. */
function namesImage({ conditions }: PolicyStatement): boolean {
  const named = new Set(
    conditions.filter(isStrict).map(({ key }) => key.replace(IMAGE, 'kms:recipientattestation:pcr0')),
  );
  const has = (register: number): boolean => named.has(`kms:recipientattestation:pcr${register}`);
  return has(0) || (has(1) && has(2)) || has(8);
}

function isStrict(condition: PolicyCondition): boolean {
  const { quantifier, operator, ifExists, values } = condition;
  const plain = EQUALS.has(operator) && !ifExists && quantifier !== 'ForAllValues';
  const wild = operator === 'StringLike' && values.some((value) => /[*?]/.test(value));
  return isAttested(condition) && plain && !wild;
}

/**
 * A denial for everybody, whatever else allows: it holds where the measurement differs, and, being negated, where there
 * is none. With a second condition it would hold less often.
 */
function isGuard({ effect, principals, conditions, ...rest }: PolicyStatement, action: string): boolean {
  const [condition, ...more] = conditions;
  if (effect !== 'Deny' || principals.kind !== 'these' || !principals.values.includes('*')) return false;
  if (condition === undefined) return covers({ effect, principals, conditions, ...rest }, action);
  if (more.length > 0 || condition.quantifier !== null || !DIFFERS.has(condition.operator)) return false;
  const image = condition.key === IMAGE || condition.key === 'kms:recipientattestation:pcr0';
  const wild = condition.operator === 'StringNotLike' && condition.values.some((value) => /[*?]/.test(value));
  return image && !wild && covers({ effect, principals, conditions, ...rest }, action);
}

function covers({ actions }: PolicyStatement, action: string): boolean {
  const listed = actions.values.some((pattern) => wildcardMatches(action, pattern.toLowerCase()));
  return actions.kind === 'these' ? listed : !listed;
}

function sharePrincipal(a: PolicyStatement, b: PolicyStatement): boolean {
  if (a.principals.kind === 'all but' || b.principals.kind === 'all but') return true;
  const open = [...a.principals.values, ...b.principals.values].some((name) => name === '*');
  return open || a.principals.values.some((name) => b.principals.values.includes(name));
}

function isAccount(principal: string): boolean {
  return /^(?:\d{12}|arn:[a-z-]+:iam::\d{12}:root)$/.test(principal);
}

function isAttested({ key }: PolicyCondition): boolean {
  return ATTESTED.test(key);
}
