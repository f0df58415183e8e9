import { afterAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { chain, NOW } from '../../support/certificates.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { CHALLENGE, evidence, pcr, policyJson } from '../../support/nitro-evidence.ts';
import { auditJson, ruled, states } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const document = evidence();
const at = new Date(NOW).toISOString();
const policy = folder.file('policy.json', JSON.stringify(policyJson()));
const judged = ['--policy', policy, '--at', at] as const;
const base64 = Buffer.from(document).toString('base64');

describe('proofmark audit, for a raw Nitro document', () => {
  it.each<[string, string, Uint8Array | string]>([
    ['binary', 'binary', document],
    ['hex', 'hex', toHex(document)],
    ['hex in capitals with a last newline', 'hex', `${toHex(document).toUpperCase()}\n`],
    ['base64', 'base64', base64],
    ['base64 in lines', 'base64', `${base64.replace(/.{76}/g, '$&\r\n')}\r\n`],
    ['base64url', 'base64', Buffer.from(document).toString('base64url')],
  ])('takes %s', async (_, encoding, content) => {
    const audited = await auditJson(folder.file('document', content), ...judged, '--challenge', toHex(CHALLENGE));
    expect(ruled(audited)).toBe('accepted');
    expect(audited.exit).toBe(0);
    expect(audited.report.evidence.input).toMatchObject({ name: 'document', kind: 'nitro-document', encoding });
  });

  it.each<[string, Uint8Array | string, string]>([
    ['nothing', '', 'input_empty'],
    ['text', 'not evidence!', 'input_unrecognised'],
    ['hex of mixed case', `${toHex(document).toUpperCase()}ab`, 'input_unrecognised'],
    ['hex with a space', `${toHex(document)} `, 'input_unrecognised'],
    [
      'base64 without its padding',
      `${base64.replace(/[+/]/g, 'A').slice(0, -3)}+==`.slice(0, -1),
      'input_unrecognised',
    ],
    ['lines of different lengths', `${base64.slice(0, 70)}\n${base64.slice(70, 200)}\n`, 'input_unrecognised'],
    ['a certificate', chain()[0] as Uint8Array, 'input_unrecognised'],
    ['PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'input_unrecognised'],
    ['more than any evidence has', new Uint8Array(139_265).fill(0x84), 'input_too_large'],
    ['a document that is cut', document.subarray(0, -1), 'cbor_invalid'],
  ])('calls %s malformed', async (_, content, code) => {
    const audited = await auditJson(folder.file('bad', content), ...judged);
    expect(ruled(audited)).toBe(`malformed ${code}`);
    expect(audited.exit).toBe(10);
    expect(audited.report.evidence.accepted).toEqual({});
    expect(audited.report.evidence.authentic).toEqual({});
  });

  it('says what bytes of another kind look like', async () => {
    const { report } = await auditJson(folder.file('bad', chain()[0] as Uint8Array), ...judged);
    expect(report.checks[0]).toMatchObject({ id: 'I1', outcome: 'failed' });
    expect(report.checks[0]?.detail).toContain('--chain');
  });

  it('asks the shipped default without a policy, says so, and gets no image accepted', async () => {
    const audited = await auditJson(folder.file('document', document), '--at', at);
    // The tests' root is nobody's vendor: the default names AWS's only.
    expect(ruled(audited)).toBe('untrusted root_not_trusted');
    expect(audited.exit).toBe(20);
    expect(audited.report.evidence.judgement?.policy.origin).toBe('shipped');
    const { out } = await command('audit', folder.file('document', document), '--at', at);
    expect(out).toContain('shipped default: none was given');
  });

  it('refuses another challenge than the one named', async () => {
    const audited = await auditJson(folder.file('document', document), ...judged, '--challenge', '00'.repeat(32));
    expect(ruled(audited)).toBe('refused challenge_mismatch');
    expect(audited.exit).toBe(30);
  });

  it('says what was not asked when no challenge is named', async () => {
    const { report } = await auditJson(folder.file('document', document), ...judged);
    expect(report.verdict).toBe('accepted');
    expect(report.notProven.map(({ id }) => id)).toContain('N21');
    expect(report.evidence.judgement?.challenge).toBe('any');
  });

  it('does not accept a document of the past that nobody else dated', async () => {
    const audited = await auditJson(folder.file('document', document), '--policy', policy, '--purpose', 'archive');
    expect(ruled(audited)).toBe('undetermined not_anchored');
    expect(audited.exit).toBe(40);
    expect(audited.report.evidence.judgement?.at).toBe(at);
    expect(Object.keys(audited.report.evidence.authentic)).toEqual(['document']);
  });

  it('reads the bytes as what it is told to', async () => {
    const file = folder.file('document', document);
    const snp = await auditJson(file, ...judged, '--tee', 'amd-sev-snp');
    expect(ruled(snp)).toBe('malformed tee_mismatch');
    const nitro = await auditJson(folder.file('zeros', new Uint8Array(1184)), ...judged, '--tee', 'aws-nitro');
    expect(ruled(nitro)).toMatch(/^malformed c/);
    expect((await auditJson(file, ...judged, '--tee', 'aws-nitro')).exit).toBe(0);
  });
});

describe('the chain of trust of a Nitro document', () => {
  const draw = async (bytes: Uint8Array, ...rest: readonly string[]): Promise<Readonly<Record<string, string>>> =>
    states(await auditJson(folder.file('drawn', bytes), ...judged, ...rest));

  it('is proven down to the policy', async () => {
    expect(await draw(document)).toEqual({
      root: 'proven',
      ca: 'proven',
      leaf: 'proven',
      document: 'proven',
      policy: 'proven',
    });
  });

  it('breaks at the document that its leaf did not sign', async () => {
    const forged = evidence({ signature: (made) => made.map((byte, index) => (index === 5 ? byte ^ 1 : byte)) });
    expect(await draw(forged)).toMatchObject({ leaf: 'proven', document: 'broken', policy: 'unproven' });
  });

  it('breaks at the certificate that its issuer did not sign, and nothing below holds', async () => {
    const flipped = (made: Uint8Array): Uint8Array =>
      made.map((byte, index) => (index === made.length - 1 ? byte ^ 1 : byte));
    const { report } = await auditJson(
      folder.file('drawn', evidence({ chain: { 2: { signature: flipped } } })),
      ...judged,
    );
    expect(report.code).toBe('certificate_signature');
    expect(report.evidence.trust.map(({ state }) => state)).toEqual([
      'proven',
      'proven',
      'broken',
      'unproven',
      'unproven',
      'unproven',
      'unproven',
    ]);
    expect(Object.keys(report.evidence.claimed)).toEqual(['document']);
    expect(report.evidence.level).toBeNull();
  });

  it('holds for evidence that the policy does not want, and the policy is what refuses', async () => {
    const debug = evidence({ fields: { pcrs: new Map([0, 1, 2, 3, 4, 8].map((index) => [index, pcr(0)])) } });
    const audited = await auditJson(folder.file('drawn', debug), ...judged);
    expect(ruled(audited)).toBe('refused debug_mode');
    expect(states(audited)).toMatchObject({ document: 'proven', policy: 'broken' });
    expect(audited.report.evidence.authentic['document']).toMatchObject({ debugMode: true });
    expect(audited.report.evidence.accepted).toEqual({});
  });
});

describe('the command line of an audit', () => {
  const file = folder.file('any', document);
  it.each<[string, readonly string[]]>([
    ['no target', []],
    ['two targets', [file, file]],
    ['a target that a --chain took', ['--chain', 'a', file]],
    ['an unknown kind of hardware', [file, '--tee', 'intel-tdx']],
    ['a challenge that is none', [file, '--challenge', 'AA']],
    ['JSON and HTML together', [file, '--json', '--html', 'x.html']],
    ['a time before 1970', [file, '--at', '1969-12-31T23:59:59Z']],
    ['an unknown option', [file, '--fast']],
    ['a root without a batch', [file, '--root', '.']],
    ['a batch with a target', [file, '--batch', 'x.json']],
    ['a batch with a time', ['--batch', 'x.json', '--at', at]],
    ['an archived host', ['https://host.invalid', '--purpose', 'archive']],
    ['a host with certificates', ['https://host.invalid', '--chain', 'a']],
    ['two policies for one kind of hardware', [file, '--policy', policy, '--policy', policy]],
  ])('ends with 2 for %s', async (_, args) => {
    const { code, out, err } = await command('audit', ...args);
    expect(code).toBe(2);
    if (args.includes('--json')) {
      expect(JSON.parse(out)).toMatchObject({ error: { code: 'usage' }, exit: 2 });
    } else {
      expect(out).toBe('');
      expect(err).toMatch(/^proofmark: [^\n]+\n$/);
    }
  });

  it('ends with 1 for a chain that cannot be read', async () => {
    const { code, err } = await command('audit', file, '--chain', folder.file('no.pem', 'no certificate'));
    expect(code).toBe(1);
    expect(err).toContain('no.pem');
  });
});
