import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPolicyDocument } from '../../../cli/kms/policy-document.ts';
import { type LintCode, lintKeyPolicy, lintMeanings } from '../../../cli/kms/policy-lint.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';

const ROLE = 'arn:aws:iam::111122223333:role/worker-host';
const ADMIN = 'arn:aws:iam::111122223333:role/admin';
const ROOT = 'arn:aws:iam::111122223333:root';
const PCR0 = 'ab'.repeat(48);
const IMAGE = 'kms:RecipientAttestation:ImageSha384';
const attested = { StringEqualsIgnoreCase: { [IMAGE]: PCR0 } };

type Statement = { readonly [element: string]: JsonValue };

function opener(condition: JsonValue = attested, changes: Statement = {}): Statement {
  return {
    Sid: 'Opens',
    Effect: 'Allow',
    Principal: { AWS: ROLE },
    Action: 'kms:Decrypt',
    Resource: '*',
    Condition: condition,
    ...changes,
  };
}

function open(changes: Statement = {}): Statement {
  const { Condition, ...rest } = opener(attested, changes);
  return rest;
}

function lint(...statements: readonly Statement[]): readonly LintCode[] {
  const policy = { Version: '2012-10-17', Statement: [...statements] };
  return lintKeyPolicy(readPolicyDocument(policy)).map(({ code }) => code);
}

const guard: Statement = {
  Effect: 'Deny',
  Principal: '*',
  Action: ['kms:Decrypt', 'kms:ReEncrypt*'],
  Resource: '*',
  Condition: { StringNotEqualsIgnoreCase: { [IMAGE]: [PCR0] } },
};

describe('a policy that holds', () => {
  it.each<[string, readonly Statement[]]>([
    ['names the image', [opener()]],
    ['names PCR0', [opener({ StringEquals: { 'kms:RecipientAttestation:PCR0': [PCR0] } })]],
    [
      'names an image in another case',
      [opener({ StringEqualsIgnoreCase: { [IMAGE.toUpperCase()]: PCR0.toUpperCase() } })],
    ],
    [
      'names kernel and application',
      [opener({ StringEquals: { 'kms:RecipientAttestation:PCR1': PCR0, 'kms:RecipientAttestation:PCR2': PCR0 } })],
    ],
    ['names who signed the image', [opener({ StringEquals: { 'kms:RecipientAttestation:PCR8': PCR0 } })]],
    ['says more besides', [opener({ ...attested, StringEquals: { 'kms:EncryptionContext:proofmark:modelId': 'x' } })]],
    ['denies everybody else', [open(), guard]],
    [
      'denies the account and its grants as well',
      [open({ Principal: { AWS: ROOT }, Action: ['kms:Decrypt', 'kms:ReEncryptFrom', 'kms:CreateGrant'] }), guard],
    ],
    ['lets others wrap', [opener(), open({ Action: ['kms:GenerateDataKey', 'kms:DescribeKey'] })]],
  ])('%s', (_, statements) => {
    expect(lint(...statements)).toEqual([]);
  });
});

