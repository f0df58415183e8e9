import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchors, parsePolicy, parseSnpPolicy, VerifierError } from '../../../verifier/index.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { policyJson } from '../../support/nitro-evidence.ts';
import {
  anyTcb,
  type SnpChanges,
  snpEvidence,
  snpGuestPolicyJson,
  snpPlatformJson,
  snpPolicyJson,
  snpRulingOn,
} from '../../support/snp-evidence.ts';

const folder = new URL('../../../attestations/policies/', import.meta.url);
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
const parse = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const template = read('amd-sev-snp-default.json');
const templateJson = parse(template) as { readonly [rule: string]: JsonValue };
const fitsSchema = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
  parse(read('snp-policy.schema.json')) as object,
);
const rootOf = (anchor: string): string => anchors.find(({ name }) => name === anchor)?.sha256 as string;

const floor = { bootloader: 1, tee: 1, snp: 1, microcode: 'any' };
/** Every kind of rule written out, so that each of their parts can be taken away. */
const full = snpPolicyJson({
  tcb: {
    reported: {
      Milan: { ...floor, microcode: [{ model: 1, stepping: 1, minimum: 1 }] },
      Genoa: floor,
      Turin: { fmc: 1, ...floor },
    },
    committed: anyTcb,
    launch: anyTcb,
  },
  firmware: { current: { major: 1, minor: 55, build: 1 }, committed: 'any' },
  guestPolicy: snpGuestPolicyJson({ minimumAbi: { major: 1, minor: 51 } }),
});

