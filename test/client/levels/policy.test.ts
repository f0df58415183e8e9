import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ClientError } from '../../../client/errors.ts';
import { parseLevelsPolicy, usualLevelsPolicy } from '../../../client/levels/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { createAuditor } from './evidence.ts';

const [a, b] = [createAuditor(), createAuditor()];
const whole: Readonly<Record<string, JsonValue>> = {
  format: 'proofmark levels policy v1',
  name: 'mine',
  auditors: { keys: [toHex(a.id), toHex(b.id)], threshold: 2 },
  setups: 'dev-too',
  recomputations: 'any',
};

function refusal(source: JsonValue | Uint8Array): string {
  try {
    parseLevelsPolicy(source);
    return 'accepted';
  } catch (error) {
    if (error instanceof ClientError) return `${error.code} ${error.reason}`;
    throw error;
  }
}

describe('a levels policy', () => {
  it('is read from a file, and from what a file holds', () => {
    expect(parseLevelsPolicy(whole)).toEqual({ ...whole, auditors: { keys: [a.id, b.id], threshold: 2 } });
    expect(parseLevelsPolicy(utf8(JSON.stringify(whole))).name).toBe('mine');
  });

  it('names every rule', () => {
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole;
      expect(refusal(rest)).toBe('argument_invalid field_missing');
    }
    expect(refusal({ ...whole, more: 1 })).toBe('argument_invalid field_unknown');
  });

  it('has a schema that says the same', () => {
    const file = new URL('../../../attestations/schemas/proofmark-levels-policy.schema.json', import.meta.url);
    const fits = new Ajv2020({ strict: true, strictTypes: false }).compile(
      JSON.parse(readFileSync(file, 'utf8')) as object,
    );
    const { name: _, ...nameless } = whole;
    for (const [value, accepted] of [
      [whole, true],
      [{ ...whole, auditors: 'none' }, true],
      [{ ...whole, more: 1 }, false],
      [nameless, false],
      [{ ...whole, setups: 'any' }, false],
    ] as const) {
      expect(fits(value)).toBe(accepted);
      expect(refusal(value) === 'accepted').toBe(accepted);
    }
  });

  it('counts parties, not lines', () => {
    const keys = [toHex(a.id), toHex(a.id)];
    expect(refusal({ ...whole, auditors: { keys, threshold: 1 } })).toBe('argument_invalid field_invalid');
    expect(refusal({ ...whole, auditors: { keys: [toHex(a.id)], threshold: 2 } })).toBe(
      'argument_invalid field_invalid',
    );
    expect(refusal({ ...whole, auditors: { keys: [], threshold: 0 } })).toBe('argument_invalid field_invalid');
  });

  it('has one for whoever names nobody', () => {
    expect(usualLevelsPolicy).toMatchObject({ auditors: 'none', setups: 'ceremony', recomputations: 'none' });
    expect(refusal(utf8('{'))).toMatch(/^argument_invalid/);
  });
});
