import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { decodeOffers, decodePriceList, encodePriceList } from '../../../wire/message/price-list.ts';

type Json = Readonly<Record<string, JsonValue>>;

const hash = 'ab'.repeat(32);
const common = { operation: 'infer', unitPrice: '12', gas: 190_000 };
const verifier = { chainId: '31337', address: 'cd'.repeat(20), codeHash: hash };
const auditor = { key: 'ef'.repeat(64), url: 'https://auditor.example' };
const replayed: Json = { level: 'replayed', ...common, verifier, auditors: { threshold: 1, named: [auditor] } };
const recomputed: Json = { level: 'recomputed', ...common, verifier: null };
const proved: Json = { level: 'proved', ...common, verifier, circuit: hash, setup: 'ceremony', seconds: null };
const attested: Json = { level: 'attested', ...common, gas: null, verifier: null };

const listOf = (...levels: readonly JsonValue[]): Json => ({
  format: 'proofmark levels v1',
  models: [{ modelId: hash, levels }],
});
const whole = listOf(attested, replayed, recomputed, proved);
const bytes = (value: JsonValue): Uint8Array => utf8(JSON.stringify(value));

const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-levels.schema.json', 'utf8')) as object;
const fits = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

describe('a price list', () => {
  it('is read, and written as it was read', () => {
    const list = decodePriceList(bytes(whole));
    expect(list.models[0]?.levels.map(({ level }) => level)).toEqual(['attested', 'replayed', 'recomputed', 'proved']);
    expect(JSON.parse(new TextDecoder().decode(encodePriceList(list)))).toEqual(whole);
    expect(fits(whole)).toBe(true);
  });

  it.each<[string, Json]>([
    ['a level that is none', listOf({ ...recomputed, level: 'simulated' })],
    ['no level', listOf(5)],
    ['a price that is a number', listOf({ ...recomputed, unitPrice: 12 })],
    ['a field of another level', listOf({ ...recomputed, circuit: hash })],
    ['a circuit that is left out', listOf(Object.fromEntries(Object.entries(proved).filter(([n]) => n !== 'circuit')))],
    ['a setup that is neither', listOf({ ...proved, setup: 'any' })],
    ['another operation', listOf({ ...recomputed, operation: 'train' })],
    ['nobody named', listOf({ ...replayed, auditors: { threshold: 1, named: [] } })],
    [
      'an address that is no web address',
      listOf({ ...replayed, auditors: { threshold: 1, named: [{ ...auditor, url: 'file:x' }] } }),
    ],
    ['an unknown field', { ...whole, more: 1 }],
  ])('with %s is refused by schema and reader', (_, value) => {
    expect(fits(value)).toBe(false);
    expect(codeOf(() => decodePriceList(bytes(value)))).toMatch(/^field_/);
  });

  it('counts parties and models, not lines', () => {
    const twice = { threshold: 1, named: [auditor, { ...auditor, url: 'https://other.example' }] };
    const [model] = (whole as { models: readonly JsonValue[] }).models;
    for (const value of [
      listOf({ ...replayed, auditors: twice }),
      listOf({ ...replayed, auditors: { threshold: 2, named: [auditor] } }),
      { ...whole, models: [model, model] } as Json,
    ]) {
      expect(codeOf(() => decodePriceList(bytes(value)))).toBe('field_invalid');
    }
  });

  it('as an operator writes it does not say what the configuration says', () => {
    expect(codeOf(() => decodeOffers(bytes(listOf(replayed))))).toBe('read');
    expect(codeOf(() => decodeOffers(bytes(whole)))).toBe('field_invalid');
  });
});
