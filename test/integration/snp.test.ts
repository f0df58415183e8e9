import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatorPolicy } from '../../cli/stack/policy.ts';
import { snpMeasurement } from '../../enclave/simulator/measure.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { parseWorkerPolicy, verifyWorker, type WorkerPolicy } from '../../verifier/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import { decodeEvidence, type Evidence } from '../../wire/message/evidence.ts';
import { logPreimage } from '../../wire/message/identity.ts';
import { installSnpRoot } from '../support/snp-root.ts';
import {
  clientOver,
  demoCall,
  openTestStack,
  refusalOf,
  type TestStack,
  tap,
  until,
  workerProcesses,
} from '../support/stack.ts';

/** The same worker program, host and client as over Nitro; only the device and the policy are others. */
const genoa: Platform = { tee: 'amd-sev-snp', product: 'Genoa', signer: 'vcek', reportVersion: 5 };
let stack: TestStack;
let archive: Archive;

beforeAll(async () => {
  stack = await openTestStack(genoa);
  archive = decodeArchive((await clientOver(tap(stack.url).host, stack.policy).infer(demoCall(stack))).archive());
}, 90_000);

afterAll(() => stack.stop(), 30_000);

async function judge(
  evidence: Evidence,
  changes: { readonly policy?: WorkerPolicy; readonly challenge?: Uint8Array } = {},
): Promise<string> {
  const now = Date.now();
  const { policy = stack.policy, challenge = archive.challenge.value } = changes;
  const options = { policy, challenge, now, challengedAt: now, suite: nodeSuite, cache: 'none' } as const;
  const verdict = await verifyWorker(evidence, options);
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict}/${verdict.code}`;
}

async function askEvidence(challenge: Uint8Array): Promise<Evidence> {
  return decodeEvidence(await tap(stack.url).host.get(`/v1/evidence?challenge=${toHex(challenge)}`, 1_000_000));
}

function policyWith(changes: { readonly [rule: string]: JsonValue }): WorkerPolicy {
  const { measurement, rootCertificate } = stack.supervisor;
  const rules = simulatorPolicy({
    platform: genoa,
    measurement,
    rootCertificate,
    files: stack.files,
    now: Date.now(),
  });
  return parseWorkerPolicy({ ...(rules as { readonly [rule: string]: JsonValue }), ...changes });
}

describe('a worker over SEV-SNP', () => {
  it('is proven and answers a sealed call', async () => {
    const result = await clientOver(tap(stack.url).host, stack.policy).infer(demoCall(stack));
    expect(result.receipt.status).toBe('ok');
    expect(result.worker).toMatchObject({ tee: 'amd-sev-snp', level: 'simulated' });
    const { attestation, log } = result.worker;
    if (attestation.tee !== 'amd-sev-snp') throw new Error(attestation.tee);
    expect(attestation).toMatchObject({ product: 'Genoa', signer: 'VCEK', vmpl: 0, reportVersion: 5 });
    expect(attestation.measurement).toEqual(snpMeasurement(stack.supervisor.measurement));
    expect(attestation.userData).toEqual(log);
    expect(result.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  it('is served with leaf, intermediate, root and list, and report_data of the identity and the challenge', async () => {
    const challenge = sha256(Uint8Array.of(1));
    const evidence = await askEvidence(challenge);
    expect([evidence.tee, evidence.certificates.length, evidence.revocationLists.length]).toEqual([
      'amd-sev-snp',
      3,
      1,
    ]);
    expect(evidence.certificates[2]).toEqual(stack.supervisor.rootCertificate);
    const log = sha256(logPreimage(evidence.identity));
    expect(evidence.document.slice(0x50, 0x90)).toEqual(concatBytes(log, challenge));
  });

  it('renews its evidence for each challenge: same keys, same log, and no other challenge’s', async () => {
    const [one, two] = [sha256(Uint8Array.of(2)), sha256(Uint8Array.of(3))];
    const [first, second] = await Promise.all([askEvidence(one), askEvidence(two)]);
    expect(second.identity).toEqual(first.identity);
    expect(await judge(first, { challenge: one })).toBe('accepted');
    expect(await judge(second, { challenge: two })).toBe('accepted');
    expect(await judge(first, { challenge: two })).toMatch(/^refused\//);
  });

  it('is told by no byte of another report, certificate, identity or configuration', async () => {
    const { evidence } = archive;
    expect(await judge(evidence)).toBe('accepted');
    const codes = new Set<string>();
    const changed = (bytes: Uint8Array, offset: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[offset] = (copy[offset] as number) ^ 0x80;
      return copy;
    };
    const refuse = async (change: Partial<Evidence>, place: string): Promise<void> => {
      const code = await judge({ ...evidence, ...change });
      expect(code, place).not.toBe('accepted');
      codes.add(code);
    };
    const { document, identity, configuration, runtime, certificates, revocationLists } = evidence;
    for (let at = 0; at < document.length; at += 3) await refuse({ document: changed(document, at) }, `report ${at}`);
    for (let at = 0; at < identity.length; at += 5) await refuse({ identity: changed(identity, at) }, `identity ${at}`);
    for (let at = 0; at < configuration.length; at += 7) {
      await refuse({ configuration: changed(configuration, at) }, `configuration ${at}`);
    }
    await refuse({ runtime: changed(runtime, 5) }, 'runtime');
    for (const index of certificates.keys()) {
      for (let at = 0; at < 600; at += 97) {
        const others = certificates.map((der, other) => (other === index ? changed(der, at) : der));
        await refuse({ certificates: others }, `certificate ${index} ${at}`);
      }
      await refuse({ certificates: certificates.filter((_, other) => other !== index) }, `without ${index}`);
    }
    await refuse({ revocationLists: [] }, 'without the list');
    await refuse({ revocationLists: revocationLists.map((list) => changed(list, list.length - 1)) }, 'list');
    for (const code of [
      'untrusted/report_signature',
      'untrusted/identity_mismatch',
      'untrusted/certificate_signature',
    ]) {
      expect([...codes], [...codes].join(' ')).toContain(code);
    }
  }, 60_000);

  it('is refused by policies for other images, roots, hardware and configurations', async () => {
    const other = '11'.repeat(48);
    expect(await judge(archive.evidence, { policy: policyWith({}) })).toBe('accepted');
    for (const changes of [
      { measurements: [other] },
      { measurements: [] },
      { roots: ['22'.repeat(32)] },
      { configurations: ['33'.repeat(32)] },
      { products: { Milan: ['VCEK'], Genoa: ['VLEK'], Turin: [] } },
      { vmpl: [1] },
      { chips: ['44'.repeat(64)] },
    ]) {
      expect(await judge(archive.evidence, { policy: policyWith(changes) }), JSON.stringify(changes)).toMatch(
        /^(refused|untrusted)\//,
      );
    }
    const nitro = parseWorkerPolicy(
      simulatorPolicy({
        platform: { tee: 'aws-nitro', role: null },
        measurement: stack.supervisor.measurement,
        rootCertificate: stack.supervisor.rootCertificate,
        files: stack.files,
        now: Date.now(),
      }),
    );
    expect(await judge(archive.evidence, { policy: nitro })).toMatch(/^(refused|untrusted|malformed)\//);
  });

  it('cannot be presented by a host with evidence of another occasion', async () => {
    const wire = tap(stack.url);
    await clientOver(wire.host, stack.policy).worker();
    const old = wire.seen.find(({ path }) => path.startsWith('/v1/evidence'))?.reply as Uint8Array;
    wire.onReply = (path, body) => (path.startsWith('/v1/evidence') ? old : body);
    expect(await refusalOf(() => clientOver(wire.host, stack.policy).worker())).toMatch(/^evidence_refused\//);
  });

  it('has a new log and new keys after its end, with the same measurement and chip', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    await client.infer(demoCall(stack));
    const before = await client.worker();
    const root = stack.supervisor.pids().worker as number;
    process.kill(workerProcesses(root, 'worker')[0] as number, 'SIGKILL');
    const after = await until(
      'another log',
      async () => {
        const worker = await clientOver(tap(stack.url).host, stack.policy)
          .worker()
          .catch(() => undefined);
        return worker !== undefined && toHex(worker.log) !== toHex(before.log) ? worker : undefined;
      },
      30_000,
    );
    expect(toHex(after.identity.signerX)).not.toBe(toHex(before.identity.signerX));
    expect(toHex(after.identity.sealKey)).not.toBe(toHex(before.identity.sealKey));
    expect(after.attestation.measurements).toEqual(before.attestation.measurements);
    expect(after.imageId).toEqual(before.imageId);
    if (after.attestation.tee !== 'amd-sev-snp' || before.attestation.tee !== 'amd-sev-snp') throw new Error('tee');
    expect(after.attestation.chipId).toEqual(before.attestation.chipId);
    const answer = await until('the next answer', () => client.infer(demoCall(stack)).catch(() => undefined));
    expect(toHex(answer.receipt.log)).toBe(toHex(after.log));
  }, 60_000);
});

describe('proofmark up --tee amd-sev-snp', () => {
  let state: string;
  const running = new Set<ChildProcess>();
  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'pm-snp-up-'));
    await installSnpRoot(state, 'Turin');
  }, 60_000);
  afterAll(async () => {
    for (const child of running) child.kill('SIGINT');
    await rm(state, { recursive: true, force: true });
  });

  interface Run {
    readonly code: number | string | null;
    readonly text: string;
  }

  function proofmark(args: readonly string[], onText?: (text: string, stop: () => void) => void): Promise<Run> {
    return new Promise((resolve) => {
      const cwd = join(import.meta.dirname, '..', '..');
      const child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', ...args], { cwd });
      running.add(child);
      let text = '';
      const read = (chunk: Buffer): void => {
        text += chunk.toString();
        onText?.(text, () => child.kill('SIGINT'));
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('close', (code, signal) => {
        running.delete(child);
        resolve({ code: signal ?? code, text });
      });
    });
  }

  it('serves a Turin machine, which another process asks and audits', async () => {
    const policy = join(state, 'policy.json');
    let asked: Promise<readonly Run[]> | undefined;
    const args = ['up', '--tee', 'amd-sev-snp', '--product', 'turin', '--port', '0', '--state', state];
    const served = await proofmark(args, (text, stop) => {
      const url = /^ {2}(http:\/\/127\.0\.0\.1:\d+)$/m.exec(text)?.[1];
      if (url === undefined || !text.includes('Ctrl-C') || asked !== undefined) return;
      asked = (async () => {
        const infer = await proofmark(['infer', url, '--policy', policy]);
        const live = await proofmark(['audit', url, '--policy', policy, '--json']);
        return [infer, live];
      })();
      void asked.finally(stop);
    });
    const [infer, live] = (await asked) as readonly [Run, Run];
    expect(served.code, served.text).toBe('SIGINT');
    expect(served.text).toContain('ARK-Turin');
    expect(served.text).toContain('0 failed');
    expect(infer.code, infer.text).toBe(0);
    expect(live.code, live.text).toBe(0);
    expect(JSON.parse(live.text)).toMatchObject({ verdict: 'accepted', code: null });
  }, 90_000);
});
