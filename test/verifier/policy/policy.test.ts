import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchors, parsePolicy, VerifierError } from '../../../verifier/index.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { evidence, policyJson, rulingOn } from '../../support/nitro-evidence.ts';

const folder = new URL('../../../attestations/policies/', import.meta.url);
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
const template = read('aws-nitro-default.json');
const templateJson = JSON.parse(new TextDecoder().decode(template)) as { readonly [rule: string]: JsonValue };
const schema = JSON.parse(new TextDecoder().decode(read('policy.schema.json'))) as object;
const fitsSchema = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

/** Every rule by its path, so that each can be taken away. */
const paths = [
  ...Object.keys(policyJson()),
  'pcrs.3',
  'pcrs.4',
  'pcrs.8',
  'denied.certificates',
  'denied.modules',
  'denied.images',
];

function without(path: string): JsonValue {
  const copy = structuredClone(policyJson()) as Record<string, JsonValue>;
  const [rule, inner] = path.split('.') as [string, string?];
  if (inner === undefined) delete copy[rule];
  else delete (copy[rule] as Record<string, JsonValue>)[inner];
  return copy;
}

function refusal(source: Uint8Array | JsonValue): VerifierError {
  try {
    parsePolicy(source);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error('the policy was accepted');
}

const vendorRoot = anchors.find(({ tee }) => tee === 'aws-nitro')?.sha256 as string;
const badRules: readonly (readonly [rule: string, value: JsonValue])[] = [
  ['version', 2],
  ['version', '1'],
  ['name', ''],
  ['expires', '2030-02-30T00:00:00Z'],
  ['expires', '2030-01-01T00:00:00+00:00'],
  ['expires', '2030-01-01T00:00:00.000Z'],
  ['expires', 'any'],
  ['expires', 1_900_000_000_000],
  ['tee', 'any'],
  ['tee', 'amd-sev-snp'],
  ['level', 'any'],
  ['roots', 'any'],
  ['roots', ['AB'.repeat(32)]],
  ['images', null],
  ['images', 'Any'],
  ['images', ['any']],
  ['images', [{ pcr0: '00'.repeat(48), pcr1: '00'.repeat(48) }]],
  ['images', [{ pcr0: '00'.repeat(47), pcr1: '00'.repeat(48), pcr2: '00'.repeat(48) }]],
  [
    'images',
    Array.from({ length: 1_025 }, () => ({ pcr0: '00'.repeat(48), pcr1: '00'.repeat(48), pcr2: '00'.repeat(48) })),
  ],
  ['pcrs', 'any'],
  ['pcrs', { '3': 'any', '4': 'any', '8': 'any', '16': 'any' }],
  ['debug', 'any'],
  ['debug', false],
  ['maxAgeSeconds', -1],
  ['maxAgeSeconds', 1.5],
  ['maxAgeSeconds', null],
  ['futureSkewSeconds', 'any'],
  ['leafLifetimeSeconds', '10860'],
  ['moduleId', 'ignore'],
  ['regions', ['US-EAST-1']],
  ['unknownFields', 'any'],
  ['userDataLimit', 2048],
  ['configurations', ['00']],
  ['operators', ['0x'.padEnd(42, '0')]],
  ['chain', { chainId: 1, registry: '00'.repeat(20), settlement: '00'.repeat(20) }],
  ['chain', { chainId: '01', registry: '00'.repeat(20), settlement: '00'.repeat(20) }],
  ['chain', { chainId: '1', registry: '00'.repeat(20) }],
  ['publishers', ['00'.repeat(65)]],
  ['models', [1]],
  ['sealed', 'preferred'],
  ['headers', 'required'],
  ['denied', 'any'],
];

describe('parsePolicy', () => {
  it.each(paths)('refuses a policy without %s, as the schema does (A8)', (path) => {
    const error = refusal(without(path));
    expect(error.code).toBe('policy_invalid');
    expect(error.place.field).toBe(path);
    expect(fitsSchema(without(path))).toBe(false);
  });

  it.each(badRules.map(([rule, value]) => ({ rule, value, shown: JSON.stringify(value).slice(0, 60) })))(
    'refuses $rule: $shown',
    ({ rule, value }) => {
      const error = refusal(policyJson({ [rule]: value }));
      expect(error.code).toBe('policy_invalid');
      expect(error.place.field?.startsWith(rule)).toBe(true);
    },
  );

  it('P3 refuses an unknown rule, at the top and inside', () => {
    for (const bad of [
      policyJson({ allowDebug: true }),
      policyJson({ denied: { certificates: [], modules: [], images: [], chips: [] } }),
    ]) {
      expect(refusal(bad).code).toBe('policy_invalid');
      expect(fitsSchema(bad)).toBe(false);
    }
  });

  it('P1 refuses an empty policy and other JSON', () => {
    for (const bad of [{}, [], null, 'any', 1]) expect(refusal(bad).code).toBe('policy_invalid');
    for (const bad of ['', '{', '[]', '{"version":1,"version":1}', '\ufeff{}']) {
      expect(refusal(utf8(bad)).code).toBe('policy_invalid');
    }
  });

  it('agrees with the schema on what is well-formed', () => {
    for (const [rule, value] of badRules) {
      // Dates that do not exist are beyond what a schema can say.
      if (value === '2030-02-30T00:00:00Z') continue;
      expect([rule, value, fitsSchema(policyJson({ [rule]: value }))]).toEqual([rule, value, false]);
    }
    expect(fitsSchema(policyJson())).toBe(true);
  });

  it('P4 P5 lets no policy mix a level with the roots of the other', () => {
    expect(refusal(policyJson({ level: 'attested' })).message).toMatch(/not a pinned vendor root in roots\[0\]/);
    expect(refusal(policyJson({ roots: [vendorRoot] })).message).toMatch(/a vendor root in a simulated policy/);
    expect(refusal(policyJson({ level: 'attested', roots: [vendorRoot, '00'.repeat(32)] })).place.field).toBe(
      'roots[1]',
    );
  });

  it('reads bytes and parsed JSON alike, and copies', () => {
    const json = structuredClone(policyJson()) as { images: { pcr0: string }[] };
    const fromJson = parsePolicy(json as unknown as JsonValue);
    (json.images[0] as { pcr0: string }).pcr0 = '00'.repeat(48);
    expect(fromJson).toEqual(parsePolicy(utf8(JSON.stringify(policyJson()))));
    expect(Object.isFrozen(fromJson)).toBe(true);
    expect(Object.isFrozen(fromJson.denied)).toBe(true);
    expect(fromJson.expires).toBe(Date.UTC(2031, 0, 1));
  });

  it('refuses an object that throws when it is read', () => {
    const trap = Object.defineProperty({ ...policyJson() }, 'name', {
      enumerable: true,
      get: () => {
        throw new RangeError('gotcha');
      },
    });
    expect(refusal(trap as JsonValue).code).toBe('policy_invalid');
  });

  it('reads a named chain', () => {
    const chain = { chainId: '8453', registry: '11'.repeat(20), settlement: '22'.repeat(20) };
    expect(parsePolicy(policyJson({ chain })).chain).toEqual({
      chainId: 8453n,
      registry: new Uint8Array(20).fill(0x11),
      settlement: new Uint8Array(20).fill(0x22),
    });
  });

  it('throws nothing but VerifierError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.jsonValue()), (source) => {
        expect(refusal(source as JsonValue).code).toBe('policy_invalid');
      }),
    );
  });
});

describe('the template for AWS Nitro', () => {
  it('fits its schema and its parser, and accepts no image', () => {
    expect(fitsSchema(templateJson)).toBe(true);
    const policy = parsePolicy(template);
    expect(policy.images).toEqual([]);
    expect(policy.level).toBe('attested');
    expect(policy.name).toMatch(/accepts no image/);
  });

  it('accepts no document until an image is listed', async () => {
    // The same rules for a simulated root, since nobody here can sign under the vendor's.
    const { level, roots } = policyJson();
    const policy = parsePolicy({ ...templateJson, level, roots, expires: '2031-01-01T00:00:00Z' } as JsonValue);
    expect(await rulingOn(evidence(), { policy })).toBe('refused image_refused');
  });
});
