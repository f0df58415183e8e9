import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { configurationFromJson, configurationToJson } from '../../cli/configuration/json.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeConfiguration, encodeConfiguration } from '../../wire/message/configuration.ts';
import { command } from '../support/command.ts';
import { testConfiguration } from '../support/fake-log.ts';

const directory = mkdtempSync(join(tmpdir(), 'proofmark-configuration-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const written = testConfiguration({
  models: [new Uint8Array(32).fill(7)],
  prices: [
    { model: 'any', operation: 0, unitPrice: 0n },
    { model: new Uint8Array(32).fill(7), operation: 1, unitPrice: 2n ** 128n - 1n },
  ],
  chainId: 2n ** 256n - 1n,
  operator: new Uint8Array(20).fill(3),
  telemetry: 'counters',
});
const json = configurationToJson(written) as Readonly<Record<string, unknown>>;
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
  JSON.parse(readFileSync('attestations/schemas/proofmark-configuration.schema.json', 'utf8')) as object,
);

function bytesOf(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

function refusalOf(value: unknown): string {
  try {
    configurationFromJson(bytesOf(value));
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('a configuration as text', () => {
  it('is the same bytes after a round, whatever the order of its members', () => {
    expect(configurationFromJson(bytesOf(json))).toEqual(written);
    expect(configurationFromJson(bytesOf(Object.fromEntries(Object.entries(json).reverse())))).toEqual(written);
    expect(validate(json)).toBe(true);
  });

  const limits = json['limits'] as Readonly<Record<string, unknown>>;
  it.each([
    ['a missing member', { ...json, telemetry: undefined }, 'field_missing'],
    ['an unknown member', { ...json, debug: true }, 'field_unknown'],
    ['another version', { ...json, version: 2 }, 'field_invalid'],
    ['no publisher', { ...json, publishers: [] }, 'field_invalid'],
    ['upper-case hex', { ...json, operator: 'AB'.repeat(20) }, 'field_invalid'],
    ['a short model id', { ...json, models: ['00'] }, 'field_invalid'],
    ['a price that is a number', { ...json, prices: [{ model: 'any', operation: 0, unitPrice: 0 }] }, 'field_invalid'],
    [
      'an operation that is none',
      { ...json, prices: [{ model: 'any', operation: 3, unitPrice: '0' }] },
      'field_invalid',
    ],
    ['a limit out of its range', { ...json, limits: { ...limits, runMilliseconds: 0 } }, 'field_invalid'],
    ['a limit that is missing', { ...json, limits: { ...limits, models: undefined } }, 'field_missing'],
    ['another telemetry', { ...json, telemetry: 'everything' }, 'field_invalid'],
  ])('is refused with %s, by the reader and by the schema', (_, value, code) => {
    expect(refusalOf(value)).toBe(code);
    expect(validate(JSON.parse(JSON.stringify(value)))).toBe(false);
  });

  it('has the ranges of the wire in its schema', () => {
    const { properties } = JSON.parse(
      readFileSync('attestations/schemas/proofmark-configuration.schema.json', 'utf8'),
    ) as { properties: { limits: { properties: Record<string, { minimum: number; maximum: number }> } } };
    const value = decodeConfiguration(written);
    for (const [name, { minimum, maximum }] of Object.entries(properties.limits.properties)) {
      for (const [limit, accepted] of [
        [minimum, true],
        [maximum, true],
        [minimum - 1, false],
        [maximum + 1, false],
      ] as const) {
        const encode = (): Uint8Array => encodeConfiguration({ ...value, limits: { ...value.limits, [name]: limit } });
        if (accepted) expect(encode).not.toThrow();
        else expect(encode, `${name} ${limit}`).toThrow();
      }
    }
  });
});

describe('proofmark configuration', () => {
  const source = join(directory, 'worker.json');
  const out = join(directory, 'worker.cbor');
  writeFileSync(source, JSON.stringify(json));

  it('writes the frame, prints the digest that is attested, and shows it again', async () => {
    const encoded = await command('configuration', 'encode', source, '--out', out);
    expect(encoded).toMatchObject({ code: 0, out: `${toHex(sha256(written))}\n`, err: '' });
    expect(Uint8Array.from(readFileSync(out))).toEqual(written);
    const shown = await command('configuration', 'show', out);
    expect(shown).toMatchObject({ code: 0, err: `sha256 ${toHex(sha256(written))}\n` });
    expect(JSON.parse(shown.out)).toEqual(json);
  });

  it.each([
    [['encode', source], 2],
    [['encode', source, source, '--out', out], 2],
    [['show', out, '--out', out], 2],
    [['mend', out], 2],
    [[], 2],
    [['show', join(directory, 'absent')], 1],
    [['show', source], 1],
    [['encode', out, '--out', join(directory, 'never')], 1],
  ])('ends in one line for %j', async (args, code) => {
    const result = await command('configuration', ...args);
    expect(result.code).toBe(code);
    expect(result.err).toMatch(/^proofmark: [^\n]+\n$/);
  });
});
