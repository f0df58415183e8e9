import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeSignedStatus, encodeSignedStatus } from '../../../wire/message/hub.ts';
import { refusalOf } from '../codec/support.ts';

const modelId = new Uint8Array(32).fill(5);
const owner = new Uint8Array(64).fill(2);
const signature = new Uint8Array(64).fill(6);
const usual = { modelId, status: 'deprecated', sequence: 2n ** 64n - 1n, owner, signature } as const;
const json = {
  schema: 'proofmark status v1',
  modelId: toHex(modelId),
  status: 'deprecated',
  sequence: '18446744073709551615',
  owner: toHex(owner),
  signature: Buffer.from(signature).toString('base64url'),
};

describe('a signed status', () => {
  const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-status.schema.json', 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

  it('is what its published schema says, and has one spelling', () => {
    const encoded = encodeSignedStatus(usual);
    expect(encoded).toEqual(canonicalJson(json));
    expect(decodeSignedStatus(encoded)).toEqual(usual);
    expect(validate(JSON.parse(new TextDecoder().decode(encoded)))).toBe(true);
    const spaced = utf8(` ${new TextDecoder().decode(encoded)}`);
    expect(refusalOf(() => decodeSignedStatus(spaced))).toMatchObject({ code: 'json_malformed' });
  });

  it.each<readonly [string, string, JsonValue]>([
    ['another schema', 'schema', 'proofmark status v2'],
    ['a short model id', 'modelId', '05'],
    ['upper case', 'modelId', toHex(modelId).replaceAll('0', 'A')],
    ['a status of its own', 'status', 'recommended'],
    ['a number as a number', 'sequence', 1],
    ['a leading zero', 'sequence', '01'],
    ['a sign', 'sequence', '-1'],
    ['no digits', 'sequence', ''],
    ['a short owner', 'owner', toHex(owner).slice(2)],
    ['a padded signature', 'signature', `${json.signature}==`],
    ['a date', 'date', '2026-01-01'],
  ])('with %s is refused by schema and reader', (_, field, value) => {
    const changed = { ...json, [field]: value };
    expect(refusalOf(() => decodeSignedStatus(canonicalJson(changed)))).toMatchObject({
      place: { field: `status.${field}` },
    });
    expect(validate(changed)).toBe(false);
  });

  it.each(Object.keys(json))('without %s is refused by schema and reader', (field) => {
    const { [field as keyof typeof json]: _, ...rest } = json;
    expect(refusalOf(() => decodeSignedStatus(canonicalJson(rest)))).toMatchObject({ code: 'field_missing' });
    expect(validate(rest)).toBe(false);
  });

  it('has a number of 64 bits, which the schema leaves to readers', () => {
    const beyond = { ...json, sequence: '18446744073709551616' };
    expect(refusalOf(() => decodeSignedStatus(canonicalJson(beyond)))).toMatchObject({ code: 'field_invalid' });
  });

  it('is read within bounds', () => {
    const long = new Uint8Array(limits.signedStatusBytes + 1);
    expect(refusalOf(() => decodeSignedStatus(long))).toMatchObject({ code: 'too_large' });
  });
});
