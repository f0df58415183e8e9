import { describe, expect, it } from 'vitest';
import { useCache } from '../../../verifier/cache/chain-cache.ts';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import { createSignatureBudget } from '../../../verifier/crypto/budget.ts';
import { type ChainContext, chainRules, nitroChain } from '../../../verifier/crypto/path.ts';
import { createTbsDigests } from '../../../verifier/crypto/tbs-digests.ts';
import type { UntrustedCode } from '../../../verifier/index.ts';
import { runUntilFailure } from '../../../verifier/rules.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import {
  authorityKeyId,
  basicConstraints,
  CA_USAGE,
  type ChainChanges,
  chain,
  ECDSA_SHA256,
  extension,
  keyAt,
  LEAF_USAGE,
  NOW,
  ROOT,
  subjectKeyId,
  testKey,
  validity,
} from '../../support/certificates.ts';
import { bits, NULL, name, sequence } from '../../support/der-writer.ts';

interface PathCase {
  readonly says: string;
  readonly code: UntrustedCode | 'accepted';
  readonly chain?: ChainChanges;
  readonly certificates?: () => readonly Uint8Array[];
  readonly now?: number;
  readonly roots?: readonly Uint8Array[] | 'the root of the chain';
  readonly signatures?: number;
}

const SECOND = 1_000;
const leafExtensions = [basicConstraints('leaf'), LEAF_USAGE];
const selfIssued = name('test.nitro-enclaves');
const usage = (first: number, unused: number): Uint8Array =>
  extension('2.5.29.15', bits(Uint8Array.of(first), unused), 'critical');
const swap = (first: number, second: number): (() => readonly Uint8Array[]) => {
  return () => {
    const made = [...chain()];
    [made[first], made[second]] = [made[second] as Uint8Array, made[first] as Uint8Array];
    return made;
  };
};

const cases: readonly PathCase[] = [
  { says: 'a good chain', code: 'accepted' },

  { says: 'X17 a self-signed root with the same name', code: 'root_not_trusted', chain: { 0: {} } },
  { says: 'no trusted root', code: 'root_not_trusted', roots: [] },
  { says: 'the root left out', code: 'root_not_trusted', certificates: () => chain().slice(1) },

  {
    says: 'another signature algorithm',
    code: 'algorithm_not_allowed',
    chain: { 2: { innerAlgorithm: ECDSA_SHA256, outerAlgorithm: ECDSA_SHA256 } },
  },
  { says: 'X15 a P-256 leaf', code: 'key_not_allowed', chain: { 4: { spki: testKey('P-256').spki } } },

  { says: 'an issuer of another name', code: 'issuer_mismatch', chain: { 2: { issuer: name('someone else') } } },
  { says: 'CAs in the wrong order', code: 'issuer_mismatch', certificates: swap(1, 2) },
  {
    says: 'a certificate twice',
    code: 'issuer_mismatch',
    certificates: () => {
      const [root, ca, ...rest] = chain();
      return [root, ca, ca, ...rest] as Uint8Array[];
    },
  },
  { says: 'a CA left out', code: 'issuer_mismatch', certificates: () => chain().filter((_, index) => index !== 2) },

  {
    says: 'a contradicting authority key identifier',
    code: 'key_identifier_mismatch',
    chain: { 2: { extensions: [basicConstraints('ca', 1), CA_USAGE, authorityKeyId(Uint8Array.of(9))] } },
  },
  {
    says: 'no key identifiers, as in 2022',
    code: 'accepted',
    chain: { 3: { extensions: [basicConstraints('ca', 0), CA_USAGE] } },
  },

  { says: 'X1 a leaf at its last second', code: 'accepted', now: NOW + 7_200 * SECOND },
  { says: 'X1 a leaf expired by a second', code: 'certificate_expired', now: NOW + 7_201 * SECOND },
  { says: 'X1 a leaf expired by a millisecond', code: 'certificate_expired', now: NOW + 7_200 * SECOND + 1 },
  { says: 'X2 a leaf at its first second', code: 'accepted', now: NOW - 3_600 * SECOND },
  { says: 'X2 a leaf a second early', code: 'certificate_not_yet_valid', now: NOW - 3_601 * SECOND },
  ...[1, 2, 3].flatMap((index): PathCase[] => [
    {
      says: `an expired CA at ${index}`,
      code: 'certificate_expired',
      chain: { [index]: { validity: validity(NOW - 10 * SECOND, NOW - SECOND) } },
    },
    {
      says: `a CA at ${index} not yet valid`,
      code: 'certificate_not_yet_valid',
      chain: { [index]: { validity: validity(NOW + SECOND, NOW + 10 * SECOND) } },
    },
  ]),
  {
    says: 'an expired root',
    code: 'certificate_expired',
    chain: { 0: { validity: validity(NOW - 10 * SECOND, NOW - SECOND) } },
    roots: 'the root of the chain',
  },
  {
    says: 'X3 a child that outlives its parent',
    code: 'accepted',
    chain: { 3: { validity: validity(NOW - 3_600 * SECOND, NOW + SECOND) } },
  },

  {
    says: 'X4 an intermediate without basicConstraints',
    code: 'issuer_not_ca',
    chain: { 2: { extensions: [CA_USAGE] } },
  },
  { says: 'X5 cA absent', code: 'issuer_not_ca', chain: { 2: { extensions: [basicConstraints('leaf'), CA_USAGE] } } },
  {
    says: 'basicConstraints not critical',
    code: 'issuer_not_ca',
    chain: { 2: { extensions: [basicConstraints('ca', 1, 'plain'), CA_USAGE] } },
  },
  { says: 'X8 a leaf as CA', code: 'issuer_not_ca', chain: { 3: { extensions: leafExtensions } } },
  { says: 'a certificate without extensions as CA', code: 'issuer_not_ca', chain: { 3: { extensions: null } } },

  {
    says: 'X6 a path length exceeded',
    code: 'path_too_long',
    chain: { 1: { extensions: [basicConstraints('ca', 1), CA_USAGE] } },
  },
  {
    says: 'X6 a path length of zero above a CA',
    code: 'path_too_long',
    chain: { 2: { extensions: [basicConstraints('ca', 0), CA_USAGE] } },
  },
  {
    says: 'no path length',
    code: 'accepted',
    chain: {
      1: { extensions: [basicConstraints('ca'), CA_USAGE] },
      2: { extensions: [basicConstraints('ca'), CA_USAGE] },
    },
  },
  {
    says: 'a self-issued CA, which does not count',
    code: 'accepted',
    chain: {
      1: { subject: selfIssued, extensions: [basicConstraints('ca', 1), CA_USAGE] },
      2: { issuer: selfIssued, subject: selfIssued },
      3: { issuer: selfIssued },
    },
  },

  {
    says: 'X7 no keyCertSign',
    code: 'ca_key_usage',
    chain: { 2: { extensions: [basicConstraints('ca', 1), usage(0x80, 7)] } },
  },
  { says: 'no keyUsage at all', code: 'ca_key_usage', chain: { 2: { extensions: [basicConstraints('ca', 1)] } } },

  { says: 'a leaf that is a CA', code: 'leaf_is_ca', chain: { 4: { extensions: [basicConstraints('ca'), CA_USAGE] } } },
  {
    says: 'a leaf that may not sign',
    code: 'leaf_key_usage',
    chain: { 4: { extensions: [basicConstraints('leaf'), usage(0x40, 6)] } },
  },
  { says: 'a leaf without keyUsage', code: 'leaf_key_usage', chain: { 4: { extensions: [basicConstraints('leaf')] } } },
  {
    says: 'a leaf that may sign certificates',
    code: 'leaf_key_usage',
    chain: { 4: { extensions: [basicConstraints('leaf'), usage(0x84, 2)] } },
  },

  {
    says: 'X9 an unknown critical extension',
    code: 'critical_extension_unknown',
    chain: { 1: { extensions: [basicConstraints('ca', 2), CA_USAGE, extension('1.2.3.4', NULL, 'critical')] } },
  },
  {
    says: 'critical name constraints',
    code: 'critical_extension_unknown',
    chain: { 4: { extensions: [...leafExtensions, extension('2.5.29.30', sequence(), 'critical')] } },
  },
  {
    says: 'an unknown extension',
    code: 'accepted',
    chain: { 4: { extensions: [...leafExtensions, extension('1.2.3.4', NULL, 'plain')] } },
  },

  {
    says: 'X16 an issuer of the same name and another key',
    code: 'certificate_signature',
    chain: { 3: { signer: testKey().privateKey } },
  },
  {
    says: 'a leaf signed by the CA above its issuer',
    code: 'certificate_signature',
    chain: { 4: { signer: keyAt(2).privateKey } },
  },
  { says: 'X18 a CA signed from below', code: 'certificate_signature', chain: { 1: { signer: keyAt(2).privateKey } } },

  { says: 'exactly the signatures of the chain', code: 'accepted', signatures: 4 },
  { says: 'X22 one signature too many', code: 'signature_budget', signatures: 3 },
];

