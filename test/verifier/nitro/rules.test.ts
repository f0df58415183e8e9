import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import { anchors, type NitroOptions, type RefusedCode } from '../../../verifier/index.ts';
import { nitroPolicyRules } from '../../../verifier/nitro/rules.ts';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import type { CborValue } from '../../../wire/codec/cbor.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { chain, ECDSA_SHA384, MODULE_ID, NOW, ROOT, validity } from '../../support/certificates.ts';
import { bits, name, sequence, unsigned } from '../../support/der-writer.ts';
import {
  defaultPcrs,
  type EvidenceChanges,
  evidence,
  pcr,
  policy,
  rulingOn,
  sha256Hex,
} from '../../support/nitro-evidence.ts';

interface RuleCase {
  readonly says: string;
  readonly code: RefusedCode | 'accepted';
  readonly evidence?: EvidenceChanges;
  readonly policy?: { readonly [rule: string]: JsonValue };
  readonly options?: Partial<NitroOptions>;
}

function pcrs(changes: { readonly [index: number]: Uint8Array | null }): { readonly pcrs: CborValue } {
  const values = defaultPcrs();
  for (const [index, value] of Object.entries(changes)) {
    if (value === null) values.delete(Number(index));
    else values.set(Number(index), value as Uint8Array);
  }
  return { pcrs: values };
}

const zero = pcr(0);
const debug = { fields: pcrs({ 0: zero, 1: zero, 2: zero }) };
const zeroImage = [{ pcr0: toHex(zero), pcr1: toHex(zero), pcr2: toHex(zero) }];
const none = { certificates: [], modules: [], images: [] };
const SECOND = 1_000;
const P384_ORDER = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
);
const leafCertificates = chain();

const signedPart = (bytes: Uint8Array): string => sha256Hex(parseCertificate(bytes).tbs);

/** The same certificate with the other signature that verifies just as well. */
function malleated(bytes: Uint8Array): Uint8Array {
  const { tbs, signature } = parseCertificate(bytes);
  const fixed = (signature as { readonly fixed: Uint8Array }).fixed;
  const other = (P384_ORDER - BigInt(`0x${toHex(fixed.subarray(48))}`)).toString(16).padStart(96, '0');
  const pair = sequence(unsigned(fixed.subarray(0, 48)), unsigned(fromHex(other)));
  const made = sequence(tbs, ECDSA_SHA384, bits(pair));
  expect(made).not.toEqual(bytes);
  return made;
}

