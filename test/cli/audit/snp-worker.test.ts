import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Archive, encodeArchive } from '../../../wire/message/archive.ts';
import { type Evidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { ANSWERED, ASKED } from '../../support/answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { cosignedChallenge, cosignedHead, cosignerOf, dateOf } from '../../support/cosign.ts';
import { snpAnswer, snpWorkerEvidence, snpWorkerPolicyJson } from '../../support/snp-answer.ts';
import { MEASUREMENT } from '../../vectors/corpus/snp/base.ts';
import { auditJson, ruled, states } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const { privateKey: witness } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const anchors = { cosigners: [toHex(cosignerOf(witness))], maxKeyAgeSeconds: 3_600 };
const policyFile = (name: string, changes: Parameters<typeof snpWorkerPolicyJson>[0]): string =>
  folder.file(name, JSON.stringify(snpWorkerPolicyJson(changes)));

const policy = policyFile('policy.json', { anchors });
const anyAge = policyFile('any-age.json', { maxAgeSeconds: 'any' });
const nitroPolicy = folder.file('nitro.json', JSON.stringify(answerPolicy()));
const at = ['--at', new Date(ANSWERED).toISOString()] as const;

const preimage = cosignedChallenge(witness, { time: BigInt(ANSWERED / 1_000), nonce: new Uint8Array(32).fill(0x77) });
const challenge = { value: sha256(preimage), preimage };
const dated: Archive = snpAnswer({ archive: { challenge } }, { challenge: challenge.value }).archive;
const anchored: Archive = { ...dated, anchors: [cosignedHead(witness, dateOf(dated, ANSWERED + 60_000))] };
const file = (name: string, archive: Archive): string => folder.file(name, encodeArchive(archive));

const everyLink = ['root', 'ca', 'leaf', 'document', 'worker', 'head', 'receipt', 'answer', 'model', 'policy'];

describe('proofmark audit, for an answer by a worker on SEV-SNP', () => {
  it('accepts it live, and draws the chain from AMD’s place down to the answer', async () => {
    const audited = await auditJson(file('dated.proofmark', dated), '--policy', policy, ...at);
    expect(ruled(audited)).toBe('accepted');
    expect(audited.exit).toBe(0);
    const { tee, level, accepted } = audited.report.evidence;
    expect([tee, level]).toEqual(['amd-sev-snp', 'simulated']);
    expect(Object.keys(accepted)).toEqual(['receipt', 'exchange', 'model', 'worker', 'configuration', 'report']);
    expect(accepted['report']).toMatchObject({ product: 'Genoa', measurement: toHex(MEASUREMENT) });
    expect(accepted['worker']).toMatchObject({ log: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(states(audited)).toEqual(Object.fromEntries(everyLink.map((link) => [link, 'proven'])));
  });

  it('accepts it as an archive once head and challenge are dated', async () => {
    const audited = await auditJson(file('anchored.proofmark', anchored), '--policy', policy, '--purpose', 'archive');
    expect(ruled(audited)).toBe('accepted');
    expect(audited.report.evidence.judgement?.at).toBe(new Date(ANSWERED + 60_000).toISOString());
    const missing = await auditJson(file('head.proofmark', dated), '--policy', policy, '--purpose', 'archive');
    expect(ruled(missing)).toBe('undetermined not_anchored');
    expect(missing.exit).toBe(40);
  });

  it('says in text and HTML who dated it, and that this is all that is known of its time', async () => {
    const saved = file('anchored.proofmark', anchored);
    const html = folder.path('report.html');
    const { out } = await command('audit', saved, '--policy', policy, '--purpose', 'archive');
    expect(out).toContain('between dates that cosigners of the policy vouch for');
    expect(out).toContain('cosignature of 2030-05-17T12:01:00Z');
    expect((await command('audit', saved, '--policy', policy, '--purpose', 'archive', '--html', html)).code).toBe(0);
    const undated = await command('audit', saved, '--policy', anyAge, '--purpose', 'archive');
    expect(undated.code).toBe(40);
    expect(undated.out).toContain('which nobody else vouches for');
  });

  it('has the exit code of each verdict', async () => {
    const random = file('random.proofmark', snpAnswer().archive);
    const forged = file('forged.proofmark', { ...dated, signature: new Uint8Array(64).fill(1) });
    const report = Uint8Array.from(dated.evidence.document);
    report[0x90] = (report[0x90] as number) ^ 1;
    const changed = file('changed.proofmark', { ...dated, evidence: { ...dated.evidence, document: report } });
    const short = { ...dated.evidence, document: report.subarray(0, 1_183) };
    const cases: readonly (readonly [string, string, string, number])[] = [
      [random, policy, 'refused report_undated', 30],
      [random, anyAge, 'accepted', 0],
      [forged, policy, 'untrusted head_signature', 20],
      [changed, policy, 'untrusted report_signature', 20],
      [file('short.proofmark', { ...dated, evidence: short }), policy, 'malformed report_length', 10],
      [random, nitroPolicy, 'malformed tee_mismatch', 10],
    ];
    for (const [saved, rules, expected, exit] of cases) {
      const audited = await auditJson(saved, '--policy', rules, ...at);
      expect([ruled(audited), audited.exit]).toEqual([expected, exit]);
    }
  });

  it('breaks at the worker where the report binds another identity', async () => {
    const evidence = snpWorkerEvidence({ challenge: challenge.value });
    const identity = Uint8Array.from(evidence.identity, (byte, index) => (index === 127 ? byte ^ 1 : byte));
    const saved = file('other.proofmark', { ...dated, evidence: { ...evidence, identity } });
    const audited = await auditJson(saved, '--policy', policy, ...at);
    expect(ruled(audited)).toBe('untrusted identity_mismatch');
    expect(states(audited)).toMatchObject({ document: 'proven', worker: 'broken', head: 'unproven' });
  });

  it('asks the shipped policy without another, which trusts no simulated root', async () => {
    expect(ruled(await auditJson(file('dated.proofmark', dated), ...at))).toBe('untrusted root_not_trusted');
  });

  it('says where in a certificate it stumbled, as data', async () => {
    const [leaf, ...above] = dated.evidence.certificates as readonly [Uint8Array, ...Uint8Array[]];
    const cut = { ...dated.evidence, certificates: [leaf.subarray(0, -1), ...above] };
    const audited = await auditJson(file('cut.proofmark', { ...dated, evidence: cut }), '--policy', policy, ...at);
    expect(ruled(audited)).toBe('malformed der_invalid');
    const failed = audited.report.checks.find(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ id: 'C1', place: { certificate: 0 } });
  });
});

async function served(evidence: Evidence, ask: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => response.end(encodeEvidence(evidence)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('proofmark audit, for a host with a worker on SEV-SNP', () => {
  const asked = ['--challenge', toHex(ASKED)] as const;

  it('accepts a worker that answers the challenge', async () => {
    await served(snpWorkerEvidence(), async (url) => {
      const audited = await auditJson(url, '--policy', anyAge, ...asked, ...at);
      expect(ruled(audited)).toBe('accepted');
      expect(audited.report.evidence.input.kind).toBe('host-evidence');
      expect(states(audited)['worker']).toBe('proven');
    });
  });

  it('does not know how old an answer to a challenge of the person’s own is', async () => {
    await served(snpWorkerEvidence(), async (url) => {
      expect(ruled(await auditJson(url, '--policy', policy, ...asked, ...at))).toBe('refused report_undated');
    });
  });

  it('refuses recorded evidence, since it draws a challenge of its own', async () => {
    await served(snpWorkerEvidence(), async (url) => {
      expect(ruled(await auditJson(url, '--policy', policy, ...at))).toBe('refused challenge_mismatch');
    });
  });
});
