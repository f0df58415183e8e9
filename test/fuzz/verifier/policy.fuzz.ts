import { deepStrictEqual } from 'node:assert/strict';
import snpDefault from '../../../attestations/policies/amd-sev-snp-default.json' with { type: 'json' };
import nitroDefault from '../../../attestations/policies/aws-nitro-default.json' with { type: 'json' };
import { VerifierError } from '../../../verifier/errors.ts';
import { type NitroPolicy, parsePolicy } from '../../../verifier/policy/policy.ts';
import { parseSnpPolicy, type SnpPolicy } from '../../../verifier/policy/snp-policy.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { type Check, forCheck, oneOfMany } from '../refused.ts';

/** A policy is read whole or refused, from bytes as from what they parse to, and nobody can change it afterwards. */
export const fuzz: Check = oneOfMany([parsePolicy, parseSnpPolicy].map(reads));

function reads(parse: (source: Uint8Array | JsonValue) => NitroPolicy | SnpPolicy): Check {
  return (data) => {
    const policy = unlessInvalid(() => parse(data));
    if (policy === undefined) return;
    deepStrictEqual(parse(JSON.parse(new TextDecoder().decode(data)) as JsonValue), policy);
    assertFrozen(policy);
  };
}

function unlessInvalid<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof VerifierError && error.code === 'policy_invalid') return undefined;
    throw error;
  }
}

function assertFrozen(value: unknown): void {
  // Bytes cannot be frozen; the readers made copies of them.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (!Object.isFrozen(value)) throw new Error('a part of the policy can be changed');
  for (const part of Object.values(value)) assertFrozen(part);
}

const hash = '5a'.repeat(32);
const pcr = '0c'.repeat(48);

const simulated = {
  ...nitroDefault,
  level: 'simulated',
  roots: [hash],
  images: [{ pcr0: pcr, pcr1: pcr, pcr2: pcr }],
  pcrs: { '3': [pcr], '4': 'any', '8': [] },
  regions: ['zz-test-1'],
  chain: { chainId: '31337', registry: '11'.repeat(20), settlement: '22'.repeat(20) },
  models: [hash],
  maxAgeSeconds: 600,
  denied: { certificates: [hash], modules: ['m'], images: [pcr] },
};

const seed = (index: number, policy: unknown): Uint8Array => forCheck(index, utf8(JSON.stringify(policy)));

export const seeds: readonly Uint8Array[] = [
  seed(0, nitroDefault),
  seed(0, simulated),
  seed(0, { ...simulated, level: 'attested' }),
  seed(0, { ...simulated, expires: '2026-02-30T00:00:00Z' }),
  seed(1, snpDefault),
  seed(1, {
    ...snpDefault,
    vmpl: [0, 3],
    measurements: [pcr],
    migrationAgents: [hash],
    cspIds: ['cloud'],
    firmware: { current: 'any', committed: { major: 1, minor: 55, build: 3 } },
    mitigations: { launch: 'any', current: '000000000000000f' },
  }),
];