const cases: readonly RuleCase[] = [
  { says: 'a policy at its last moment', code: 'accepted', policy: { expires: '2030-05-17T12:00:00Z' } },
  { says: 'a policy that ended a second ago', code: 'policy_expired', policy: { expires: '2030-05-17T11:59:59Z' } },

  {
    says: 'a denied CA certificate',
    code: 'certificate_denied',
    evidence: { certificates: leafCertificates },
    policy: { denied: { ...none, certificates: [signedPart(leafCertificates[2] as Uint8Array)] } },
  },
  {
    says: 'X21 a denied CA certificate with its signature (r, s) turned into (r, n - s)',
    code: 'certificate_denied',
    evidence: { certificates: leafCertificates.map((bytes, index) => (index === 2 ? malleated(bytes) : bytes)) },
    policy: { denied: { ...none, certificates: [signedPart(leafCertificates[2] as Uint8Array)] } },
  },
  {
    says: 'another denied certificate',
    code: 'accepted',
    policy: { denied: { ...none, certificates: ['00'.repeat(32)] } },
  },
  { says: 'a denied module', code: 'module_denied', policy: { denied: { ...none, modules: [MODULE_ID] } } },
  { says: 'a denied image', code: 'image_denied', policy: { denied: { ...none, images: [toHex(pcr(1))] } } },

  { says: 'debug mode', code: 'debug_mode', evidence: debug, policy: { images: 'any' } },
  { says: 'debug mode, listed', code: 'debug_mode', evidence: debug, policy: { images: zeroImage } },
  { says: 'debug mode, allowed', code: 'accepted', evidence: debug, policy: { images: 'any', debug: 'allow' } },
  { says: 'one zero measurement', code: 'measurement_zero', evidence: { fields: pcrs({ 1: zero }) } },
  {
    says: 'one zero measurement with debug allowed',
    code: 'measurement_zero',
    evidence: { fields: pcrs({ 2: zero }) },
    policy: { images: 'any', debug: 'allow' },
  },
  {
    says: 'an absent measurement with any image',
    code: 'measurement_zero',
    evidence: { fields: pcrs({ 0: null }) },
    policy: { images: 'any' },
  },
  {
    says: 'an absent measurement with listed images',
    code: 'measurement_zero',
    evidence: { fields: pcrs({ 0: null }) },
  },
  {
    says: 'zero measurements with one of them absent',
    code: 'measurement_zero',
    evidence: { fields: pcrs({ 0: zero, 1: zero, 2: null }) },
    policy: { images: 'any', debug: 'allow' },
  },

  { says: 'another PCR0', code: 'image_refused', evidence: { fields: pcrs({ 0: pcr(9) }) } },
  { says: 'another PCR1', code: 'image_refused', evidence: { fields: pcrs({ 1: pcr(9) }) } },
  { says: 'another PCR2', code: 'image_refused', evidence: { fields: pcrs({ 2: pcr(9) }) } },
  { says: 'an empty list of images', code: 'image_refused', policy: { images: [] } },
  { says: 'another role', code: 'pcr3_refused', evidence: { fields: pcrs({ 3: pcr(9) }) } },
  { says: 'an absent role', code: 'pcr3_refused', evidence: { fields: pcrs({ 3: null }) } },
  { says: 'an empty list of roles', code: 'pcr3_refused', policy: { pcrs: { '3': [], '4': 'any', '8': 'any' } } },
  { says: 'another instance', code: 'pcr4_refused', evidence: { fields: pcrs({ 4: pcr(9) }) } },
  { says: 'another image signer', code: 'pcr8_refused', evidence: { fields: pcrs({ 8: pcr(9) }) } },
  {
    says: 'any role, instance and image signer',
    code: 'accepted',
    evidence: { fields: pcrs({ 3: null, 4: pcr(9), 8: pcr(9) }) },
    policy: { pcrs: { '3': 'any', '4': 'any', '8': 'any' } },
  },

  { says: 'the greatest age', code: 'accepted', evidence: { fields: { timestamp: NOW - 600 * SECOND } } },
  {
    says: 'a millisecond older',
    code: 'document_too_old',
    evidence: { fields: { timestamp: NOW - 600 * SECOND - 1 } },
  },
  { says: 'the greatest skew', code: 'accepted', evidence: { fields: { timestamp: NOW + 300 * SECOND } } },
  {
    says: 'a millisecond further ahead',
    code: 'document_from_future',
    evidence: { fields: { timestamp: NOW + 300 * SECOND + 1 } },
  },
  {
    says: 'a document made before its leaf',
    code: 'timestamp_outside_leaf',
    evidence: { fields: { timestamp: NOW - 3_600 * SECOND - 1 } },
    policy: { maxAgeSeconds: 'any' },
  },
  {
    says: 'a document made after its leaf',
    code: 'timestamp_outside_leaf',
    evidence: { fields: { timestamp: NOW + 7_200 * SECOND + 1 } },
    policy: { futureSkewSeconds: 100_000 },
  },

  { says: 'no nonce', code: 'challenge_missing', evidence: { fields: { nonce: null } } },
  { says: 'no nonce field', code: 'challenge_missing', evidence: { fields: { nonce: undefined } } },
  { says: 'an empty nonce', code: 'challenge_mismatch', evidence: { fields: { nonce: new Uint8Array(0) } } },
  {
    says: 'a short prefix',
    code: 'challenge_mismatch',
    evidence: { fields: { nonce: new Uint8Array(31).fill(0x5a) } },
  },
  {
    says: 'a longer nonce',
    code: 'challenge_mismatch',
    evidence: { fields: { nonce: new Uint8Array(33).fill(0x5a) } },
  },
  { says: 'another challenge', code: 'challenge_mismatch', options: { challenge: new Uint8Array(32) } },
  { says: 'no challenge', code: 'accepted', evidence: { fields: { nonce: null } }, options: { challenge: 'any' } },

  { says: '512 bytes of user data', code: 'accepted', evidence: { fields: { user_data: new Uint8Array(512) } } },
  {
    says: '513 bytes of user data',
    code: 'binding_too_long',
    evidence: { fields: { user_data: new Uint8Array(513) } },
  },
  {
    says: '513 bytes of nonce',
    code: 'binding_too_long',
    evidence: { fields: { nonce: new Uint8Array(513) } },
    options: { challenge: 'any' },
  },
  {
    says: '1024 bytes of user data where the policy has them',
    code: 'accepted',
    evidence: { fields: { user_data: new Uint8Array(1024) } },
    policy: { userDataLimit: 1024 },
  },

  { says: 'an unknown field', code: 'field_unknown', evidence: { fields: { __proto: 1 } } },
  {
    says: 'an unknown field where the policy ignores them',
    code: 'accepted',
    evidence: { fields: { constructor: 1 } },
    policy: { unknownFields: 'ignore' },
  },

  { says: "another enclave's module id", code: 'module_id_mismatch', evidence: { fields: { module_id: 'i-1-enc2' } } },
  {
    says: 'a prefix of the module id',
    code: 'module_id_mismatch',
    evidence: { fields: { module_id: MODULE_ID.slice(0, -1) } },
  },
  {
    says: 'another module id where the policy does not ask',
    code: 'accepted',
    evidence: { fields: { module_id: 'i-1-enc2' } },
    policy: { moduleId: 'any' },
  },
  {
    says: 'a leaf of another instance than its CA',
    code: 'module_id_mismatch',
    evidence: {
      chain: {
        3: { subject: name('i-9.zz-test-1.aws.nitro-enclaves') },
        4: { issuer: name('i-9.zz-test-1.aws.nitro-enclaves') },
      },
    },
    policy: { regions: 'any' },
  },
  { says: 'another region', code: 'region_refused', policy: { regions: ['zz-test-2'] } },
  { says: 'no region allowed', code: 'region_refused', policy: { regions: [] } },
  {
    says: 'a leaf that names another region than its CA',
    code: 'region_refused',
    evidence: { chain: { 4: { subject: name(`${MODULE_ID}.zz-test-2.aws`) } } },
    policy: { moduleId: 'any', regions: ['zz-test-1', 'zz-test-2'] },
  },
  {
    says: 'a certificate without a name of the pattern',
    code: 'region_refused',
    evidence: { chain: { 4: { subject: name('leaf') } } },
    policy: { moduleId: 'any' },
  },

  {
    says: 'a leaf of four hours',
    code: 'leaf_lifetime',
    evidence: { chain: { 4: { validity: validity(NOW - 7_200 * SECOND, NOW + 7_200 * SECOND) } } },
  },
  {
    says: 'a leaf of four hours where the policy does not ask',
    code: 'accepted',
    evidence: { chain: { 4: { validity: validity(NOW - 7_200 * SECOND, NOW + 7_200 * SECOND) } } },
    policy: { leafLifetimeSeconds: 'any' },
  },
];

