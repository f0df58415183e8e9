import { describe, expect, it } from 'vitest';
import { parsePolicy, parseSnpPolicy, parseWorkerPolicy, VerifierError } from '../../../verifier/index.ts';
import { isParsedWorkerPolicy } from '../../../verifier/policy/worker-policy.ts';
import { utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { policyJson } from '../../support/nitro-evidence.ts';
import { snpPolicyJson } from '../../support/snp-evidence.ts';

const asBytes = (value: JsonValue): Uint8Array => utf8(JSON.stringify(value));

function refusal(source: Uint8Array | JsonValue): VerifierError {
  try {
    parseWorkerPolicy(source);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new TypeError('it was accepted');
}

describe('parseWorkerPolicy', () => {
  it('reads a policy for the hardware that it names, from bytes and from parsed JSON', () => {
    for (const source of [policyJson(), asBytes(policyJson())]) {
      expect(parseWorkerPolicy(source)).toEqual(parsePolicy(source));
    }
    for (const source of [snpPolicyJson(), asBytes(snpPolicyJson())]) {
      expect(parseWorkerPolicy(source)).toEqual(parseSnpPolicy(source));
    }
  });

  it('makes the kind of policy that verification takes, and no imitation is one', () => {
    const policy = parseWorkerPolicy(snpPolicyJson());
    expect(isParsedWorkerPolicy(policy)).toBe(true);
    expect(isParsedWorkerPolicy(parseWorkerPolicy(policyJson()))).toBe(true);
    expect(isParsedWorkerPolicy({ ...policy })).toBe(false);
  });

  it('refuses rules of one kind of hardware under the name of another', () => {
    expect(refusal({ ...policyJson(), tee: 'amd-sev-snp' }).code).toBe('policy_invalid');
    expect(refusal({ ...snpPolicyJson(), tee: 'aws-nitro' }).code).toBe('policy_invalid');
  });

  it.each<JsonValue>([null, 'aws-nitro', [], {}, { tee: 'intel-tdx' }, { tee: null }, { tee: ['aws-nitro'] }])(
    'says that hardware is missing or unknown: %j',
    (source) => {
      expect(refusal(source)).toMatchObject({ code: 'policy_invalid', place: { field: 'tee' } });
      expect(refusal(asBytes(source)).code).toBe('policy_invalid');
    },
  );

  it('takes no name from a prototype', () => {
    const inherited = Object.create({ tee: 'aws-nitro' }) as JsonValue;
    expect(refusal(inherited).code).toBe('policy_invalid');
  });

  it('says where text is no JSON', () => {
    expect(refusal(utf8('{"tee":'))).toMatchObject({ code: 'policy_invalid', place: { offset: 7 } });
    expect(refusal(Uint8Array.of(0xff))).toMatchObject({ code: 'policy_invalid', place: { offset: 0 } });
  });

  it('refuses an object that cannot be read', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal(proxy as JsonValue).code).toBe('policy_invalid');
    const trap = {
      get tee(): string {
        throw new RangeError('no');
      },
    };
    expect(refusal(trap as unknown as JsonValue).code).toBe('policy_invalid');
  });

  it('asks every policy whose word about time it takes', () => {
    for (const rules of [policyJson(), snpPolicyJson()]) {
      const { anchors: _, ...without } = rules;
      expect(refusal(without)).toMatchObject({ place: { field: 'anchors' } });
      const cosigners = ['ab'.repeat(64)];
      const read = parseWorkerPolicy({ ...rules, anchors: { cosigners, maxKeyAgeSeconds: 60 } });
      expect(read.anchors).toEqual({ cosigners: [new Uint8Array(64).fill(0xab)], maxKeyAgeSeconds: 60 });
      for (const wrong of ['any', [], { cosigners }, { cosigners: 'any', maxKeyAgeSeconds: 1 }]) {
        expect(refusal({ ...rules, anchors: wrong } as JsonValue).place.field).toMatch(/^anchors/);
      }
    }
  });
});
