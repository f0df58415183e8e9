import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, PolicyError, parseKeyPolicy, wildcardMatches } from '../../../../enclave/simulator/kms/policy.ts';
import type { JsonValue } from '../../../../wire/codec/json.ts';
import { limits } from '../../../../wire/limits.ts';

const ROLE = 'arn:aws:iam::111122223333:role/a';
const PCR0 = 'ab'.repeat(48);
const IMAGE = 'kms:recipientattestation:imagesha384';

type Statement = { readonly [element: string]: JsonValue };

const allow: Statement = { Effect: 'Allow', Principal: { AWS: ROLE }, Action: 'kms:Decrypt', Resource: '*' };

function policyOf(...statements: readonly Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [...statements] });
}

function ruling(
  statements: readonly Statement[],
  attributes: Readonly<Record<string, string>> = {},
  principal = ROLE,
  action = 'kms:Decrypt',
): string {
  return evaluate(parseKeyPolicy(policyOf(...statements)), {
    principal,
    action,
    attributes: new Map(Object.entries(attributes)),
  });
}

function codeOf(text: string): string {
  try {
    parseKeyPolicy(text);
    return 'read';
  } catch (error) {
    if (error instanceof PolicyError) return error.code;
    throw error;
  }
}

describe('a key policy', () => {
  it('allows what a statement allows, and nothing else', () => {
    expect(ruling([allow])).toBe('allowed');
    expect(ruling([allow], {}, 'arn:aws:iam::111122223333:role/b')).toBe('not allowed');
    expect(ruling([allow], {}, ROLE, 'kms:Encrypt')).toBe('not allowed');
    expect(ruling([{ ...allow, Action: ['kms:De*', 'kms:Get?eyPolicy'] }], {}, ROLE, 'kms:GetKeyPolicy')).toBe(
      'allowed',
    );
    expect(ruling([{ ...allow, Principal: '*', Action: '*' }], {}, 'anybody')).toBe('allowed');
    expect(ruling([{ ...allow, Principal: { AWS: ['*'] } }], {}, 'anybody')).toBe('allowed');
  });

  it('gives an account’s root user nothing of what its IAM policies would hand on', () => {
    const delegated = { ...allow, Principal: { AWS: 'arn:aws:iam::111122223333:root' } };
    expect(ruling([delegated])).toBe('not allowed');
    expect(ruling([delegated], {}, 'arn:aws:iam::111122223333:root')).toBe('allowed');
  });

  it('denies whatever allows', () => {
    expect(ruling([allow, { ...allow, Effect: 'Deny' }])).toBe('denied');
  });

  it.each<[string, JsonValue, Readonly<Record<string, string>>, string]>([
    ['equal', { StringEquals: { [IMAGE]: PCR0 } }, { [IMAGE]: PCR0 }, 'allowed'],
    ['one of several', { StringEquals: { [IMAGE]: ['x', PCR0] } }, { [IMAGE]: PCR0 }, 'allowed'],
    ['in another case', { StringEquals: { [IMAGE]: PCR0.toUpperCase() } }, { [IMAGE]: PCR0 }, 'not allowed'],
    ['in any case', { StringEqualsIgnoreCase: { [IMAGE]: PCR0.toUpperCase() } }, { [IMAGE]: PCR0 }, 'allowed'],
    ['absent', { StringEquals: { [IMAGE]: PCR0 } }, {}, 'not allowed'],
    ['absent and welcome', { StringEqualsIfExists: { [IMAGE]: PCR0 } }, {}, 'allowed'],
    ['another, where absence is welcome', { StringEqualsIfExists: { [IMAGE]: PCR0 } }, { [IMAGE]: 'x' }, 'not allowed'],
    ['not different', { StringNotEquals: { [IMAGE]: PCR0 } }, { [IMAGE]: PCR0 }, 'not allowed'],
    ['different', { StringNotEquals: { [IMAGE]: PCR0 } }, { [IMAGE]: 'x' }, 'allowed'],
    ['different by being absent', { StringNotEquals: { [IMAGE]: PCR0 } }, {}, 'allowed'],
    ['different from each', { StringNotEqualsIgnoreCase: { [IMAGE]: ['x', PCR0] } }, { [IMAGE]: PCR0 }, 'not allowed'],
    ['like', { StringLike: { [IMAGE]: 'ab*' } }, { [IMAGE]: PCR0 }, 'allowed'],
    ['not like', { StringNotLike: { [IMAGE]: 'ab*' } }, { [IMAGE]: PCR0 }, 'not allowed'],
    [
      'both',
      { StringEquals: { [IMAGE]: PCR0, 'kms:EncryptionContext:a': '1' } },
      { [IMAGE]: PCR0, 'kms:encryptioncontext:a': '1' },
      'allowed',
    ],
    [
      'one of both',
      { StringEquals: { [IMAGE]: PCR0, 'kms:EncryptionContext:a': '1' } },
      { [IMAGE]: PCR0 },
      'not allowed',
    ],
    [
      'under two operators',
      { StringEquals: { [IMAGE]: PCR0 }, StringLike: { 'aws:PrincipalArn': '*/b' } },
      { [IMAGE]: PCR0, 'aws:principalarn': ROLE },
      'not allowed',
    ],
  ])('compares a value that is %s', (_, condition, attributes, expected) => {
    expect(ruling([{ ...allow, Condition: condition }], attributes)).toBe(expected);
  });

  it('guards by a denial of what differs, which holds without a document too', () => {
    const guard = { ...allow, Effect: 'Deny', Principal: '*', Condition: { StringNotEquals: { [IMAGE]: PCR0 } } };
    expect(ruling([allow, guard])).toBe('denied');
    expect(ruling([allow, guard], { [IMAGE]: 'x' })).toBe('denied');
    expect(ruling([allow, guard], { [IMAGE]: PCR0 })).toBe('allowed');
  });
});