describe('the policy rules for Nitro', () => {
  it.each(cases)('$says: $code', async (rule) => {
    const ruling = await rulingOn(evidence(rule.evidence), { policy: policy(rule.policy), ...rule.options });
    expect(ruling).toBe(rule.code === 'accepted' ? 'accepted' : `refused ${rule.code}`);
  });
});

describe('level and root', () => {
  const vendorRoot = anchors.find(({ tee }) => tee === 'aws-nitro')?.sha256 as string;
  const hardware = policy({ level: 'attested', roots: [vendorRoot] });

  it('refuses simulated evidence under a hardware policy: nobody vouches for its root (A2)', async () => {
    expect(await rulingOn(evidence(), { policy: hardware })).toBe('untrusted root_not_trusted');
  });

  it('refuses a self-made root that the policy does not name', async () => {
    expect(await rulingOn(evidence(), { policy: policy({ roots: [] }) })).toBe('untrusted root_not_trusted');
    expect(await rulingOn(evidence(), { policy: policy({ roots: ['11'.repeat(32)] }) })).toBe(
      'untrusted root_not_trusted',
    );
  });

  // Through the whole verification these two need a vendor's signature: test/verifier/nitro/vectors.test.ts has them.
  it.each(['level_refused', 'root_refused'] as const)('has a rule of its own: %s', async (code) => {
    const context = {
      document: {} as never,
      certificates: [],
      rootSha256: fromHex(code === 'root_refused' ? sha256Hex(ROOT) : vendorRoot),
      tbsSha256: [],
      level: code === 'level_refused' ? ('simulated' as const) : ('attested' as const),
      policy: hardware,
      now: NOW,
      challenge: 'any' as const,
    };
    const [, level, root] = nitroPolicyRules;
    const finding = await (code === 'level_refused' ? level : root)?.run(context);
    expect(finding).toMatchObject({ outcome: 'failed', code });
  });
});
