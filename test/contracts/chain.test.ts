import fc from 'fast-check';
import { type Address, decodeFunctionResult, encodeFunctionData, toHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { useCache } from '../../verifier/cache/chain-cache.ts';
import { amdProfile, parseCertificate } from '../../verifier/codec/x509.ts';
import { createSignatureBudget } from '../../verifier/crypto/budget.ts';
import { amdChain, chainRules, nitroChain } from '../../verifier/crypto/path.ts';
import { createTbsDigests } from '../../verifier/crypto/tbs-digests.ts';
import { runUntilFailure } from '../../verifier/rules.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import {
  authorityKeyId,
  basicConstraints,
  CA_USAGE,
  type CertificateSpec,
  type ChainChanges,
  chain,
  ECDSA_SHA256,
  extension,
  LEAF_USAGE,
  NOW,
  subjectKeyId,
  testKey,
  validity,
} from '../support/certificates.ts';
import { bits, NULL, name, sequence, unsigned } from '../support/der-writer.ts';
import { runs } from '../support/runs.ts';
import { ia5, snpChain } from '../support/snp-certificates.ts';
import { orCode } from './support/codes.ts';

let evm: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  evm = await startChain({ hardfork: 'osaka' });
  harness = await artifact('ChainHarness');
  at = await evm.deploy(harness);
});

afterAll(() => evm.stop());

interface Judged {
  readonly certificates: readonly Uint8Array[];
  readonly amd?: boolean;
  /** Milliseconds, as in TypeScript; of whole seconds. */
  readonly now?: number;
}

/** `accepted`, or the code; and both sides must say the same. */
async function judge({ certificates, amd = false, now = NOW }: Judged): Promise<string> {
  const args = [certificates.map((bytes) => toHex(bytes)), amd, BigInt(now / 1000)];
  const answer = await orCode(
    evm.call({ to: at, data: encodeFunctionData({ abi: harness.abi, functionName: 'check', args }) }),
  );
  const parsed = certificates.map((bytes) => (amd ? parseCertificate(bytes, amdProfile) : parseCertificate(bytes)));
  const rules = chainRules(amd ? amdChain : nitroChain).filter(({ id }) => id !== 'C16' && id !== 'C18');
  const report = await runUntilFailure(rules, {
    certificates: parsed,
    rootSha256: new Uint8Array(32),
    trustedRoots: [],
    now,
    suite: nodeSuite,
    budget: createSignatureBudget(0),
    cache: useCache('none', nodeSuite, now),
    tbsSha256: createTbsDigests(nodeSuite),
  });
  if ('code' in answer) {
    expect(answer.code).toBe(report.code);
    return answer.code;
  }
  expect(report.code).toBeNull();
  expect(decodeFunctionResult({ abi: harness.abi, functionName: 'check', data: answer.data })).toEqual([
    BigInt(Math.max(...parsed.map(({ notBefore }) => notBefore)) / 1000),
    BigInt(Math.min(...parsed.map(({ notAfter }) => notAfter)) / 1000),
  ]);
  return 'accepted';
}

const SECOND = 1_000;
const selfIssued = name('test.nitro-enclaves');
const usage = (first: number, unused: number): Uint8Array =>
  extension('2.5.29.15', bits(Uint8Array.of(first), unused), 'critical');
const leafWith = (...extensions: readonly Uint8Array[]): ChainChanges => ({ 4: { extensions } });
const caWith = (...extensions: readonly Uint8Array[]): ChainChanges => ({ 2: { extensions } });

