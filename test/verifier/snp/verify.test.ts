import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  isVerified,
  parseUnverifiedSnpReport,
  requireAccepted,
  type SnpEvidence,
  type SnpOptions,
  verifySnpReport,
} from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { NOW } from '../../support/certificates.ts';
import { policy as nitroPolicy, sha256Hex } from '../../support/nitro-evidence.ts';
import { snpRoot } from '../../support/snp-certificates.ts';
import {
  profiles,
  SNP_CHALLENGE,
  SNP_MEASUREMENT,
  snpEvidence,
  snpPolicy,
  verifySnp,
} from '../../support/snp-evidence.ts';

const DAY = 86_400_000;
const anyProduct = snpPolicy({
  products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
});
const good = snpEvidence();

describe('verifySnpReport', () => {
  it('returns what was proven, not a yes', async () => {
    const facts = requireAccepted(await verifySnp(good));
    expect(facts).toMatchObject({
      level: 'simulated',
      tee: 'amd-sev-snp',
      root: { name: 'simulated' },
      reportVersion: 5,
      product: 'Genoa',
      signer: 'VCEK',
      cpu: { family: 0x19, model: 0x11, stepping: 1 },
      cspId: null,
      vmpl: 0,
      guestPolicy: 0x3_0000n,
      platformInfo: 0x25n,
      debug: false,
      authorKeyEnabled: false,
      firmware: { current: { major: 1, minor: 55, build: 55 }, committed: { major: 1, minor: 55, build: 55 } },
      mitigations: { launch: 0x0bn, current: 0x0bn },
    });
    expect(toHex(facts.root.sha256)).toBe(sha256Hex(snpRoot('Genoa')));
    expect(facts.documentId).toEqual(
      new Uint8Array(createHash('sha256').update(good.report.subarray(0, 672)).digest()),
    );
    expect(facts.chipId).toEqual(profiles.Genoa.chipId);
    expect(facts.measurement).toEqual(SNP_MEASUREMENT);
    expect(facts.measurements).toEqual([SNP_MEASUREMENT]);
    expect(facts.userData).toEqual(new Uint8Array(32).fill(0x22));
    expect(facts.nonce).toEqual(SNP_CHALLENGE);
    expect(facts.reportData).toEqual(concatBytes(facts.userData, facts.nonce));
    expect(facts.tcb.launch).toEqual({ fmc: null, bootloader: 10, tee: 0, snp: 0x1b, microcode: 0x58 });
    expect(facts.certificates.map(({ commonName }) => commonName)).toEqual(['ARK-Genoa', 'SEV-Genoa', 'SEV-VCEK']);
    expect(facts.validity).toEqual({ notBefore: NOW - 10 * DAY, notAfter: NOW + 10 * DAY });
  });

  it('names the chip that a report hides and its certificate does not', async () => {
    const evidence = snpEvidence({ patches: { 416: new Uint8Array(64) } });
    const facts = requireAccepted(await verifySnp(evidence, { policy: snpPolicy({ maskedChipId: 'allow' }) }));
    expect(facts.chipId).toEqual(profiles.Genoa.chipId);
    const turin = snpEvidence({ product: 'Turin', patches: { 416: new Uint8Array(64) } });
    const short = requireAccepted(await verifySnp(turin, { policy: snpPolicy({ maskedChipId: 'allow' }) }));
    expect(short.chipId).toEqual(profiles.Turin.chipId);
  });

  it('names the chip that a report by a VLEK shows', async () => {
    const { chipId } = profiles.Genoa;
    const evidence = snpEvidence({ kind: 'VLEK', patches: { 416: chipId } });
    const policy = snpPolicy({ chips: [toHex(chipId)], maskedChipId: 'refuse' });
    const facts = requireAccepted(await verifySnp(evidence, { policy }));
    expect(facts).toMatchObject({ signer: 'VLEK', cspId: 'CN=cc-zz-test-1.example', chipId });
  });

  it('is accepted until the first of certificates and policy ends', async () => {
    expect(requireAccepted(await verifySnp(good)).acceptedUntil).toBe(NOW + 10 * DAY);
    const policy = snpPolicy({ expires: '2030-05-17T12:00:09Z' });
    expect(requireAccepted(await verifySnp(good, { policy })).acceptedUntil).toBe(NOW + 9_000);
  });

  it('lists the same checks in the same order whatever the verdict, each once', async () => {
    const verdicts = await Promise.all([
      verifySnp(good),
      verifySnp(good, { policy: snpPolicy({ measurements: [] }) }),
      verifySnp(good, { now: NOW + 100 * DAY }),
      verifySnp({ ...good, certificates: [] }),
      verifySnp({ ...good, report: good.report.subarray(1) }),
      verifySnp({ ...good, revocationLists: [new Uint8Array(1)] }),
    ]);
    const ids = verdicts[0].checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const verdict of verdicts.slice(1)) {
      expect(verdict.checks.map(({ id }) => id)).toEqual(ids);
      expect(verdict.checks.filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
    }
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([
      'accepted',
      'refused',
      'untrusted',
      'untrusted',
      'malformed',
      'malformed',
    ]);
  });

  it('covers the checklist: every S entry and every C and X one about it is a check or named as not proven', async () => {
    const verdict = await verifySnp(good);
    const named = [...verdict.checks, ...verdict.notProven].map(
      (entry) => ('title' in entry ? entry.title : '') + entry.id,
    );
    const missing = [
      ...['X1', 'X13', 'X14', 'C19'],
      ...Array.from({ length: 18 }, (_, index) => `C${index + 1}`),
      ...Array.from({ length: 29 }, (_, index) => `S${index + 1}`),
    ].filter((id) => !named.some((title) => new RegExp(`${id}(?![0-9])`).test(title)));
    expect(missing).toEqual([]);
  });

  it('says what "any" left open, and that a report has no date', async () => {
    const policy = snpPolicy({ measurements: 'any' });
    const verdict = await verifySnp(good, { policy, challenge: 'any' });
    const open = verdict.checks.filter(({ outcome }) => outcome === 'not-asked').map(({ id }) => id);
    expect(open).toEqual(expect.arrayContaining(['S19', 'S20', 'S27', 'S15.smtAllowed', 'S11.reported']));
    const named = verdict.notProven.map(({ id }) => id);
    expect(named).toEqual(expect.arrayContaining(['S.time', 'A2', ...open]));
  });

  it('keeps to itself what it worked out while the report was under way, unless its signature holds', async () => {
    const policy = snpPolicy({ measurements: [], minimumGuestSvn: 'any' });
    const suite = {
      ...nodeSuite,
      verifyP384: (): Promise<boolean> => new Promise((answer) => void setTimeout(() => answer(false), 20)),
    };
    const verdict = await verifySnp(good, { policy, suite });
    expect(verdict).toMatchObject({ verdict: 'untrusted', code: 'report_signature' });
    expect(verdict).not.toHaveProperty('proven');
    const at = verdict.checks.findIndex(({ id }) => id === 'S6');
    const [before, after] = [verdict.checks.slice(0, at), verdict.checks.slice(at + 1)];
    expect(before.every(({ outcome }) => outcome === 'passed' || outcome === 'not-asked')).toBe(true);
    expect(new Set(after.map(({ outcome }) => outcome))).toEqual(new Set(['not-reached']));
    const unread = await verifySnp({ ...good, report: new Uint8Array(0) });
    expect(verdict.notProven).toEqual(unread.notProven);
  });

  it('names every reason to refuse genuine evidence, and takes the code of the first', async () => {
    const verdict = await verifySnp(snpEvidence({ patches: { 48: [2] } }), {
      policy: snpPolicy({ measurements: [], minimumGuestSvn: 1 }),
      challenge: new Uint8Array(32),
    });
    expect(verdict).toMatchObject({ verdict: 'refused', code: 'vmpl_refused' });
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed).toEqual(['S17', 'S19', 'S18', 'S20']);
  });

  it('reads the evidence once: buffers that change during verification change nothing', async () => {
    const report = Uint8Array.from(good.report);
    const certificates = good.certificates.map((bytes) => Uint8Array.from(bytes));
    const challenge = Uint8Array.from(SNP_CHALLENGE);
    const suite = { ...nodeSuite, sha256: async (data: Uint8Array) => nodeSuite.sha256(data) };
    const pending = verifySnp({ report, certificates, revocationLists: [] }, { suite, challenge });
    for (const buffer of [report, challenge, ...certificates]) buffer.fill(0);
    expect((await pending).verdict).toBe('accepted');
  });

  it('refuses absurd lengths and numbers without copying them', async () => {
    const huge = new Uint8Array(64 * 1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const pending = [
      verifySnp({ ...good, report: huge }),
      verifySnp({ ...good, certificates: [huge] }),
      verifySnp({ ...good, certificates: Array.from({ length: 100_000 }, () => huge) }),
      verifySnp({ ...good, revocationLists: [huge] }),
    ];
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    expect((await Promise.all(pending)).map((verdict) => 'code' in verdict && verdict.code)).toEqual([
      'report_length',
      'certificate_too_large',
      'certificates_invalid',
      'revocation_list_invalid',
    ]);
  });

  it('gives facts that are frozen and cannot be imitated', async () => {
    const facts = requireAccepted(await verifySnp(good));
    expect(isVerified(facts)).toBe(true);
    expect(isVerified({ ...facts })).toBe(false);
    expect(Object.isFrozen(facts.tcb.reported)).toBe(true);
    expect(() => {
      (facts as { level: string }).level = 'attested';
    }).toThrow(TypeError);
  });
});

