import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { toBase64url } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { webSuite } from '../../wire/crypto/web.ts';
import { encodeArchive } from '../../wire/message/archive.ts';
import { encodeBundle } from '../../wire/message/bundle.ts';
import { encodeEvidence } from '../../wire/message/evidence.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { ANSWERED, type AnswerChanges, ASKED, answer, plain } from '../support/answer.ts';
import { NOW, testKey } from '../support/certificates.ts';
import { CHALLENGE, type EvidenceChanges, evidence, policyJson } from '../support/nitro-evidence.ts';
import { SNP_CHALLENGE, type SnpChanges, snpEvidence, snpPolicyJson } from '../support/snp-evidence.ts';
import { chromium, runInChromium } from './chromium.ts';
import { type Case, judgeAll, type Outcome } from './judge.ts';

const page = fileURLToPath(new URL('page.ts', import.meta.url));
const TIMEOUT = 90_000;

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));

function nitro(name: string, document: Uint8Array, changes: Partial<Case> = {}): Case {
  const asked = { name, policy: policyJson(), now: NOW, challenge: toBase64url(CHALLENGE) };
  return { ...asked, kind: 'nitro', document: toBase64url(document), ...changes } as Case;
}

function snp(name: string, changes: SnpChanges = {}): Case {
  const { report, certificates } = snpEvidence(changes);
  const asked = { name, policy: snpPolicyJson(), now: NOW, challenge: toBase64url(SNP_CHALLENGE) };
  return { ...asked, kind: 'snp', report: toBase64url(report), certificates: certificates.map(toBase64url) };
}

const answered = { policy: answerPolicy(), now: ANSWERED, challenge: toBase64url(ASKED) };

function archive(name: string, changes: AnswerChanges = {}): Case {
  return { ...answered, name, kind: 'archive', archive: toBase64url(encodeArchive(answer(changes).archive)) };
}

function receipt(name: string, body: Uint8Array): Case {
  return {
    ...answered,
    name,
    kind: 'receipt',
    evidence: toBase64url(encodeEvidence(plain.evidence)),
    bundle: toBase64url(encodeBundle(plain.bundle)),
    header: toBase64url(plain.header),
    request: toBase64url(plain.requestBody),
    response: { ...plain.response, body: toBase64url(body) },
  };
}

function cases(): readonly Case[] {
  const document = evidence();
  const forged: EvidenceChanges = { signature: (made) => flipped(made, 95) };
  const flips = Array.from({ length: 60 }, (_, i) => Math.floor(((i + 0.5) * document.length) / 60));
  return [
    nitro('a document, cold', document),
    nitro('the same, warm', document),
    nitro('an indefinite map', evidence({ form: 'indefinite' })),
    nitro('a forged document', evidence(forged)),
    nitro('a leaf by a stranger', evidence({ chain: { 4: { signer: testKey().privateKey } } })),
    nitro('an expired leaf', document, { now: NOW + 7_200_001 }),
    nitro('another challenge', document, { challenge: toBase64url(new Uint8Array(32)) }),
    nitro('another image', document, { policy: policyJson({ images: [] }) }),
    nitro('a policy with a rule left out', document, { policy: {} }),
    nitro('nothing', new Uint8Array(0)),
    ...flips.map((at) => nitro(`byte ${at}`, flipped(document, at))),
    snp('a report'),
    snp('a Turin report by a VLEK', { product: 'Turin', kind: 'VLEK', version: 3 }),
    archive('an archive'),
    archive('an archive of another image', { document: { userData: new Uint8Array(32) } }),
    receipt('a receipt', plain.response.body),
    receipt('a receipt for another answer', flipped(plain.response.body, 0)),
  ];
}

const verdictOf = ({ verdict }: Outcome): unknown => {
  const { verdict: word, thrown, code } = JSON.parse(verdict) as Readonly<Record<string, unknown>>;
  return word === 'accepted' ? word : (code ?? thrown);
};

async function bundle(): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [page],
    bundle: true,
    format: 'esm',
    // Fails on any import of a module of Node.
    platform: 'browser',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const packages = Object.keys(metafile.inputs).filter((file) => file.includes('node_modules/'));
  expect(packages.every((file) => file.startsWith('node_modules/cbor-x/'))).toBe(true);
  return (outputFiles[0] as { readonly text: string }).text;
}

describe('the same verdict on every platform', () => {
  const asked = cases();

  it('means something: each kind of evidence is accepted, and refused', async () => {
    const verdicts = new Map((await judgeAll(asked, nodeSuite)).map((outcome) => [outcome.name, verdictOf(outcome)]));
    const accepted = [...verdicts].filter(([, verdict]) => verdict === 'accepted').map(([name]) => name);
    expect(accepted).toEqual([
      ...['a document, cold', 'the same, warm', 'an indefinite map'],
      ...['a report', 'a Turin report by a VLEK', 'an archive', 'a receipt'],
    ]);
    expect(verdicts.get('a policy with a rule left out')).toBe('policy_invalid');
    expect(verdicts.get('a receipt for another answer')).toBe('response_mismatch');
    expect(new Set(verdicts.values()).size).toBeGreaterThan(12);
  });

  it('on WebCrypto in Node', async () => {
    expect(await judgeAll(asked, webSuite)).toEqual(await judgeAll(asked, nodeSuite));
  });

  it.skipIf(chromium === undefined)(
    'in Chromium (skipped where no browser is installed)',
    async () => {
      const options = {
        browser: chromium as string,
        script: await bundle(),
        cases: asked,
        timeoutMs: TIMEOUT - 10_000,
      };
      const outcome = (await runInChromium(options)) as Readonly<Record<string, unknown>>;
      expect(outcome['error']).toBeUndefined();
      expect(outcome['userAgent']).toMatch(/Chrom/);
      expect(outcome['outcomes']).toEqual(await judgeAll(asked, nodeSuite));
    },
    TIMEOUT,
  );
});