const rules = chainRules(nitroChain);

function contextOf(path: PathCase): ChainContext {
  const made = path.certificates?.() ?? chain(path.chain);
  const rootSha256 = sha256(made[0] as Uint8Array);
  return {
    certificates: made.map((bytes) => parseCertificate(bytes)),
    rootSha256,
    trustedRoots: path.roots === 'the root of the chain' ? [rootSha256] : (path.roots ?? [sha256(ROOT)]),
    now: path.now ?? NOW,
    suite: nodeSuite,
    budget: createSignatureBudget(path.signatures ?? 9),
    cache: useCache('none', nodeSuite, NOW),
    tbsSha256: createTbsDigests(nodeSuite),
  };
}

describe('path validation', () => {
  it.each(cases)('$says: $code', async (path) => {
    const report = await runUntilFailure(rules, contextOf(path));
    expect(report.code ?? 'accepted').toBe(path.code);
    expect(report.checks.map(({ id }) => id)).toEqual(rules.map(({ id }) => id));
  });

  it('checks no signature before every cheap rule has passed', async () => {
    let signatures = 0;
    const verifyP384 = (): boolean => {
      signatures += 1;
      return true;
    };
    const suite = { ...nodeSuite, verifyP384 };
    await runUntilFailure(rules, { ...contextOf({ says: '', code: 'accepted', now: NOW + 10_000_000 }), suite });
    expect(signatures).toBe(0);
  });

  it('reads key identifiers in whichever order extensions come', async () => {
    const extensions = [
      authorityKeyId(Uint8Array.of(1, 7, 7)),
      subjectKeyId(Uint8Array.of(2, 7, 7)),
      CA_USAGE,
      basicConstraints('ca', 1),
    ];
    const report = await runUntilFailure(
      rules,
      contextOf({ says: '', code: 'accepted', chain: { 2: { extensions } } }),
    );
    expect(report.code).toBeNull();
  });
});
