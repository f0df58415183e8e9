import { describe, expect, it } from 'vitest';
import { parsePolicy, parseSnpPolicy, VerifierError } from '../../../verifier/index.ts';
import { isParsedPolicy } from '../../../verifier/policy/policy.ts';
import { isParsedSnpPolicy } from '../../../verifier/policy/snp-policy.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { policyJson } from '../../support/nitro-evidence.ts';
import { snpGuestPolicyJson, snpPlatformJson, snpPolicyJson } from '../../support/snp-evidence.ts';

type Words = readonly [rule: string, words: readonly JsonValue[]];

const shared: readonly Words[] = [
  ['sealed', ['any', 'required']],
  ['headers', ['any', 'client-only']],
];

const nitro: readonly Words[] = [
  ...shared,
  ['debug', ['refuse', 'allow']],
  ['moduleId', ['any', 'matches-certificate']],
  ['unknownFields', ['refuse', 'ignore']],
  ['userDataLimit', [512, 1024]],
  ['maxAgeSeconds', ['any', 0, 1_000_000_000]],
  ['futureSkewSeconds', [0, 1_000_000_000]],
  ['leafLifetimeSeconds', ['any', 0]],
  ['regions', ['any', [], ['eu-central-1']]],
];

const snp: readonly Words[] = [
  ...shared,
  ['provisionalFirmware', ['refuse', 'allow']],
  ['maskedChipId', ['refuse', 'vlek-only', 'allow']],
  ['revocationList', ['any', 'required']],
  ['migrationAgents', ['any', 'none', []]],
  ['reportVersions', [[], [2], [3], [5], [2, 3, 5]]],
  ['vmpl', [[], [0, 1, 2, 3]]],
  ['minimumGuestSvn', ['any', 0, 0xffff_ffff]],
  ['cspIds', ['any', ['a csp']]],
];

describe('every word that a Nitro policy knows', () => {
  it.each(nitro)('%s', (rule, words) => {
    for (const word of words) {
      expect((parsePolicy(policyJson({ [rule]: word })) as unknown as Record<string, unknown>)[rule]).toEqual(word);
    }
  });
});

it('a module on the deny list has a name of 1 to 128 bytes', () => {
  const denied = (module: string) => policyJson({ denied: { certificates: [], modules: [module], images: [] } });
  expect(parsePolicy(denied('m'.repeat(128))).denied.modules).toHaveLength(1);
  for (const name of ['', 'm'.repeat(129)]) {
    expect(() => parsePolicy(denied(name))).toThrow(
      expect.objectContaining({ code: 'policy_invalid', place: { field: 'denied.modules[0]' } }),
    );
  }
});

describe('every word that an SEV-SNP policy knows', () => {
  const read = (changes: { readonly [rule: string]: JsonValue }) => parseSnpPolicy(snpPolicyJson(changes));

  it.each(snp)('%s', (rule, words) => {
    for (const word of words) {
      expect((read({ [rule]: word }) as unknown as Record<string, unknown>)[rule]).toEqual(word);
    }
  });

  it('bits and refusals inside the guest’s policy and the platform', () => {
    for (const bit of ['any', 'set', 'clear']) {
      for (const rule of Object.keys(snpPlatformJson()).filter((name) => name !== 'unknownBits')) {
        expect(read({ platform: snpPlatformJson({ [rule]: bit }) }).platform).toMatchObject({ [rule]: bit });
      }
      expect(read({ guestPolicy: snpGuestPolicyJson({ singleSocket: bit }) }).guestPolicy.singleSocket).toBe(bit);
    }
    for (const word of ['refuse', 'allow']) {
      const guestPolicy = snpGuestPolicyJson({ debug: word, migrationAgent: word });
      expect(read({ guestPolicy }).guestPolicy).toMatchObject({ debug: word, migrationAgent: word });
    }
    for (const word of ['refuse', 'ignore']) {
      expect(read({ platform: snpPlatformJson({ unknownBits: word }) }).platform.unknownBits).toBe(word);
    }
  });

  it('signers, and mitigations in hex with the first bit first', () => {
    const products = { Milan: ['VCEK', 'VLEK'], Genoa: ['VLEK'], Turin: [] };
    expect(read({ products }).products).toEqual(products);
    const { launch, current } = read({ mitigations: { launch: 'any', current: '8000000000000001' } }).mitigations;
    expect([launch, current]).toEqual(['any', 2n ** 63n + 1n]);
  });
});

describe('a policy', () => {
  const refusal = (source: Uint8Array | JsonValue): VerifierError => {
    try {
      parsePolicy(source);
    } catch (error) {
      if (error instanceof VerifierError) return error;
      throw error;
    }
    return expect.unreachable();
  };

  it('names its level in one of two words', () => {
    expect(parsePolicy(policyJson({ level: 'simulated' })).level).toBe('simulated');
    expect(parsePolicy(policyJson({ level: 'attested', roots: [] })).level).toBe('attested');
  });

  it('that cannot be read says where: a byte of text, or a rule', () => {
    expect(refusal(utf8('{"a":}')).place).toStrictEqual({ offset: 5 });
    expect(refusal(policyJson({ debug: 'any' })).place).toStrictEqual({ field: 'debug' });
    expect(refusal(policyJson({ expires: '2030-02-30T00:00:00Z' })).place).toStrictEqual({ field: 'expires' });
  });

  it('is only what its parser made', () => {
    const [one, other] = [parsePolicy(policyJson()), parseSnpPolicy(snpPolicyJson())];
    expect([isParsedPolicy(one), isParsedPolicy(other), isParsedPolicy({ ...one })]).toEqual([true, false, false]);
    expect([isParsedSnpPolicy(other), isParsedSnpPolicy(one), isParsedSnpPolicy({ ...other })]).toEqual([
      true,
      false,
      false,
    ]);
    for (const value of [null, undefined, 'any', 1]) {
      expect([isParsedPolicy(value), isParsedSnpPolicy(value)]).toEqual([false, false]);
    }
  });
});
