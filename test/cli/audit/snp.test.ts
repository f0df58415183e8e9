import { afterAll, describe, expect, it } from 'vitest';
import { encodeCertificateTable } from '../../../enclave/simulator/snp/table.ts';
import { concatBytes, toHex } from '../../../wire/bytes.ts';
import { NOW } from '../../support/certificates.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { SNP_CHALLENGE, SNP_MEASUREMENT, snpEvidence, snpPolicyJson, snpReport } from '../../support/snp-evidence.ts';
import { auditJson, ruled, states } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const at = new Date(NOW).toISOString();
const policy = folder.file('policy.json', JSON.stringify(snpPolicyJson()));
const judged = ['--policy', policy, '--at', at] as const;
const { report, certificates } = snpEvidence();
const pem = (der: Uint8Array): string =>
  `# a comment\n-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
const chainFile = folder.file('chain.pem', certificates.map(pem).join(''));
const ders = certificates.map((der, index) => folder.file(`${index}.der`, der));
const reportFile = folder.file('report.bin', report);

describe('proofmark audit, for an SEV-SNP report', () => {
  it.each<[string, readonly string[]]>([
    ['PEM', [reportFile, '--chain', chainFile]],
    ['DER, one option each', [reportFile, ...ders.flatMap((der) => ['--chain', der])]],
    ['DER after one option', [reportFile, '--chain', ...ders]],
    ['both, as people have them', [reportFile, '--chain', chainFile, ...ders]],
    ['hex', [folder.file('report.hex', toHex(report)), '--chain', chainFile]],
  ])('takes certificates and report: %s', async (_, args) => {
    const audited = await auditJson(...args, ...judged, '--challenge', toHex(SNP_CHALLENGE));
    expect(ruled(audited)).toBe('accepted');
    expect(audited.exit).toBe(0);
    const { input, tee, level, accepted } = audited.report.evidence;
    expect([input.kind, tee, level]).toEqual(['snp-report', 'amd-sev-snp', 'simulated']);
    expect(accepted['report']).toMatchObject({ product: 'Genoa', measurement: toHex(SNP_MEASUREMENT) });
  });

  it('takes an extended report with its table of certificates', async () => {
    const named = new Map(certificates.map((der) => [subjectOf(der), der]));
    const table = encodeCertificateTable([
      { kind: 'ark', content: named.get('ARK') as Uint8Array },
      { kind: 'ask', content: named.get('ASK') as Uint8Array },
      { kind: 'vcek', content: named.get('VCEK') as Uint8Array },
    ]);
    const extended = folder.file('extended.bin', concatBytes(report, table));
    const audited = await auditJson(extended, ...judged);
    expect(ruled(audited)).toBe('accepted');
    expect(audited.report.evidence.input.kind).toBe('snp-extended-report');
    const cut = folder.file('cut.bin', concatBytes(report, table.subarray(0, 60)));
    expect(ruled(await auditJson(cut, ...judged))).toBe('malformed certificate_table_invalid');
  });

  it('is untrusted without its certificates', async () => {
    const audited = await auditJson(reportFile, ...judged);
    expect(ruled(audited)).toBe('untrusted chain_incomplete');
    expect(audited.exit).toBe(20);
    expect(Object.keys(audited.report.evidence.claimed)).toEqual(['report']);
  });

  it('breaks at a report that its key did not sign', async () => {
    const forged = report.slice();
    forged[0x90] = 0xee;
    const audited = await auditJson(folder.file('forged.bin', forged), '--chain', chainFile, ...judged);
    expect(ruled(audited)).toBe('untrusted report_signature');
    expect(states(audited)).toEqual({
      root: 'proven',
      ca: 'proven',
      leaf: 'proven',
      document: 'broken',
      policy: 'unproven',
    });
  });

  it('refuses what the policy does not want, and the shipped default wants no measurement', async () => {
    const other = folder.file('other.bin', snpReport({ patches: { 48: [1] } }));
    expect(ruled(await auditJson(other, '--chain', chainFile, ...judged))).toBe('refused vmpl_refused');
    const shipped = await auditJson(reportFile, '--chain', chainFile, '--at', at);
    expect(ruled(shipped)).toBe('untrusted root_not_trusted');
    expect(shipped.report.evidence.judgement?.policy).toMatchObject({ origin: 'shipped' });
  });

  it('does not date a report of the past', async () => {
    const audited = await auditJson(reportFile, '--chain', chainFile, '--policy', policy, '--purpose', 'archive');
    expect(ruled(audited)).toBe('undetermined not_anchored');
    expect(audited.exit).toBe(40);
  });

  it('is shown in text and HTML', async () => {
    const html = folder.path('report.html');
    const text = await command('audit', reportFile, '--chain', chainFile, ...judged);
    expect(text.out).toContain('ARK-Genoa');
    expect(text.out).toContain('no hardware vouches for it');
    expect((await command('audit', reportFile, ...judged, '--html', html)).code).toBe(20);
  });
});

function subjectOf(der: Uint8Array): 'ARK' | 'ASK' | 'VCEK' {
  const text = Buffer.from(der).toString('latin1');
  if (text.includes('SEV-VCEK')) return 'VCEK';
  return text.includes('SEV-Genoa') ? 'ASK' : 'ARK';
}
