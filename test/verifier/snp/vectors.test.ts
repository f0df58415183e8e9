import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  anchors,
  parsePem,
  parseSnpPolicy,
  requireAccepted,
  type SnpEvidence,
  type SnpFacts,
  type SnpOptions,
  type Verdict,
  type Verified,
  verifySnpReport,
} from '../../../verifier/index.ts';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { hasRealEvidence, type RealSnpCase, realBytes, realSnpCases } from '../../support/real-evidence.ts';
import { type JsonChanges, snpPlatformJson, snpPolicyJson } from '../../support/snp-evidence.ts';

/** The collection names causes in its own words. */
const RULING_OF: { readonly [cause: string]: string } = {
  valid: 'accepted',
  debug_policy: 'refused guest_debug',
  chain_invalid: 'untrusted certificate_signature',
};

const cases = realSnpCases();

function policyFor(changes: JsonChanges = {}) {
  return parseSnpPolicy(
    snpPolicyJson({
      level: 'attested',
      roots: anchors.filter(({ tee }) => tee === 'amd-sev-snp').map(({ sha256 }) => sha256),
      measurements: 'any',
      reportVersions: [2, 3, 5],
      products: { Milan: ['VCEK', 'VLEK'], Genoa: ['VCEK', 'VLEK'], Turin: ['VCEK', 'VLEK'] },
      vmpl: [0, 1],
      provisionalFirmware: 'allow',
      cspIds: 'any',
      platform: snpPlatformJson({ aliasCheckComplete: 'any' }),
      ...changes,
    }),
  );
}

const open = policyFor();

/** DER or PEM, as the file has it. */
function certificatesIn(file: string): readonly Uint8Array[] {
  const bytes = realBytes(file);
  return bytes[0] === 0x30 ? [bytes] : parsePem(bytes).certificates;
}

function evidenceOf({ file, leaf, ca, encoding }: RealSnpCase): SnpEvidence {
  const bytes = realBytes(file);
  const report = encoding === 'hex' ? fromHex(new TextDecoder().decode(bytes).trim().toLowerCase()) : bytes;
  return { report, certificates: [...certificatesIn(leaf), ...certificatesIn(ca)], revocationLists: [] };
}

/** A second after the leaf began, where the case names no time. */
function timeOf(real: RealSnpCase): number {
  if (real.at !== undefined) return Date.parse(real.at);
  const [leaf] = certificatesIn(real.leaf);
  return Date.parse(new X509Certificate(leaf as Uint8Array).validFrom) + 1_000;
}

function verify(real: RealSnpCase, options: Partial<SnpOptions> = {}, evidence = evidenceOf(real)) {
  return verifySnpReport(evidence, {
    policy: open,
    now: timeOf(real),
    challenge: 'any',
    product: 'any',
    suite: nodeSuite,
    ...options,
  });
}

