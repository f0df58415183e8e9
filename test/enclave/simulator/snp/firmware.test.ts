import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatorPolicy } from '../../../../cli/stack/policy.ts';
import { type Platform, signerProgram } from '../../../../enclave/simulator/platform.ts';
import { roleCommand } from '../../../../enclave/simulator/role.ts';
import type { SnpAuthority, SnpRoot } from '../../../../enclave/simulator/snp/authority.ts';
import { createFirmware, type FirmwareOptions } from '../../../../enclave/simulator/snp/firmware.ts';
import { connectReportSocket } from '../../../../enclave/worker/snp-attester-device.ts';
import { parseSnpCertificateTable, parseSnpPolicy, verifySnpReport } from '../../../../verifier/index.ts';
import { concatBytes } from '../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../wire/crypto/node.ts';
import { decodeConfiguration } from '../../../../wire/message/configuration.ts';
import { decodeSnpReportResponse, encodeSnpReportRequest } from '../../../../wire/message/snp-guest.ts';
import { random, testConfiguration } from '../../../support/fake-log.ts';
import { installSnpRoot } from '../../../support/snp-root.ts';

const measurement = new Uint8Array(48).fill(7);
const reportData = new Uint8Array(64).fill(3);

interface Reported {
  readonly version?: number;
  readonly vmpl?: number;
  readonly measurement: Uint8Array;
  readonly reportData: Uint8Array;
}

function firmware(changes: Partial<FirmwareOptions> = {}) {
  const reported: Reported[] = [];
  const authority: SnpAuthority = {
    certificates: [new Uint8Array(1), new Uint8Array(1), new Uint8Array(1)],
    report: (request) => {
      reported.push(request);
      return new Uint8Array(1_184).fill(5);
    },
  };
  const options = { authority, measurement, reportVersion: 5, vmpl: 0, certificateTable: null, ...changes } as const;
  const respond = createFirmware(options);
  return { reported, respond: (request: Uint8Array) => decodeSnpReportResponse(respond(request), 'stream') };
}

describe('a simulated firmware', () => {
  it('reports what it was told at launch and what the guest asks for', () => {
    const { reported, respond } = firmware({ reportVersion: 3, certificateTable: Uint8Array.of(1, 2) });
    expect(respond(encodeSnpReportRequest({ reportData, vmpl: 3 }))).toEqual({
      kind: 'report',
      report: new Uint8Array(1_184).fill(5),
      certificateTable: Uint8Array.of(1, 2),
    });
    expect(reported).toEqual([{ version: 3, vmpl: 3, measurement, reportData }]);
  });

  it.each<[string, Uint8Array]>([
    ['a level above the highest', encodeSnpReportRequest({ reportData, vmpl: 4 })],
    ['a level of four bytes', encodeSnpReportRequest({ reportData, vmpl: 0x0100_0000 })],
    ['a level with more rights than the guest has', encodeSnpReportRequest({ reportData, vmpl: 0 })],
    ['a reserved byte', encodeSnpReportRequest({ reportData, vmpl: 1 }).fill(1, 90, 91)],
    ['half a request', new Uint8Array(48)],
    ['nothing', new Uint8Array(0)],
    ['too much', new Uint8Array(4_096)],
  ])('refuses %s, and goes on', (_, request) => {
    const { reported, respond } = firmware({ vmpl: 1 });
    expect(respond(request)).toEqual({ kind: 'refused', status: 0x16 });
    expect(reported).toEqual([]);
    expect(respond(encodeSnpReportRequest({ reportData, vmpl: 1 })).kind).toBe('report');
  });

  it('is told a whole measurement', () => {
    expect(() => firmware({ measurement: new Uint8Array(32) })).toThrow(/argument_invalid/);
  });
});

describe('the firmware’s process', () => {
  let state: string;
  let root: SnpRoot;
  const running: ChildProcess[] = [];
  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'pm-snp-'));
    root = await installSnpRoot(state);
  }, 60_000);
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await rm(state, { recursive: true, force: true });
  });

  const image = { pcr0: measurement, pcr1: new Uint8Array(48), pcr2: new Uint8Array(48) };
  const platforms: readonly (Platform & { readonly tee: 'amd-sev-snp' })[] = [
    { tee: 'amd-sev-snp', product: 'Genoa', signer: 'vcek', reportVersion: 5 },
    { tee: 'amd-sev-snp', product: 'Genoa', signer: 'vlek', reportVersion: 3 },
  ];

  async function start(platform: Platform, socket: string): Promise<ChildProcess> {
    const boot = { socket, state, rootCertificate: root.ark.certificate, measurement: image };
    const { file, args } = signerProgram(platform, boot);
    const program = roleCommand(file);
    const child = spawn(program.command, [...program.args, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    running.push(child);
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    expect(line.toString()).toBe('ready\n');
    return child;
  }

  it.each(platforms)(
    'serves reports that verify under this machine’s root: $signer, version $reportVersion',
    async (platform) => {
      const socket = join(state, `${platform.signer}.sock`);
      const child = await start(platform, socket);
      const source = await connectReportSocket(socket);
      expect(source.vmpl).toBe(0);
      const identity = random(32);
      const challenge = random(32);
      const { document, certificateTable } = await source.report({
        reportData: concatBytes(identity, challenge),
        vmpl: 0,
      });
      const configuration = decodeConfiguration(testConfiguration());
      const rules = simulatorPolicy({
        platform,
        rootCertificate: root.ark.certificate,
        measurement: image,
        files: {
          configuration,
          owner: new Uint8Array(64),
          modelId: new Uint8Array(32),
          releaseDirectory: '',
          configurationFile: '',
        },
        now: Date.now(),
      });
      const { certificates, revocationLists } = parseSnpCertificateTable(certificateTable as Uint8Array);
      const verdict = await verifySnpReport(
        { report: document, certificates, revocationLists },
        {
          policy: parseSnpPolicy(rules),
          now: Date.now() + 1_000,
          challenge,
          product: 'Genoa',
          suite: nodeSuite,
          cache: 'none',
        },
      );
      expect(verdict).toMatchObject({ verdict: 'accepted' });
      if (verdict.verdict !== 'accepted') return;
      expect(verdict.proven).toMatchObject({ level: 'simulated', userData: identity, measurement, vmpl: 0 });
      expect(verdict.proven.reportVersion).toBe(platform.reportVersion);
      // The worker is gone once its connection is; so is the firmware.
      child.stdin?.end();
      expect(await once(child, 'exit')).toEqual([0, null]);
    },
    30_000,
  );

  it.each<[string, readonly string[]]>([
    ['an unknown product', ['--product', 'Rome']],
    ['an unknown signer', ['--signer', 'root']],
    ['an unknown version', ['--report-version', '4']],
    ['a short chip id', ['--chip', '00']],
    ['a short measurement', ['--measurement', '00']],
    ['an unknown option', ['--debug', '1']],
  ])(
    'does not start on %s',
    (_, changes) => {
      const boot = { socket: join(state, 'no.sock'), state, rootCertificate: root.ark.certificate, measurement: image };
      const { file, args } = signerProgram(platforms[0] as Platform, boot);
      const { command, args: program } = roleCommand(file);
      const ended = spawnSync(command, [...program, ...args, ...changes], { encoding: 'utf8', timeout: 20_000 });
      expect([ended.status, ended.stdout]).toEqual([1, '']);
    },
    30_000,
  );
});
