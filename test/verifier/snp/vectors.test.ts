import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  parsePem,
  parseSnpPolicy,
  requireAccepted,
  type SnpFacts,
  type SnpOptions,
  type Verdict,
  type Verified,
} from '../../../verifier/index.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { hasRealEvidence, type RealSnpCase, realSnpCases } from '../../support/real-evidence.ts';
import { acceptedFlips, realSnpEvidence, realSnpPolicy, verifyReal } from '../../support/real-snp.ts';
import { type JsonChanges, snpPlatformJson, snpPolicyJson } from '../../support/snp-evidence.ts';

/** The collection names causes in its own words. */
const RULING_OF: { readonly [cause: string]: string } = {
  valid: 'accepted',
  debug_policy: 'refused guest_debug',
  chain_invalid: 'untrusted certificate_signature',
};

const cases = realSnpCases();

function ruling(verdict: Verdict<Verified<SnpFacts>>): string {
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`;
}

const named = (id: string): RealSnpCase => cases.find((real) => real.id === id) as RealSnpCase;
const byVersion = ['snp-milan-v2-virtee', 'snp-genoa-v3-routex', 'snp-turin-v5-routex'];

describe.skipIf(!hasRealEvidence)('real AMD reports (skipped where ../shared/vectors is absent)', () => {
  it.each(cases)('$id: $expect', async (real) => {
    expect(ruling(await verifyReal(real))).toBe(RULING_OF[real.expect]);
  });

  it('has a case for every cause, version, product and kind of key', async () => {
    expect(new Set(cases.map(({ expect: cause }) => cause))).toEqual(new Set(Object.keys(RULING_OF)));
    const facts = await Promise.all(
      cases
        .filter(({ expect: cause }) => cause === 'valid')
        .map(async (real) => requireAccepted(await verifyReal(real))),
    );
    expect(new Set(facts.map(({ reportVersion }) => reportVersion))).toEqual(new Set([2, 3, 5]));
    expect(new Set(facts.map(({ product }) => product))).toEqual(new Set(['Milan', 'Genoa', 'Turin']));
    expect(new Set(facts.map(({ signer }) => signer))).toEqual(new Set(['VCEK', 'VLEK']));
    expect(new Set(facts.map(({ level }) => level))).toEqual(new Set(['attested']));
  });

  it.each(cases)('$id is judged alike by the suite for browsers', async (real) => {
    expect(ruling(await verifyReal(real, { suite: webSuite }))).toBe(RULING_OF[real.expect]);
  });

  it('reads the TCB of Turin in its own layout, and its short chip id', async () => {
    const facts = requireAccepted(await verifyReal(named('snp-turin-v5-routex'), { product: 'Turin' }));
    expect(facts.root.name).toBe('amd-ark-turin');
    expect(facts.tcb.reported).toEqual({ fmc: 0, bootloader: 1, tee: 0, snp: 2, microcode: 0x47 });
    expect(toHex(facts.chipId as Uint8Array)).toBe(`3b42092f69c656d3${'00'.repeat(56)}`);
    expect(facts.firmware.current).toEqual({ major: 1, minor: 55, build: 61 });
  });

  it('reads the committed and launch TCBs of a version 5 report where they are (verifier-checks, fact 10)', async () => {
    const facts = requireAccepted(await verifyReal(named('snp-genoa-v5-routex')));
    const tcb = { fmc: null, bootloader: 10, tee: 0, snp: 0x1b, microcode: 0x58 };
    expect(facts.tcb).toEqual({ current: tcb, reported: tcb, committed: tcb, launch: tcb });
    expect(facts.mitigations).toEqual({ launch: 0x0bn, current: 0x0bn });
    expect(facts.cpu).toEqual({ family: 0x19, model: 0x11, stepping: 1 });
  });

  it('puts Siena under the root of Genoa', async () => {
    const facts = requireAccepted(await verifyReal(named('snp-genoa-v5-siena'), { product: 'Genoa' }));
    expect(facts).toMatchObject({ product: 'Genoa', cpu: { family: 0x19, model: 0xa0, stepping: 2 } });
  });

  it('names the cloud of a VLEK, whose report hides the chip', async () => {
    const facts = requireAccepted(await verifyReal(named('snp-milan-v3-vlek-1')));
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
    expect(ruling(await verifyReal(named(id), { policy: realSnpPolicy(changes as JsonChanges) }))).toBe(
      `refused ${code}`,
    );
  });

  it('A2: hardware evidence under a simulated policy is refused by level and by root', async () => {
    const verdict = await verifyReal(named('snp-genoa-v5-routex'), { policy: parseSnpPolicy(snpPolicyJson()) });
    expect(ruling(verdict)).toBe('refused level_refused');
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed.slice(0, 2)).toEqual(['A2', 'S16.root']);
  });

  it('S12 refuses a report with the chain of another product, chip or kind of key', async () => {
    const genoa = realSnpEvidence(named('snp-genoa-v3-routex'));
    const wrong = async (id: string, options: Partial<SnpOptions> = {}): Promise<string> =>
      ruling(await verifyReal(named(id), options, { ...realSnpEvidence(named(id)), report: genoa.report }));
    expect(await wrong('snp-milan-v3-routex')).toBe('untrusted product_mismatch');
    expect(await wrong('snp-genoa-v5-routex')).toBe('untrusted tcb_mismatch');
    expect(await wrong('snp-milan-v3-vlek-1')).toBe('untrusted endorsement_mismatch');
  });

  it('refuses a certificate after its end and before its beginning', async () => {
    const real = named('snp-milan-v3-vlek-1');
    expect(ruling(await verifyReal(real, { now: Date.parse('2025-12-10T22:14:22Z') }))).toBe(
      'untrusted certificate_expired',
    );
    expect(ruling(await verifyReal(real, { now: Date.parse('2025-12-10T22:14:21Z') }))).toBe('accepted');
    expect(ruling(await verifyReal(real, { now: Date.parse('2024-12-10T22:14:20Z') }))).toBe(
      'untrusted certificate_not_yet_valid',
    );
  });

  it('reads the same certificates from a table as from files', async () => {
    const real = named('snp-genoa-v5-siena');
    const { certificates } = realSnpEvidence(real);
    expect(certificates).toHaveLength(3);
    const pem = certificates.map((der) => new X509Certificate(der).toString()).join('');
    expect(parsePem(new TextEncoder().encode(pem)).certificates).toEqual(certificates);
  });

  it.each(byVersion)('refuses %s with any byte changed (sampled; test/long has every mask)', async (id) => {
    expect(await acceptedFlips(named(id), { stride: 3, masks: 'in turn' })).toEqual([]);
  });

  it('refuses a report that is cut short or goes on', async () => {
    const real = named('snp-genoa-v5-routex');
    const evidence = realSnpEvidence(real);
    for (const report of [
      evidence.report.subarray(0, 1183),
      concatBytes(evidence.report, Uint8Array.of(0)),
      new Uint8Array(0),
    ]) {
      expect(ruling(await verifyReal(real, {}, { ...evidence, report }))).toBe('malformed report_length');
    }
  });
});