function ruling(verdict: Verdict<Verified<SnpFacts>>): string {
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`;
}

const named = (id: string): RealSnpCase => cases.find((real) => real.id === id) as RealSnpCase;
const byVersion = ['snp-milan-v2-virtee', 'snp-genoa-v3-routex', 'snp-turin-v5-routex'];

describe.skipIf(!hasRealEvidence)('real AMD reports (skipped where ../shared/vectors is absent)', () => {
  it.each(cases)('$id: $expect', async (real) => {
    expect(ruling(await verify(real))).toBe(RULING_OF[real.expect]);
  });

  it('has a case for every cause, version, product and kind of key', async () => {
    expect(new Set(cases.map(({ expect: cause }) => cause))).toEqual(new Set(Object.keys(RULING_OF)));
    const facts = await Promise.all(
      cases.filter(({ expect: cause }) => cause === 'valid').map(async (real) => requireAccepted(await verify(real))),
    );
    expect(new Set(facts.map(({ reportVersion }) => reportVersion))).toEqual(new Set([2, 3, 5]));
    expect(new Set(facts.map(({ product }) => product))).toEqual(new Set(['Milan', 'Genoa', 'Turin']));
    expect(new Set(facts.map(({ signer }) => signer))).toEqual(new Set(['VCEK', 'VLEK']));
    expect(new Set(facts.map(({ level }) => level))).toEqual(new Set(['attested']));
  });

  it.each(cases)('$id is judged alike by the suite for browsers', async (real) => {
    expect(ruling(await verify(real, { suite: webSuite }))).toBe(RULING_OF[real.expect]);
  });

  it('reads the TCB of Turin in its own layout, and its short chip id', async () => {
    const facts = requireAccepted(await verify(named('snp-turin-v5-routex'), { product: 'Turin' }));
    expect(facts.root.name).toBe('amd-ark-turin');
    expect(facts.tcb.reported).toEqual({ fmc: 0, bootloader: 1, tee: 0, snp: 2, microcode: 0x47 });
    expect(toHex(facts.chipId as Uint8Array)).toBe(`3b42092f69c656d3${'00'.repeat(56)}`);
    expect(facts.firmware.current).toEqual({ major: 1, minor: 55, build: 61 });
  });

  it('reads the committed and launch TCBs of a version 5 report where they are (verifier-checks, fact 10)', async () => {
    const facts = requireAccepted(await verify(named('snp-genoa-v5-routex')));
    const tcb = { fmc: null, bootloader: 10, tee: 0, snp: 0x1b, microcode: 0x58 };
    expect(facts.tcb).toEqual({ current: tcb, reported: tcb, committed: tcb, launch: tcb });
    expect(facts.mitigations).toEqual({ launch: 0x0bn, current: 0x0bn });
    expect(facts.cpu).toEqual({ family: 0x19, model: 0x11, stepping: 1 });
  });

  it('puts Siena under the root of Genoa', async () => {
    const facts = requireAccepted(await verify(named('snp-genoa-v5-siena'), { product: 'Genoa' }));
    expect(facts).toMatchObject({ product: 'Genoa', cpu: { family: 0x19, model: 0xa0, stepping: 2 } });
  });

  it('names the cloud of a VLEK, whose report hides the chip', async () => {
    const facts = requireAccepted(await verify(named('snp-milan-v3-vlek-1')));
    expect(facts).toMatchObject({ signer: 'VLEK', cspId: 'CN=cc-us-east-2.amazonaws.com', chipId: null, vmpl: 1 });
  });

  it.each([
    [
      'refuses a VCEK of Milan, as shipped policies do',
      'snp-milan-v3-routex',
      'product_line_refused',
      {
        products: { Milan: ['VLEK'], Genoa: ['VCEK'], Turin: ['VCEK'] },
      },
    ],
    ['refuses VMPL 1 where only 0 is allowed', 'snp-milan-v3-vlek-1', 'vmpl_refused', { vmpl: [0] }],
    ['refuses a cloud that is not named', 'snp-milan-v3-vlek-1', 'csp_refused', { cspIds: [] }],
    ['refuses a hidden chip', 'snp-milan-v3-vlek-1', 'chip_masked', { maskedChipId: 'refuse' }],
    ['refuses version 2', 'snp-milan-v2-virtee', 'report_version_refused', { reportVersions: [3, 5] }],
    [
      'refuses firmware that is not committed',
      'snp-milan-v2-trustee',
      'firmware_provisional',
      {
        provisionalFirmware: 'refuse',
      },
    ],
    ['refuses a root that is not named', 'snp-genoa-v3-routex', 'root_refused', { roots: [] }],
    [
      'refuses a platform without the alias check',
      'snp-milan-v2-virtee',
      'alias_check_incomplete',
      {
        platform: snpPlatformJson({ aliasCheckComplete: 'set' }),
      },
    ],
  ] as const)('%s', async (_, id, code, changes) => {
    expect(ruling(await verify(named(id), { policy: policyFor(changes as JsonChanges) }))).toBe(`refused ${code}`);
  });

  it('A2: hardware evidence under a simulated policy is refused by level and by root', async () => {
    const verdict = await verify(named('snp-genoa-v5-routex'), { policy: parseSnpPolicy(snpPolicyJson()) });
    expect(ruling(verdict)).toBe('refused level_refused');
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed.slice(0, 2)).toEqual(['A2', 'S16.root']);
  });

  it('S12 refuses a report with the chain of another product, chip or kind of key', async () => {
    const genoa = evidenceOf(named('snp-genoa-v3-routex'));
    const wrong = async (id: string, options: Partial<SnpOptions> = {}): Promise<string> =>
      ruling(await verify(named(id), options, { ...evidenceOf(named(id)), report: genoa.report }));
    expect(await wrong('snp-milan-v3-routex')).toBe('untrusted product_mismatch');
    expect(await wrong('snp-genoa-v5-routex')).toBe('untrusted tcb_mismatch');
    expect(await wrong('snp-milan-v3-vlek-1')).toBe('untrusted endorsement_mismatch');
  });

  it('refuses a certificate after its end and before its beginning', async () => {
    const real = named('snp-milan-v3-vlek-1');
    expect(ruling(await verify(real, { now: Date.parse('2025-12-10T22:14:22Z') }))).toBe(
      'untrusted certificate_expired',
    );
    expect(ruling(await verify(real, { now: Date.parse('2025-12-10T22:14:21Z') }))).toBe('accepted');
    expect(ruling(await verify(real, { now: Date.parse('2024-12-10T22:14:20Z') }))).toBe(
      'untrusted certificate_not_yet_valid',
    );
  });

  it('reads the same certificates from a table as from files', async () => {
    const real = named('snp-genoa-v5-siena');
    const { certificates } = evidenceOf(real);
    expect(certificates).toHaveLength(3);
    const pem = certificates.map((der) => new X509Certificate(der).toString()).join('');
    expect(parsePem(new TextEncoder().encode(pem)).certificates).toEqual(certificates);
  });

  it.each(byVersion)('refuses %s with any byte changed (sampled; test/long has every mask)', async (id) => {
    const real = named(id);
    const evidence = evidenceOf(real);
    const now = timeOf(real);
    const accepted: number[] = [];
    for (let at = 0; at < evidence.report.length; at += 3) {
      const report = Uint8Array.from(evidence.report);
      report[at] = (report[at] as number) ^ ([0x01, 0x80, 0xff][(at / 3) % 3] as number);
      const verdict = await verify(real, { now }, { ...evidence, report });
      if (verdict.verdict === 'accepted') accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });

  it('refuses a report that is cut short or goes on', async () => {
    const real = named('snp-genoa-v5-routex');
    const evidence = evidenceOf(real);
    for (const report of [
      evidence.report.subarray(0, 1183),
      concatBytes(evidence.report, Uint8Array.of(0)),
      new Uint8Array(0),
    ]) {
      expect(ruling(await verify(real, {}, { ...evidence, report }))).toBe('malformed report_length');
    }
  });
});