const cases: Readonly<Record<string, readonly [code: string, changes: ChainChanges, now?: number]>> = {
  'a good chain': ['accepted', {}],
  'another signature algorithm': [
    'algorithm_not_allowed',
    { 2: { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 } },
  ],
  'a root of another algorithm': [
    'algorithm_not_allowed',
    { 0: { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 } },
  ],
  'a P-256 leaf': ['key_not_allowed', { 4: { spki: testKey('P-256').spki } }],
  'a P-256 CA': ['key_not_allowed', { 1: { spki: testKey('P-256').spki } }],
  'an issuer of another name': ['issuer_mismatch', { 2: { issuer: name('someone else') } }],
  'a leaf of another issuer': ['issuer_mismatch', { 4: { issuer: name('someone else') } }],
  'another authority key': [
    'key_identifier_mismatch',
    caWith(basicConstraints('ca', 1), CA_USAGE, authorityKeyId(Uint8Array.of(9))),
  ],
  'no key identifiers': ['accepted', { 3: { extensions: [basicConstraints('ca', 0), CA_USAGE] } }],
  'a leaf at its last second': ['accepted', {}, NOW + 7_200 * SECOND],
  'a leaf a second too late': ['certificate_expired', {}, NOW + 7_201 * SECOND],
  'a leaf at its first second': ['accepted', {}, NOW - 3_600 * SECOND],
  'a leaf a second too early': ['certificate_not_yet_valid', {}, NOW - 3_601 * SECOND],
  'an expired root': ['certificate_expired', { 0: { validity: validity(NOW - 10 * SECOND, NOW - SECOND) } }],
  'an expired CA': ['certificate_expired', { 3: { validity: validity(NOW - 10 * SECOND, NOW - SECOND) } }],
  'a CA that is not yet valid': [
    'certificate_not_yet_valid',
    { 1: { validity: validity(NOW + SECOND, NOW + 10 * SECOND) } },
  ],
  'a CA that ends before its child': ['accepted', { 3: { validity: validity(NOW - SECOND, NOW + SECOND) } }],
  'certificates from before 1970': [
    'accepted',
    { 0: { validity: validity(-10 * SECOND, NOW + 9e6 * SECOND) } },
    NOW - 3_600 * SECOND,
  ],
  'a CA without basicConstraints': ['issuer_not_ca', caWith(CA_USAGE)],
  'a CA without cA': ['issuer_not_ca', caWith(basicConstraints('leaf'), CA_USAGE)],
  'basicConstraints that are not critical': ['issuer_not_ca', caWith(basicConstraints('ca', 1, 'plain'), CA_USAGE)],
  'a CA without extensions': ['issuer_not_ca', { 3: { extensions: null } }],
  'a root that is no CA': ['issuer_not_ca', { 0: { extensions: [CA_USAGE] } }],
  'a path length exceeded': ['path_too_long', { 1: { extensions: [basicConstraints('ca', 1), CA_USAGE] } }],
  'a path length of the root exceeded': ['path_too_long', { 0: { extensions: [basicConstraints('ca', 2), CA_USAGE] } }],
  'a path length just kept': ['accepted', { 0: { extensions: [basicConstraints('ca', 3), CA_USAGE] } }],
  'a path length of zero above a CA': ['path_too_long', caWith(basicConstraints('ca', 0), CA_USAGE)],
  'a longer path length below': [
    'path_too_long',
    {
      1: { extensions: [basicConstraints('ca', 1), CA_USAGE] },
      2: { extensions: [basicConstraints('ca', 9), CA_USAGE] },
    },
  ],
  'no path length': ['accepted', { 1: { extensions: [basicConstraints('ca'), CA_USAGE] } }],
  'a self-issued CA, which does not count': [
    'accepted',
    {
      1: { subject: selfIssued, extensions: [basicConstraints('ca', 1), CA_USAGE] },
      2: { issuer: selfIssued, subject: selfIssued },
      3: { issuer: selfIssued },
    },
  ],
  'a self-issued CA with a limit of its own': [
    'path_too_long',
    {
      1: { subject: selfIssued },
      2: { issuer: selfIssued, subject: selfIssued, extensions: [basicConstraints('ca', 0), CA_USAGE] },
      3: { issuer: selfIssued },
    },
  ],
  'no keyCertSign': ['ca_key_usage', caWith(basicConstraints('ca', 1), usage(0x80, 7))],
  'no keyUsage in a CA': ['ca_key_usage', caWith(basicConstraints('ca', 1))],
  'a leaf that is a CA': ['leaf_is_ca', leafWith(basicConstraints('ca'), CA_USAGE)],
  'a leaf that may not sign': ['leaf_key_usage', leafWith(basicConstraints('leaf'), usage(0x40, 6))],
  'a leaf without keyUsage': ['leaf_key_usage', leafWith(basicConstraints('leaf'))],
  'a leaf without basicConstraints': ['accepted', leafWith(LEAF_USAGE)],
  'a leaf that may sign certificates': ['leaf_key_usage', leafWith(basicConstraints('leaf'), usage(0x84, 2))],
  'an unknown critical extension in a CA': [
    'critical_extension_unknown',
    caWith(basicConstraints('ca', 1), CA_USAGE, extension('1.2.3.4', NULL, 'critical')),
  ],
  'an unknown critical extension in the leaf': [
    'critical_extension_unknown',
    leafWith(basicConstraints('leaf'), LEAF_USAGE, extension('2.5.29.30', sequence(), 'critical')),
  ],
  'an unknown extension': ['accepted', leafWith(LEAF_USAGE, extension('1.2.3.4', NULL, 'plain'))],
};

