import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { encodeArchive } from '../../../wire/message/archive.ts';
import { type Evidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { answerPolicy } from '../../support/accept-answer.ts';
import { ASKED, answer, json, plain } from '../../support/answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { auditJson, ruled, states } from './report.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const policy = folder.file('policy.json', JSON.stringify(answerPolicy()));
const tensors = (names: object): Uint8Array => json(names as never);
const requestBody = tensors({ inputs: [{ name: 'in', shape: [2], datatype: 'FP32', data: [0.5, -1] }] });
const body = tensors({
  model_name: 'demo',
  model_version: '1.0.0',
  outputs: [{ name: 'out', shape: [1], datatype: 'FP32', data: [0.25] }],
});
const { archive } = answer({ requestBody, response: { format: 1, jsonLength: body.length, body } });
const good = folder.file('good.proofmark', encodeArchive(archive));
const badHead = folder.file(
  'head.proofmark',
  encodeArchive({ ...archive, signature: archive.signature.map((b, i) => (i === 5 ? b ^ 1 : b)) }),
);

describe('proofmark audit, for a .proofmark archive', () => {
  it('draws the chain from the root to answer and model, and files every fact as accepted', async () => {
    const audited = await auditJson(good, '--policy', policy);
    expect(ruled(audited)).toBe('accepted');
    const { trust, accepted, authentic, claimed, level } = audited.report.evidence;
    expect(trust.map(({ kind }) => kind).filter((kind) => kind !== 'ca')).toEqual([
      'root',
      'leaf',
      'document',
      'worker',
      'head',
      'receipt',
      'answer',
      'model',
      'policy',
    ]);
    expect(trust.every(({ state }) => state === 'proven')).toBe(true);
    expect(Object.keys(accepted)).toEqual(['receipt', 'exchange', 'model', 'worker', 'configuration', 'document']);
    expect([authentic, claimed, level]).toEqual([{}, {}, 'simulated']);
    expect(accepted['exchange']).toMatchObject({ inputs: ['in FP32[2] 0.5 -1'], outputs: ['out FP32[1] 0.25'] });
  });

  it('breaks at a head that the worker did not sign, and files what hangs on it as claimed', async () => {
    const audited = await auditJson(badHead, '--policy', policy);
    expect(ruled(audited)).toBe('untrusted head_signature');
    expect(states(audited)).toMatchObject({
      worker: 'proven',
      head: 'broken',
      receipt: 'unproven',
      answer: 'unproven',
      model: 'unproven',
      policy: 'unproven',
    });
    expect(Object.keys(audited.report.evidence.authentic)).toEqual(['worker', 'configuration', 'document']);
    expect(Object.keys(audited.report.evidence.claimed)).toEqual(['receipt', 'exchange', 'model']);
  });

  it('holds the challenge that the person names against the document', async () => {
    expect((await auditJson(good, '--policy', policy, '--challenge', toHex(ASKED))).exit).toBe(0);
    const other = await auditJson(good, '--policy', policy, '--challenge', '11'.repeat(32));
    expect(ruled(other)).toBe('refused challenge_mismatch');
  });

  it('is of the hardware that was asked for, or malformed', async () => {
    expect(ruled(await auditJson(good, '--policy', policy, '--tee', 'amd-sev-snp'))).toBe('malformed tee_mismatch');
    const snp = folder.file(
      'snp.proofmark',
      encodeArchive({ ...archive, evidence: { ...archive.evidence, tee: 'amd-sev-snp' } }),
    );
    expect(ruled(await auditJson(snp, '--policy', policy))).toBe('malformed tee_mismatch');
    expect(ruled(await auditJson(snp))).toBe('malformed report_length');
  });

  it('warns of simulated evidence beside the verdict', async () => {
    const { out } = await command('audit', good, '--policy', policy);
    expect(out.slice(out.lastIndexOf('Verdict'))).toContain('no hardware vouches');
  });

  it('reads standard input', async () => {
    const { spawnSync } = await import('node:child_process');
    const run = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'cli/main.ts', 'audit', '-', '--policy', policy, '--at', '2030-05-17T12:00:00Z', '--json'],
      { input: encodeArchive(archive), encoding: 'utf8' },
    );
    expect(run.status, run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      verdict: 'accepted',
      evidence: { input: { name: 'standard input' } },
    });
  }, 30_000);
});

describe('proofmark audit --json', () => {
  const schema = JSON.parse(
    readFileSync(new URL('../../../attestations/schemas/proofmark-audit.schema.json', import.meta.url), 'utf8'),
  ) as object;
  const isAudit = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

  it.each<[string, readonly string[]]>([
    ['accepted', [good, '--policy', policy]],
    ['untrusted', [badHead, '--policy', policy]],
    ['refused', [good, '--policy', policy, '--challenge', '11'.repeat(32)]],
    ['undetermined', [good, '--policy', policy, '--purpose', 'archive']],
    ['malformed', [folder.file('not', 'evidence')]],
  ])('is of the published schema: %s', async (verdict, args) => {
    const { report } = await auditJson(...args);
    expect(report.verdict).toBe(verdict);
    expect(isAudit(report), JSON.stringify(isAudit.errors)).toBe(true);
    expect(Object.keys(report)).toEqual(['verdict', 'code', 'checks', 'evidence', 'notProven']);
  });

  it('would be told from another form by that schema', async () => {
    const { report } = await auditJson(good, '--policy', policy);
    expect(isAudit({ ...report, extra: 1 })).toBe(false);
    expect(isAudit({ ...report, verdict: 'fine' })).toBe(false);
  });
});

describe('proofmark audit, for a host', () => {
  async function served<T>(
    reply: Evidence | Uint8Array,
    use: (url: string, paths: string[]) => Promise<T>,
  ): Promise<T> {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      response.end(reply instanceof Uint8Array ? reply : encodeEvidence(reply));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('accepts a worker that answers the challenge', async () => {
    await served(plain.evidence, async (url, paths) => {
      const audited = await auditJson(url, '--policy', policy, '--challenge', toHex(ASKED));
      expect(ruled(audited)).toBe('accepted');
      expect(audited.report.evidence.input.kind).toBe('host-evidence');
      expect(states(audited)).toMatchObject({ document: 'proven', worker: 'proven', policy: 'proven' });
      expect(paths).toEqual([`/v1/evidence?challenge=${toHex(ASKED)}`]);
    });
  });

  it('draws a new challenge each time, which recorded evidence does not answer', async () => {
    await served(plain.evidence, async (url, paths) => {
      for (const _ of [1, 2])
        expect(ruled(await auditJson(url, '--policy', policy))).toBe('refused challenge_mismatch');
      expect(new Set(paths).size).toBe(2);
    });
  });

  it('calls what is no evidence malformed', async () => {
    await served(utf8('<html>'), async (url) => {
      const audited = await auditJson(url, '--policy', policy);
      expect(ruled(audited)).toBe('malformed evidence_invalid');
      expect(audited.exit).toBe(10);
    });
  });
});