function pathsOf(value: JsonValue, prefix = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: JsonValue, index) => pathsOf(item, `${prefix}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as { readonly [key: string]: JsonValue }).flatMap(([key, inner]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [path, ...pathsOf(inner, path)];
  });
}

function without(path: string): JsonValue {
  const copy = structuredClone(full) as JsonValue;
  const steps = path.split(/[.[\]]/).filter((step) => step !== '');
  let at = copy as Record<string, JsonValue>;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, JsonValue>;
  delete at[steps.at(-1) as string];
  return copy;
}

function refusal(source: Uint8Array | JsonValue): VerifierError {
  try {
    parseSnpPolicy(source);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error('the policy was accepted');
}

const reported = (product: string, value: JsonValue): JsonValue => ({
  reported: { ...anyTcb, [product]: value },
  committed: anyTcb,
  launch: anyTcb,
});

const badRules: readonly (readonly [rule: string, value: JsonValue])[] = [
  ['version', 2],
  ['expires', '2030-01-01'],
  ['tee', 'aws-nitro'],
  ['level', 'any'],
  ['roots', 'any'],
  ['measurements', ['00'.repeat(47)]],
  ['measurements', 'ANY'],
  ['reportVersions', 'any'],
  ['reportVersions', [4]],
  ['reportVersions', ['5']],
  ['products', { Milan: [], Genoa: [] }],
  ['products', { Milan: [], Genoa: [], Turin: [], Venice: [] }],
  ['products', { Milan: 'any', Genoa: [], Turin: [] }],
  ['products', { Milan: ['VCEK', 'VLEK', 'VCEK'], Genoa: [], Turin: [] }],
  ['vmpl', 'any'],
  ['vmpl', [4]],
  ['vmpl', [-1]],
  ['tcb', 'any'],
  ['tcb', reported('Genoa', { bootloader: 1, tee: 1, snp: 1 })],
  ['tcb', reported('Genoa', { fmc: 1, ...floor })],
  ['tcb', reported('Turin', floor)],
  ['tcb', reported('Genoa', { ...floor, snp: 256 })],
  ['tcb', reported('Genoa', { ...floor, microcode: 84 })],
  ['tcb', reported('Genoa', { ...floor, microcode: [{ model: 17, minimum: 84 }] })],
  ['provisionalFirmware', 'any'],
  ['firmware', 'any'],
  ['firmware', { current: '1.55.1', committed: 'any' }],
  ['maskedChipId', 'any'],
  ['chips', ['00'.repeat(8)]],
  ['cspIds', ['']],
  ['guestPolicy', 'any'],
  ['guestPolicy', snpGuestPolicyJson({ debug: 'any' })],
  ['guestPolicy', snpGuestPolicyJson({ smtAllowed: true })],
  ['guestPolicy', snpGuestPolicyJson({ minimumAbi: '1.55' })],
  ['platform', snpPlatformJson({ aliasCheckComplete: 'required' })],
  ['platform', snpPlatformJson({ unknownBits: 'any' })],
  ['minimumGuestSvn', 2 ** 32],
  ['minimumGuestSvn', '1'],
  ['hostData', ['00'.repeat(31)]],
  ['familyIds', ['00'.repeat(32)]],
  ['idKeyDigests', 'none'],
  ['migrationAgents', 'all'],
  ['mitigations', { launch: '0b', current: 'any' }],
  ['mitigations', { launch: 11, current: 'any' }],
  ['mitigations', 'any'],
  ['revocationList', 'when-shown'],
  ['denied', { certificates: [], chips: [] }],
  ['denied', { certificates: [], chips: ['00'], measurements: [] }],
];

describe('parseSnpPolicy', () => {
  it.each(pathsOf(full))('refuses a policy without %s, as the schema does (A8)', (path) => {
    const error = refusal(without(path));
    expect(error.code).toBe('policy_invalid');
    expect(fitsSchema(without(path))).toBe(false);
  });

  it.each(badRules.map(([rule, value]) => ({ rule, value, shown: JSON.stringify(value).slice(0, 80) })))(
    'refuses $rule: $shown, as the schema does',
    ({ rule, value }) => {
      const error = refusal(snpPolicyJson({ [rule]: value }));
      expect(error.code).toBe('policy_invalid');
      expect(error.place.field?.startsWith(rule)).toBe(true);
      expect(fitsSchema(snpPolicyJson({ [rule]: value }))).toBe(false);
    },
  );

  it('accepts what the schema accepts', () => {
    for (const good of [full, snpPolicyJson(), snpPolicyJson({ migrationAgents: ['00'.repeat(32)] })]) {
      expect(fitsSchema(good)).toBe(true);
      expect(parseSnpPolicy(good)).toEqual(parseSnpPolicy(utf8(JSON.stringify(good))));
    }
  });

  it('P3 refuses an unknown rule, at the top and inside', () => {
    for (const bad of [
      snpPolicyJson({ allowDebug: true }),
      snpPolicyJson({ guestPolicy: snpGuestPolicyJson({ allowDebug: true }) }),
      snpPolicyJson({ platform: snpPlatformJson({ bit8: 'set' }) }),
    ]) {
      expect(refusal(bad).code).toBe('policy_invalid');
      expect(fitsSchema(bad)).toBe(false);
    }
  });

  it('P4 P5 lets no policy mix a level with the roots of the other, nor one hardware with another’s', () => {
    const genoa = rootOf('amd-ark-genoa');
    const aws = rootOf('aws-nitro-enclaves-g1');
    const hardware = (roots: readonly string[]): JsonValue => snpPolicyJson({ level: 'attested', roots });
    expect(parseSnpPolicy(hardware([genoa])).level).toBe('attested');
    expect(refusal(hardware([genoa, aws])).place.field).toBe('roots[1]');
    expect(refusal(hardware(['00'.repeat(32)])).message).toMatch(/not a pinned vendor root in roots\[0\]/);
    for (const root of [genoa, aws]) {
      expect(refusal(snpPolicyJson({ roots: [root] })).message).toMatch(/a vendor root in a simulated policy/);
    }
    expect(() => parsePolicy(policyJson({ level: 'attested', roots: [genoa] }))).toThrow(/not a pinned vendor root/);
  });

  it('reads mitigation bits with the most significant first', () => {
    const { mitigations } = parseSnpPolicy(
      snpPolicyJson({ mitigations: { launch: '800000000000000b', current: 'any' } }),
    );
    expect(mitigations).toEqual({ launch: 0x8000_0000_0000_000bn, current: 'any' });
  });

  it('freezes what it read', () => {
    const policy = parseSnpPolicy(full);
    expect(Object.isFrozen(policy.guestPolicy)).toBe(true);
    expect(Object.isFrozen(policy.tcb.reported.Genoa)).toBe(true);
  });

  it('throws nothing but VerifierError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.jsonValue()), (source) => {
        expect(refusal(source as JsonValue).code).toBe('policy_invalid');
      }),
    );
  });
});

describe('the template for AMD SEV-SNP', () => {
  const { level, roots } = snpPolicyJson();
  /** The same rules for simulated roots, since nobody here can sign under the vendor's. */
  const withRules = (changes: { readonly [rule: string]: JsonValue } = {}) =>
    parseSnpPolicy({ ...templateJson, level, roots, expires: '2031-01-01T00:00:00Z', ...changes } as JsonValue);
  const listed = { measurements: ['11'.repeat(48)] };

  it('fits its schema and its parser, and accepts no measurement', async () => {
    expect(fitsSchema(templateJson)).toBe(true);
    const policy = parseSnpPolicy(template);
    expect(policy).toMatchObject({ level: 'attested', measurements: [], cspIds: [] });
    expect(policy.name).toMatch(/accepts no measurement/);
    expect(await snpRulingOn(snpEvidence(), { policy: withRules() })).toBe('refused measurement_refused');
  });

  it.each([
    ['accepts a measured Genoa at its minima', 'accepted', {}],
    ['accepts a measured Turin at its minima', 'accepted', { product: 'Turin' }],
    ['refuses a VCEK of Milan', 'refused product_line_refused', { product: 'Milan' }],
    ['refuses a cloud that is not named', 'refused csp_refused', { kind: 'VLEK' }],
    ['refuses version 2', 'refused report_version_refused', { version: 2 }],
    ['refuses VMPL 1', 'refused vmpl_refused', { patches: { 48: [1] } }],
    ['refuses DEBUG', 'refused guest_debug', { patches: { 10: [0x0b] } }],
    ['refuses MIGRATE_MA', 'refused guest_migratable', { patches: { 10: [0x07] } }],
    ['refuses a platform without the alias check', 'refused alias_check_incomplete', { patches: { 64: [0x05] } }],
    [
      'refuses microcode that EntrySign gets past',
      'refused tcb_too_low',
      { endorsement: { levels: genoaLevels(0x53) }, patches: genoaTcb(0x53) },
    ],
    [
      'accepts the microcode of Siena, which counts from elsewhere',
      'accepted',
      {
        endorsement: { levels: genoaLevels(0x19) },
        patches: { ...genoaTcb(0x19), 392: [0x19, 0xa0, 2] },
      },
    ],
  ] as readonly (readonly [string, string, SnpChanges])[])('%s: %s', async (_, ruling, changes) => {
    expect(await snpRulingOn(snpEvidence(changes), { policy: withRules(listed) })).toBe(ruling);
  });
});

function genoaLevels(microcode: number): { readonly [spl: string]: number } {
  return { bootloader: 10, tee: 0, spl4: 0, spl5: 0, spl6: 0, spl7: 0, snp: 0x1b, microcode };
}

function genoaTcb(microcode: number): { readonly [offset: number]: readonly number[] } {
  const tcb = [10, 0, 0, 0, 0, 0, 0x1b, microcode];
  return { 56: tcb, 384: tcb, 480: tcb, 496: tcb };
}