describe('ChainRules agrees with verifier/crypto/path.ts', () => {
  it.each(Object.entries(cases))('on %s', async (_name, [code, changes, now = NOW]) => {
    expect(await judge({ certificates: chain(changes), now })).toBe(code);
  });

  it('on other orders and lengths', async () => {
    const [root, first, second, third, leaf] = chain() as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(await judge({ certificates: [root, second, first, third, leaf] })).toBe('issuer_mismatch');
    expect(await judge({ certificates: [root, first, first, second, third, leaf] })).toBe('issuer_mismatch');
    expect(await judge({ certificates: [root, first, third, leaf] })).toBe('issuer_mismatch');
    expect(await judge({ certificates: [first, second, third, leaf] })).toBe('accepted');
    expect(await judge({ certificates: [root, first] })).toBe('leaf_is_ca');
    expect(await judge({ certificates: [third, leaf] })).toBe('accepted');
  });

  it("on AMD's chains, whose leaves have no key usage", async () => {
    const options = {
      product: 'Milan',
      kind: 'VCEK',
      endorsement: {
        structVersion: unsigned(1),
        productName: ia5('Milan-B0'),
        levels: { bootloader: 3, tee: 0, snp: 8, spl4: 0, spl5: 0, spl6: 0, spl7: 0, microcode: 115 },
        hardwareId: new Uint8Array(64).fill(7),
        cspId: null,
        more: [],
      },
    } as const;
    const amd = true;
    expect(await judge({ certificates: snpChain(options), amd })).toBe('accepted');
    const usages = { leaf: { extensions: [usage(0x40, 6)] } };
    expect(await judge({ certificates: snpChain({ ...options, ...usages }), amd })).toBe('leaf_key_usage');
    const swapped = { leaf: { spki: testKey('P-256').spki } };
    expect(await judge({ certificates: snpChain({ ...options, ...swapped }), amd })).toBe('key_not_allowed');
    expect(await judge({ certificates: chain(), amd })).toBe('algorithm_not_allowed');
    const later = { intermediate: { extensions: [basicConstraints('ca', 0)] } };
    expect(await judge({ certificates: snpChain({ ...options, ...later }), amd })).toBe('ca_key_usage');
  });

  it('on chains with several faults, of which the same one comes first', { timeout: 120_000 }, async () => {
    const faults: readonly Partial<CertificateSpec>[] = [
      { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 },
      { spki: testKey('P-256').spki },
      { issuer: name('someone else') },
      { subject: name('someone else') },
      { validity: validity(NOW - 10 * SECOND, NOW - SECOND) },
      { validity: validity(NOW + SECOND, NOW + 10 * SECOND) },
      { extensions: null },
      { extensions: [basicConstraints('ca', 0), CA_USAGE] },
      { extensions: [basicConstraints('ca', 5), usage(0x80, 7)] },
      { extensions: [basicConstraints('leaf'), LEAF_USAGE] },
      { extensions: [basicConstraints('ca', 5, 'plain'), CA_USAGE, subjectKeyId(Uint8Array.of(1, 2))] },
      { extensions: [basicConstraints('ca', 5), CA_USAGE, authorityKeyId(Uint8Array.of(1, 2))] },
      { extensions: [basicConstraints('ca'), CA_USAGE, extension('1.2.3.4', NULL, 'critical')] },
    ];
    const seen = new Set<string>();
    const change = fc.record({ index: fc.nat(4), fault: fc.constantFrom(...faults) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const merged: Record<number, Partial<CertificateSpec>> = {};
        for (const { index, fault } of changes) merged[index] = { ...merged[index], ...fault };
        seen.add(await judge({ certificates: chain(merged) }));
      }),
      { numRuns: runs(150) },
    );
    // A generator that only ever makes one kind of chain would prove little.
    expect(seen.size).toBeGreaterThan(5);
  });
});
