import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeProof, encodeChainProof, encodeProof } from '../../../wire/message/proof.ts';
import { forgedProof } from '../../support/trapdoor.ts';
import { codeOf, refusalOf } from '../codec/support.ts';

const proof = forgedProof([1n, 2n, 3n]);
const word = '07'.repeat(32);
const json = JSON.parse(new TextDecoder().decode(encodeProof(proof))) as Record<string, JsonValue>;
const read = (value: JsonValue): unknown => decodeProof(utf8(JSON.stringify(value)));

describe('a proof file', () => {
  const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-proof.schema.json', 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(schema);

  it('is what its published schema says', () => {
    expect(decodeProof(encodeProof(proof))).toEqual(proof);
    expect(validate(json)).toBe(true);
  });

  it.each<readonly [string, string, JsonValue]>([
    ['another schema', 'schema', 'proofmark proof v2'],
    ['a prefix', 'circuit', `0x${word.slice(2)}`],
    ['upper case', 'commitment', 'AB'.repeat(32)],
    ['a number', 'point', 0],
    ['a short word', 'evaluation', word.slice(2)],
    ['a point of one coordinate', 'a', [word]],
    ['a point of three coordinates', 'c', [word, word, word]],
    ['a point of the first group for one of the second', 'b', [word, word]],
    ['a point that is no list', 'a', word],
    ['a field of its own', 'chain', 'test'],
  ])('with %s is refused by schema and reader', (_, field, value) => {
    const changed = { ...json, [field]: value };
    const refusal = refusalOf(() => read(changed));
    expect(refusal).toMatchObject({ place: { field: expect.stringContaining(`proof.${field}`) } });
    expect(validate(changed)).toBe(false);
  });

  it.each(Object.keys(json))('without %s is refused by schema and reader', (field) => {
    const { [field]: _, ...rest } = json;
    expect(codeOf(() => read(rest))).toBe('field_missing');
    expect(validate(rest)).toBe(false);
  });

  it('has a limit', () => {
    const spaced = utf8(`${JSON.stringify(json)}${' '.repeat(limits.proofBytes)}`);
    expect(codeOf(() => decodeProof(spaced))).toBe('too_large');
  });

  it('is not written with what nobody would read', () => {
    expect(codeOf(() => encodeProof({ ...proof, point: new Uint8Array(31) }))).toBe('field_invalid');
  });
});

it('a proof for a chain is commitment, points and the elements of the input, in words', () => {
  const encoded = encodeChainProof({ commitment: proof.commitment, points: proof, elements: [5n, 2n ** 248n - 1n] });
  const words = [proof.commitment, ...proof.a, ...proof.b.flat(), ...proof.c].map(toHex);
  expect(toHex(encoded)).toBe([...words, '5'.padStart(64, '0'), 'ff'.repeat(31).padStart(64, '0')].join(''));
});
