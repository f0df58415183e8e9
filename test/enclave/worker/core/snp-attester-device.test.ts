import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type DeviceServer, serveDevice } from '../../../../enclave/simulator/device-server.ts';
import {
  connectReportSocket,
  openReportDevice,
  type SevIoctl,
} from '../../../../enclave/worker/snp-attester-device.ts';
import { concatBytes } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import {
  decodeSnpReportRequest,
  encodeSnpReportResponse,
  type SnpReportRequest,
} from '../../../../wire/message/snp-guest.ts';
import { codeOf } from './harness.ts';
import { errno, fakeReport } from './kernel-reports.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-sev-'));
const device = join(folder, 'sev-guest');
writeFileSync(device, '');
const reportData = new Uint8Array(64).fill(3);
let server: DeviceServer | undefined;

afterEach(() => server?.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Firmware = (request: SnpReportRequest) => Uint8Array;

const refusal = (status: number): Uint8Array => encodeSnpReportResponse({ kind: 'refused', status });
const answer = ({ reportData, vmpl }: SnpReportRequest, certificateTable: Uint8Array | null = null): Uint8Array =>
  encodeSnpReportResponse({ kind: 'report', report: fakeReport(reportData, vmpl), certificateTable });

/** The driver's buffer: 4,000 bytes whatever the firmware gave. */
const driver =
  (firmware: Firmware): SevIoctl =>
  async (_, data, vmpl) => {
    const response = firmware({ reportData: data, vmpl });
    return concatBytes(response, new Uint8Array(4_000 - response.length));
  };

let sockets = 0;
async function serve(respond: (request: Uint8Array) => Uint8Array): Promise<string> {
  const socketPath = join(folder, `${sockets++}.sock`);
  server = await serveDevice({ socketPath, maxRequestBytes: 4_096, respond });
  return socketPath;
}

describe('/dev/sev-guest', () => {
  it('is asked by its descriptor, and has no table', async () => {
    const descriptors = new Set<number>();
    const source = await openReportDevice(device, async (fd, data, vmpl) => {
      descriptors.add(fd);
      return driver((request) => answer(request))(fd, data, vmpl);
    });
    const attestation = await source.report({ reportData, vmpl: source.vmpl });
    expect(attestation).toEqual({ document: fakeReport(reportData, 0), certificateTable: null });
    expect([...descriptors][0]).toBeGreaterThan(2);
    expect(descriptors.size).toBe(1);
  });

  it.each([0, 1, 2, 3])('tells by refusals that the guest runs at level %d', async (level) => {
    const asked: number[] = [];
    const firmware: Firmware = (request) => {
      asked.push(request.vmpl);
      return request.vmpl < level ? refusal(0x16) : answer(request);
    };
    const source = await openReportDevice(device, driver(firmware));
    expect(source.vmpl).toBe(level);
    expect(asked).toEqual(Array.from({ length: level + 1 }, (_, index) => index));
  });

  it.each<[string, Firmware, string]>([
    ['refuses every level', () => refusal(0x16), 'device_refused'],
    ['has lost its key', () => refusal(0x27), 'device_refused'],
    ['gives another size', (request) => answer(request).fill(1, 4, 5), 'device_protocol'],
  ])('is not used where the firmware %s', async (_, firmware, code) => {
    expect(await codeOf(openReportDevice(device, driver(firmware)))).toBe(code);
  });

  it('that gives another buffer than the driver’s is not believed', async () => {
    const short: SevIoctl = async (_, data, vmpl) => answer({ reportData: data, vmpl });
    expect(await codeOf(openReportDevice(device, short))).toBe('device_protocol');
  });

  it.each<[string, string]>([
    ['EIO', 'device_refused'],
    ['ENOTTY', 'device_unreachable'],
    ['EACCES', 'device_denied'],
    ['ETIMEDOUT', 'device_busy'],
    ['EBUSY', 'device_busy'],
  ])('that fails with %s', async (code, expected) => {
    const failing: SevIoctl = async () => {
      throw errno(code);
    };
    expect(await codeOf(openReportDevice(device, failing))).toBe(expected);
  });

  it('that is busy for a moment is asked again, and others wait their turn', async () => {
    let under = 0;
    let most = 0;
    let busy = 2;
    const source = await openReportDevice(device, async (fd, data, vmpl) => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setTimeout(resolve, 1));
      under -= 1;
      if (busy-- > 0) throw errno('EAGAIN');
      return driver((request) => answer(request))(fd, data, vmpl);
    });
    const data = [1, 2, 3].map((value) => new Uint8Array(64).fill(value));
    const reports = await Promise.all(data.map((bytes) => source.report({ reportData: bytes, vmpl: 0 })));
    expect(reports.map(({ document }) => document)).toEqual(data.map((bytes) => fakeReport(bytes, 0)));
    expect(most).toBe(1);
  });

  it('one failure is not the next one’s', async () => {
    let failing = false;
    const source = await openReportDevice(device, async (fd, data, vmpl) => {
      if (failing) throw errno('EIO');
      return driver((request) => answer(request))(fd, data, vmpl);
    });
    failing = true;
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_refused');
    failing = false;
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('accepted');
  });

  it('that is not there, or may not be opened', async () => {
    const ioctl = driver((request) => answer(request));
    expect(await codeOf(openReportDevice(join(folder, 'nowhere'), ioctl))).toBe('device_unreachable');
    expect(await codeOf(openReportDevice(folder, ioctl))).toBe('device_refused');
  });

  it('a fault of this program is no fault of the device', async () => {
    const broken: SevIoctl = async () => {
      throw new TypeError('a bug');
    };
    await expect(openReportDevice(device, broken)).rejects.toThrow(TypeError);
  });
});

describe('a simulated firmware’s socket', () => {
  it('carries the driver’s request and response, and the table behind it', async () => {
    const table = new Uint8Array(limits.snpTableBytes).fill(8);
    const path = await serve((request) => answer(decodeSnpReportRequest(request), table));
    const source = await connectReportSocket(path);
    expect(await source.report({ reportData, vmpl: 0 })).toEqual({
      document: fakeReport(reportData, 0),
      certificateTable: table,
    });
  });

  it.each<[string, (request: Uint8Array) => Uint8Array, string]>([
    ['says nothing', () => new Uint8Array(0), 'device_protocol'],
    ['says too much', () => new Uint8Array(limits.snpResponseBytes + 1), 'device_protocol'],
    ['refuses', () => refusal(0x27), 'device_refused'],
  ])('that %s', async (_, respond, code) => {
    expect(await codeOf(serve(respond).then(connectReportSocket))).toBe(code);
  });

  it('that is not there', async () => {
    expect(await codeOf(connectReportSocket(join(folder, 'nowhere.sock')))).toBe('device_unreachable');
  });
});
