import {
  array,
  either,
  literal,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
} from '../../../wire/codec/fields.ts';
import { parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';

/**
 * The part of AWS's policy language that key policies for enclaves need, with its meaning (IAM user guide, "Policy
 * evaluation logic" and "Condition operators"). What is not implemented is refused when a policy is read: an element that
 * was silently ignored could be the one that denies.
 */
export interface KeyPolicy {
  /** As it was given, since this is what GetKeyPolicy answers. */
  readonly text: string;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly principals: 'any' | readonly string[];
  /** Lower case; `*` and `?` are wildcards. */
  readonly actions: readonly string[];
  readonly conditions: readonly Condition[];
}

export interface Condition {
  readonly operator: Operator;
  readonly whenAbsent: 'does not hold' | 'holds';
  /** Lower case: names of condition keys are the same in any case. */
  readonly key: string;
  readonly values: readonly string[];
}

/** `negated` operators hold for a key that is absent, which is what makes a Deny with one of them a guard. */
interface Operator {
  readonly negated: boolean;
  readonly matches: (value: string, expected: string) => boolean;
}

export type PolicyErrorCode = 'policy_malformed' | 'policy_unsupported';

export class PolicyError extends Error {
  readonly code: PolicyErrorCode;

  constructor(code: PolicyErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'PolicyError';
    this.code = code;
  }
}

/** What is known of a request when a policy judges it. */
export interface PolicyRequest {
  readonly principal: string;
  /** As in `kms:Decrypt`. */
  readonly action: string;
  /** Condition keys in lower case. */
  readonly attributes: ReadonlyMap<string, string>;
}

const equal = (a: string, b: string): boolean => a === b;
const equalIgnoringCase = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', { negated: false, matches: equal }],
  ['StringNotEquals', { negated: true, matches: equal }],
  ['StringEqualsIgnoreCase', { negated: false, matches: equalIgnoringCase }],
  ['StringNotEqualsIgnoreCase', { negated: true, matches: equalIgnoringCase }],
  ['StringLike', { negated: false, matches: wildcardMatches }],
  ['StringNotLike', { negated: true, matches: wildcardMatches }],
]);

const ATTESTED = /^kms:recipientattestation:(?:imagesha384|pcr(?:[0-9]|[12][0-9]|3[01]))$/;
const CONTEXT = /^kms:encryptioncontext:.+$/;

const bounds = { min: 1, max: limits.kmsPolicyItems } as const;
const word: Reader<string> = text({ min: 1, max: limits.kmsKeyIdBytes });

/** By its form, not by trying: an error must be about what was written. */
function oneOrMore<T>(reader: Reader<T>): Reader<readonly T[]> {
  const many = array(reader, bounds);
  return (value, path) => (Array.isArray(value) ? many(value, path) : [reader(value, path)]);
}

interface RawStatement {
  readonly Sid: string | null;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: '*' | { readonly AWS: readonly string[] };
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> | null;
}

const statement: Reader<RawStatement> = object<RawStatement>({
  Sid: optional(text({ min: 0, max: 256 })),
  Effect: oneOf(['Allow', 'Deny']),
  Principal: either(literal('*'), object<{ readonly AWS: readonly string[] }>({ AWS: oneOrMore(word) })),
  Action: oneOrMore(word),
  Resource: oneOrMore(word),
  Condition: optional(record(/[A-Za-z:]{1,64}/, record(/[\x21-\x7e]{1,256}/, oneOrMore(word), bounds), bounds)),
});

const policy = object<{
  readonly Version: '2012-10-17';
  readonly Id: string | null;
  readonly Statement: readonly RawStatement[];
}>({
  Version: literal('2012-10-17'),
  Id: optional(text({ min: 0, max: 256 })),
  Statement: oneOrMore(statement),
});

export function parseKeyPolicy(source: string): KeyPolicy {
  try {
    const value = policy(parseJson(new TextEncoder().encode(source), limits.kmsPolicyBytes), 'policy');
    return { text: source, statements: value.Statement.map(readStatement) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // A field that is no part of the shape is an element that is not implemented.
    throw new PolicyError(error.code === 'field_unknown' ? 'policy_unsupported' : 'policy_malformed', error.message);
  }
}

function readStatement(raw: RawStatement): Statement {
  // A key's policy is about that key; an ARN here would be a statement that never applies, or applies by accident.
  if (raw.Resource.some((resource) => resource !== '*')) throw unsupported('a Resource other than "*"');
  return {
    effect: raw.Effect,
    principals: raw.Principal === '*' || raw.Principal.AWS.includes('*') ? 'any' : raw.Principal.AWS.map(readPrincipal),
    actions: raw.Action.map(readAction),
    conditions: [...(raw.Condition ?? [])].flatMap(([name, tests]) =>
      [...tests].map(([key, values]) => readCondition(name, key, values)),
    ),
  };
}

function readPrincipal(name: string): string {
  if (!/^arn:aws:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]{1,512})$/.test(name)) {
    throw unsupported(`the principal ${JSON.stringify(name.slice(0, 128))}`);
  }
  return name;
}

function readAction(name: string): string {
  if (!/^(?:\*|kms:[A-Za-z*?]{1,64})$/.test(name))
    throw unsupported(`the action ${JSON.stringify(name.slice(0, 128))}`);
  return name.toLowerCase();
}

function readCondition(name: string, key: string, values: readonly string[]): Condition {
  const ifExists = name.endsWith('IfExists');
  const operator = operators.get(ifExists ? name.slice(0, -'IfExists'.length) : name);
  if (operator === undefined) throw unsupported(`the operator ${JSON.stringify(name)}`);
  const lower = key.toLowerCase();
  if (!ATTESTED.test(lower) && !CONTEXT.test(lower) && lower !== 'aws:principalarn') {
    throw unsupported(`the condition key ${JSON.stringify(key)}`);
  }
  if (values.some((value) => value.includes('${'))) throw unsupported('policy variables');
  return { operator, whenAbsent: ifExists || operator.negated ? 'holds' : 'does not hold', key: lower, values };
}

/** An explicit denial wins; without a statement that allows, nothing is allowed. */
export function evaluate({ statements }: KeyPolicy, request: PolicyRequest): 'allowed' | 'denied' | 'not allowed' {
  const applying = statements.filter((each) => applies(each, request));
  if (applying.some(({ effect }) => effect === 'Deny')) return 'denied';
  return applying.length > 0 ? 'allowed' : 'not allowed';
}

function applies({ principals, actions, conditions }: Statement, request: PolicyRequest): boolean {
  // ":root" stands for what IAM policies of the account add. There are none here, so it is the root user alone.
  if (principals !== 'any' && !principals.includes(request.principal)) return false;
  if (!actions.some((action) => wildcardMatches(request.action.toLowerCase(), action))) return false;
  return conditions.every((condition) => holds(condition, request.attributes));
}

function holds({ operator, whenAbsent, key, values }: Condition, attributes: ReadonlyMap<string, string>): boolean {
  const actual = attributes.get(key);
  if (actual === undefined) return whenAbsent === 'holds';
  const matched = values.some((value) => operator.matches(actual, value));
  return operator.negated ? !matched : matched;
}

/** `*` for any text, `?` for one character. Walks back to the last star only, so the cost is the product of both lengths. */
export function wildcardMatches(value: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let mark = 0;
  let index = 0;
  while (index < value.length) {
    if (pattern[at] === '*') {
      star = at++;
      mark = index;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === value[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      index = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

function unsupported(detail: string): PolicyError {
  return new PolicyError('policy_unsupported', detail);
}
