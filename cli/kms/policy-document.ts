import {
  array,
  boolean,
  either,
  literal,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
} from '../../wire/codec/fields.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';

/** A key policy as anybody may have written it: every element that AWS knows, whether it makes sense here or not. */
export interface PolicyStatement {
  /** How a person finds it: its Sid, or its number. */
  readonly name: string;
  readonly effect: 'Allow' | 'Deny';
  readonly principals: Selection;
  readonly actions: Selection;
  readonly conditions: readonly PolicyCondition[];
}

/** `but` is NotPrincipal or NotAction: everything except these. */
export interface Selection {
  readonly kind: 'these' | 'all but';
  readonly values: readonly string[];
}

export interface PolicyCondition {
  readonly quantifier: 'ForAllValues' | 'ForAnyValue' | null;
  /** Without its suffix. */
  readonly operator: string;
  readonly ifExists: boolean;
  /** Lower case. */
  readonly key: string;
  readonly values: readonly string[];
}

const bounds = { min: 1, max: limits.kmsPolicyItems } as const;
const word: Reader<string> = text({ min: 0, max: limits.kmsKeyIdBytes });
const words: Reader<readonly string[]> = oneOrMore(word);
/** JSON has truth values where AWS takes text. */
const values: Reader<readonly string[]> = either(words, (value, path) => [String(boolean()(value, path))]);

const principal: Reader<readonly string[]> = either(
  (value, path) => [literal('*')(value, path)],
  (value, path) =>
    [...record(/AWS|Service|Federated|CanonicalUser/, words, bounds)(value, path)].flatMap(([kind, names]) =>
      names.map((name) => (kind === 'AWS' ? name : `${kind}:${name}`)),
    ),
);

function oneOrMore<T>(reader: Reader<T>): Reader<readonly T[]> {
  const many = array(reader, bounds);
  return (value, path) => (Array.isArray(value) ? many(value, path) : [reader(value, path)]);
}

interface RawStatement {
  readonly Sid: string | null;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: readonly string[] | null;
  readonly NotPrincipal: readonly string[] | null;
  readonly Action: readonly string[] | null;
  readonly NotAction: readonly string[] | null;
  readonly Resource: readonly string[] | null;
  readonly Condition: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> | null;
}

const statement: Reader<RawStatement> = object<RawStatement>({
  Sid: optional(text({ min: 0, max: 256 })),
  Effect: oneOf(['Allow', 'Deny']),
  Principal: optional(principal),
  NotPrincipal: optional(principal),
  Action: optional(words),
  NotAction: optional(words),
  Resource: optional(words),
  Condition: optional(record(/[A-Za-z:]{1,64}/, record(/[\x21-\x7e]{1,256}/, values, bounds), bounds)),
});

const statements: Reader<readonly RawStatement[]> = oneOrMore(statement);

const policy: Reader<{
  readonly Version: string | null;
  readonly Id: string | null;
  readonly Statement: readonly RawStatement[];
}> = object<{
  readonly Version: string | null;
  readonly Id: string | null;
  readonly Statement: readonly RawStatement[];
}>({
  Version: optional(oneOf(['2012-10-17', '2008-10-17'])),
  Id: optional(text({ min: 0, max: 256 })),
  Statement: statements,
});

/** Throws `WireError` for what is no key policy. */
export function readPolicyDocument(json: JsonValue): readonly PolicyStatement[] {
  return policy(json, 'policy').Statement.map((raw, index) => ({
    name: raw.Sid === null || raw.Sid === '' ? `statement ${index + 1}` : raw.Sid,
    effect: raw.Effect,
    principals: select(raw.Principal, raw.NotPrincipal),
    actions: select(raw.Action, raw.NotAction),
    conditions: [...(raw.Condition ?? [])].flatMap(([name, tests]) =>
      [...tests].map(([key, expected]) => readCondition(name, key, expected)),
    ),
  }));
}

/** AWS refuses a statement with neither or both; what cannot be stored cannot hurt, so it is read as selecting nothing. */
function select(these: readonly string[] | null, but: readonly string[] | null): Selection {
  return these === null && but !== null ? { kind: 'all but', values: but } : { kind: 'these', values: these ?? [] };
}

function readCondition(name: string, key: string, expected: readonly string[]): PolicyCondition {
  const parts = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(name);
  return {
    quantifier: (parts?.[1] as PolicyCondition['quantifier'] | undefined) ?? null,
    operator: parts?.[2] ?? name,
    ifExists: parts?.[3] !== undefined,
    key: key.toLowerCase(),
    values: expected,
  };
}