describe('arguments', () => {
  const options: SnpOptions = {
    policy: anyProduct,
    now: NOW,
    challenge: SNP_CHALLENGE,
    product: 'any',
    suite: nodeSuite,
    cache: 'none',
  };

  it.each([
    ['evidence', undefined, options],
    ['report', { ...good, report: [...good.report] }, options],
    ['certificates', { ...good, certificates: undefined }, options],
    ['certificates', { ...good, certificates: ['x'] }, options],
    ['revocationLists', { ...good, revocationLists: undefined }, options],
    ['options', good, undefined],
    ['now', good, { ...options, now: Number.NaN }],
    ['now', good, { ...options, now: -1 }],
    ['now', good, { ...options, now: 8.64e15 + 1 }],
    ['challenge', good, { ...options, challenge: new Uint8Array(31) }],
    ['challenge', good, { ...options, challenge: null }],
    ['product', good, { ...options, product: undefined }],
    ['product', good, { ...options, product: 'Rome' }],
    ['suite', good, { ...options, suite: {} }],
    ['suite', good, { ...options, suite: { ...nodeSuite, verifyRsaPss384: undefined } }],
  ])('throws argument_invalid for a bad %s', async (field, evidence, bad) => {
    await expect(verifySnpReport(evidence as SnpEvidence, bad as SnpOptions)).rejects.toMatchObject({
      code: 'argument_invalid',
      place: { field },
    });
  });

  it('throws policy_unparsed for a policy that parseSnpPolicy did not make, one for Nitro included', async () => {
    for (const imitation of [{ ...options.policy }, {}, null, structuredClone(options.policy), nitroPolicy()]) {
      const policy = imitation as SnpOptions['policy'];
      await expect(verifySnpReport(good, { ...options, policy })).rejects.toMatchObject({ code: 'policy_unparsed' });
    }
  });
});

describe('parseUnverifiedSnpReport', () => {
  it('gives what the report says under a name that says so', () => {
    expect(parseUnverifiedSnpReport(good.report).unverified.measurement).toEqual(SNP_MEASUREMENT);
  });

  it('throws the code of what is malformed', () => {
    expect(() => parseUnverifiedSnpReport(good.report.subarray(1))).toThrow(/report_length/);
    expect(() => parseUnverifiedSnpReport('00' as unknown as Uint8Array)).toThrow(/argument_invalid/);
  });
});