describe('a condition that is moot', () => {
  const withKey = (key: string, value: JsonValue = PCR0): JsonValue => ({
    StringEqualsIgnoreCase: { [`kms:RecipientAttestation:${key}`]: value },
  });
  const cases: readonly (readonly [LintCode, string, readonly Statement[]])[] = [
    ['decrypt_unattested', 'is not there', [open()]],
    ['decrypt_unattested', 'is about something else', [opener({ StringEquals: { 'aws:PrincipalArn': ROLE } })]],
    ['decrypt_unattested', 'is in one of two statements', [opener(), open({ Sid: 'Also' })]],
    ['decrypt_unattested', 'is missing behind a wildcard', [open({ Action: 'kms:De*' })]],
    ['decrypt_unattested', 'is missing behind a star', [open({ Action: '*' })]],
    [
      'decrypt_unattested',
      'is missing behind an exception',
      [open({ Action: undefined as unknown as JsonValue, NotAction: 'kms:Encrypt' })],
    ],
    [
      'account_delegated',
      'is not what IAM policies need',
      [opener(), open({ Principal: { AWS: ROOT }, Action: 'kms:*' })],
    ],
    ['account_delegated', 'is not what the account’s number means', [open({ Principal: { AWS: '111122223333' } })]],
    [
      'account_delegated',
      'stays behind where the account re-encrypts',
      [opener(attested, { Principal: { AWS: ROOT }, Action: 'kms:*' })],
    ],
    ['principal_anybody', 'is for everybody', [opener(attested, { Principal: '*' })]],
    ['principal_anybody', 'is for every AWS principal', [opener(attested, { Principal: { AWS: '*' } })]],
    [
      'allow_by_exception',
      'is for whoever is not named',
      [opener(attested, { Principal: undefined as unknown as JsonValue, NotPrincipal: { AWS: ROLE } })],
    ],
    ['condition_if_exists', 'may be absent', [opener({ StringEqualsIfExists: { [IMAGE]: PCR0 } })]],
    ['condition_vacuous', 'holds for no values', [opener({ 'ForAllValues:StringEquals': { [IMAGE]: PCR0 } })]],
    ['condition_any_value', 'is for several values', [opener({ 'ForAnyValue:StringEquals': { [IMAGE]: PCR0 } })]],
    ['condition_negated', 'allows what differs', [opener({ StringNotEquals: { [IMAGE]: PCR0 } })]],
    ['condition_wildcard', 'is like anything', [opener({ StringLike: { [IMAGE]: '*' } })]],
    ['condition_wildcard', 'is like something', [opener({ StringLike: { [IMAGE]: `${'ab'.repeat(20)}*` } })]],
    ['condition_unknown', 'names no register', [opener(withKey('PCR32'))]],
    ['condition_unknown', 'names another digest', [opener(withKey('ImageSha256'))]],
    ['condition_unknown', 'names the registers of a TPM', [opener(withKey('NitroTPMPCR4'))]],
    ['condition_unknown', 'compares numbers', [opener({ NumericEquals: { [IMAGE]: PCR0 } })]],
    ['measurement_zero', 'names debug mode', [opener(withKey('ImageSha384', '0'.repeat(96)))]],
    ['measurement_zero', 'names debug mode among others', [opener(withKey('PCR0', [PCR0, '0'.repeat(96)]))]],
    ['measurement_malformed', 'names half a measurement', [opener(withKey('PCR0', 'ab'.repeat(24)))]],
    ['measurement_malformed', 'has a prefix', [opener(withKey('PCR0', `0x${PCR0}`))]],
    ['measurement_case', 'is in upper case', [opener({ StringEquals: { [IMAGE]: PCR0.toUpperCase() } })]],
    ['image_not_named', 'names the instance', [opener(withKey('PCR4'))]],
    ['image_not_named', 'names half of the image', [opener(withKey('PCR1'))]],
    ['image_not_named', 'asks for any document', [opener({ Null: { [IMAGE]: false } })]],
    ['reencrypt_allowed', 'is none for another key', [opener(), open({ Action: 'kms:ReEncrypt*' })]],
    ['grants_allowed', 'is none for a grant', [opener(), open({ Action: 'kms:CreateGrant' })]],
    [
      'opener_writes_policy',
      'can be taken away by who opens',
      [opener(attested, { Action: ['kms:Decrypt', 'kms:PutKeyPolicy'] })],
    ],
    ['opener_writes_policy', 'can be taken away in another statement', [opener(), open({ Action: 'kms:Put*' })]],
    [
      'policy_can_change',
      'can be taken away by somebody else',
      [opener(), open({ Principal: { AWS: ADMIN }, Action: 'kms:PutKeyPolicy' })],
    ],
    [
      'deny_needs_all',
      'denies by two measurements at once',
      [
        opener(),
        { ...guard, Condition: { StringNotEquals: { [IMAGE]: PCR0, 'kms:RecipientAttestation:PCR4': PCR0 } } },
      ],
    ],
    ['nobody_opens', 'is for nobody', [open({ Action: 'kms:GenerateDataKey' })]],
    ['placeholder_left', 'was not filled in', [opener(withKey('ImageSha384', '<PCR0>'))]],
  ];

  it.each(cases)('%s: %s', (code, _, statements) => {
    expect(lint(...statements.map((each) => JSON.parse(JSON.stringify(each)) as Statement))).toContain(code);
  });

  it('has a case for every code', () => {
    expect([...new Set(cases.map(([code]) => code))].sort()).toEqual(Object.keys(lintMeanings).sort());
  });
});

describe('a guard', () => {
  it.each<[string, Statement]>([
    ['for one role only', { ...guard, Principal: { AWS: ROLE } }],
    ['that lets in what has no document', { ...guard, Condition: { StringEquals: { [IMAGE]: PCR0 } } }],
    ['on the instance', { ...guard, Condition: { StringNotEquals: { 'kms:RecipientAttestation:PCR4': PCR0 } } }],
    ['with wildcards', { ...guard, Condition: { StringNotLike: { [IMAGE]: '*' } } }],
    [
      'under a second condition',
      { ...guard, Condition: { ...(guard['Condition'] as object), StringEquals: { 'aws:PrincipalArn': ROLE } } },
    ],
    ['against something else', { ...guard, Action: 'kms:Encrypt' }],
    ['of absence alone', { ...guard, Condition: { Null: { [IMAGE]: 'true' } } }],
  ])('%s is none', (_, weak) => {
    expect(lint(open(), weak)).toContain('decrypt_unattested');
  });

  it('against kms:Decrypt alone leaves another key’s way open', () => {
    expect(lint(open({ Action: ['kms:Decrypt', 'kms:ReEncryptFrom'] }), { ...guard, Action: 'kms:Decrypt' })).toEqual([
      'reencrypt_allowed',
    ]);
  });
});

describe('the template', () => {
  const template = readFileSync(join(import.meta.dirname, '../../../deploy/nitro/kms-key-policy.json'), 'utf8');

  it('is refused until it is filled in', () => {
    const codes = lintKeyPolicy(readPolicyDocument(JSON.parse(template) as JsonValue)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['placeholder_left', 'policy_can_change']));
  });

  it('is clean then, but for saying who could change it', () => {
    const filled = template
      .replace('<ARN of the role that administers the key>', ADMIN)
      .replace("<ARN of the publisher's role>", 'arn:aws:iam::111122223333:role/publisher')
      .replace("<ARN of the instance's role>", ROLE)
      .replaceAll('<PCR0 of the image>', PCR0);
    expect(filled).not.toContain('<');
    const findings = lintKeyPolicy(readPolicyDocument(JSON.parse(filled) as JsonValue));
    expect(findings.map(({ code, severity, where }) => [code, severity, where])).toEqual([
      ['policy_can_change', 'note', 'AdministersButDoesNotOpen'],
    ]);
  });
});

describe('what is no policy', () => {
  it.each<[string, JsonValue]>([
    ['a list', []],
    ['without statements', { Version: '2012-10-17' }],
    ['of another version', { Version: '2020-01-01', Statement: [opener()] }],
    ['with an unknown element', { Version: '2012-10-17', Statement: [opener(attested, { Actions: 'kms:Decrypt' })] }],
    ['with an unknown effect', { Version: '2012-10-17', Statement: [opener(attested, { Effect: 'Permit' })] }],
  ])('%s is refused', (_, json) => {
    expect(() => readPolicyDocument(json)).toThrow(WireError);
  });
});