describe('what is not implemented is refused, not ignored', () => {
  it.each<[string, JsonValue, string]>([
    ['NotPrincipal', { ...allow, NotPrincipal: '*' }, 'policy_unsupported'],
    ['NotAction', { ...allow, NotAction: 'kms:Encrypt' }, 'policy_unsupported'],
    ['a resource', { ...allow, Resource: 'arn:aws:kms:eu-central-1:111122223333:key/x' }, 'policy_unsupported'],
    ['a service as principal', { ...allow, Principal: { Service: 'lambda.amazonaws.com' } }, 'policy_malformed'],
    [
      'an assumed role',
      { ...allow, Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/a/b' } },
      'policy_unsupported',
    ],
    ['an action of another service', { ...allow, Action: 's3:GetObject' }, 'policy_unsupported'],
    ['an operator', { ...allow, Condition: { Null: { [IMAGE]: 'false' } } }, 'policy_unsupported'],
    ['a quantifier', { ...allow, Condition: { 'ForAnyValue:StringEquals': { [IMAGE]: PCR0 } } }, 'policy_unsupported'],
    [
      'a condition key',
      { ...allow, Condition: { StringEquals: { 'aws:SourceIp': '10.0.0.1' } } },
      'policy_unsupported',
    ],
    [
      'a register that Nitro has not',
      { ...allow, Condition: { StringEquals: { 'kms:RecipientAttestation:PCR32': PCR0 } } },
      'policy_unsupported',
    ],
    [
      'a variable',
      { ...allow, Condition: { StringEquals: { 'aws:PrincipalArn': ['$', '{aws:username}'].join('') } } },
      'policy_unsupported',
    ],
    ['no effect', { Principal: '*', Action: '*', Resource: '*' }, 'policy_malformed'],
    ['another effect', { ...allow, Effect: 'Permit' }, 'policy_malformed'],
  ])('%s', (_, statement, code) => {
    expect(codeOf(JSON.stringify({ Version: '2012-10-17', Statement: [statement] }))).toBe(code);
  });

  it.each([
    ['no JSON', '{'],
    ['two statements of one name', '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}'],
    ['the old version', JSON.stringify({ Version: '2008-10-17', Statement: [allow] })],
    ['no statement', JSON.stringify({ Version: '2012-10-17', Statement: [] })],
    ['too much', policyOf({ ...allow, Sid: 'x'.repeat(limits.kmsPolicyBytes) })],
  ])('a document with %s', (_, text) => {
    expect(codeOf(text)).toBe('policy_malformed');
  });
});

describe('wildcards', () => {
  it('match as the regular expression that they stand for', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '?'), maxLength: 8 }), (pattern, value) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(wildcardMatches(value, pattern)).toBe(expression.test(value));
      }),
    );
  });

  it('cost little whatever they are', () => {
    const started = performance.now();
    expect(wildcardMatches('a'.repeat(2_000), `${'a*'.repeat(1_000)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
