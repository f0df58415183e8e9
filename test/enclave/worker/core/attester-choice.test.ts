import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type AttesterNative,
  attesterKinds,
  mayBeHardware,
  openAttester,
  parseAttesterChoices,
} from '../../../../enclave/worker/attester-choice.ts';
import { hardwareRandom, nsmExchange, sevReport } from '../../../../enclave/worker/native.ts';
import { concatBytes } from '../../../../wire/bytes.ts';
import { encodeNsmResponse } from '../../../../wire/message/nsm.ts';
import { encodeSnpReportResponse } from '../../../../wire/message/snp-guest.ts';
import { codeOf } from './harness.ts';
import { errno, fakeReport } from './kernel-reports.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-choice-'));
const device = join(folder, 'device');
const missing = join(folder, 'missing');
writeFileSync(device, '');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function native(changes: Partial<AttesterNative> = {}): AttesterNative {
  return {
    nsmExchange: async (_, __, response) => {
      const answer = encodeNsmResponse({ kind: 'GetRandom', random: new Uint8Array(256).fill(3) });
      response.set(answer);
      return answer.length;
    },
    sevReport: async (_, reportData, vmpl) => {
      const report = fakeReport(reportData, vmpl);
      const answer = encodeSnpReportResponse({ kind: 'report', report, certificateTable: null });
      return concatBytes(answer, new Uint8Array(4_000 - answer.length));
    },
    hardwareRandom: (length) => new Uint8Array(length).fill(5),
    ...changes,
  };
}

const parse = (...values: readonly string[]) => parseAttesterChoices(values);

describe('the command line', () => {
  it.each(attesterKinds)('names a device of the kind %s', (kind) => {
    expect(parse(`${kind}:/a/path:with/colons`)).toEqual([{ kind, path: '/a/path:with/colons' }]);
  });

  it('names several of one vendor, in their order', () => {
    expect(parse('snp-configfs:/one', 'snp-device:/two')).toEqual([
      { kind: 'snp-configfs', path: '/one' },
      { kind: 'snp-device', path: '/two' },
    ]);
  });

  it.each<[string, readonly string[]]>([
    ['nothing', []],
    ['an unknown kind', ['tdx-device:/dev/tdx_guest']],
    ['a kind in other letters', ['NSM-device:/dev/nsm']],
    ['no kind', ['/dev/nsm']],
    ['an empty kind', [':/dev/nsm']],
    ['no path', ['nsm-device']],
    ['an empty path', ['nsm-device:']],
    ['a path from here', ['nsm-device:dev/nsm']],
    ['a property of every object', ['constructor:/dev/nsm']],
    ['two vendors', ['nsm-device:/dev/nsm', 'snp-device:/dev/sev-guest']],
  ])('is refused: %s', async (_, values) => {
    expect(await codeOf(async () => parse(...values))).toBe('attester_invalid');
  });

  it('tells what may be hardware from what cannot be', () => {
    expect(mayBeHardware(parse('nsm-socket:/a'))).toBe(false);
    expect(mayBeHardware(parse('snp-socket:/a'))).toBe(false);
    for (const kind of ['nsm-device', 'snp-configfs', 'snp-device']) {
      expect(mayBeHardware(parse(`${kind}:/a`)), kind).toBe(true);
    }
    expect(mayBeHardware(parse('snp-socket:/a', 'snp-device:/b'))).toBe(true);
  });
});

describe('opening', () => {
  it('finds each vendor’s device', async () => {
    const nsm = await openAttester(parse(`nsm-device:${device}`), native());
    expect([nsm.tee, (await nsm.entropy())[0]]).toEqual(['aws-nitro', 3]);
    const snp = await openAttester(parse(`snp-device:${device}`), native());
    expect([snp.tee, (await snp.entropy())[0]]).toEqual(['amd-sev-snp', 5]);
  });

  it('takes the next one where one is not there', async () => {
    const choices = parse(`snp-configfs:${missing}`, `snp-device:${device}`);
    expect((await openAttester(choices, native())).tee).toBe('amd-sev-snp');
  });

  it('takes no other one where one refuses', async () => {
    const asked: number[] = [];
    const refusing = native({
      sevReport: async (_, __, vmpl) => {
        asked.push(vmpl);
        throw errno('EACCES');
      },
    });
    const choices = parse(`snp-device:${device}`, `snp-device:${device}`);
    expect(await codeOf(openAttester(choices, refusing))).toBe('device_denied');
    expect(asked).toEqual([0]);
  });

  it.each(attesterKinds)('says that nothing is there: %s', async (kind) => {
    expect(await codeOf(openAttester(parse(`${kind}:${missing}`), native()))).toBe('device_unreachable');
  });
});

describe('/dev/nsm', () => {
  const open = (nsmExchange: AttesterNative['nsmExchange']) =>
    openAttester(parse(`nsm-device:${device}`), native({ nsmExchange }));

  it.each<[string, string]>([
    ['EBUSY', 'device_busy'],
    ['EINTR', 'device_busy'],
    ['EACCES', 'device_denied'],
    ['EPERM', 'device_denied'],
    ['ENODEV', 'device_unreachable'],
    ['EMSGSIZE', 'device_refused'],
  ])('that fails with %s (E7)', async (code, expected) => {
    const nsm = await open(async () => {
      throw errno(code);
    });
    expect(await codeOf(nsm.entropy())).toBe(expected);
  });

  it.each([-1, 0.5, 0x3001, Number.NaN])('that answers %d bytes', async (length) => {
    const nsm = await open(async () => length);
    expect(await codeOf(nsm.entropy())).toBe('device_protocol');
  });

  it('that answers nothing, or nonsense', async () => {
    expect(await codeOf((await open(async () => 0)).entropy())).toBe('device_protocol');
    expect(await codeOf((await open(async () => 0x3000)).entropy())).toBe('device_protocol');
  });

  it('gives whole messages within the device’s own bounds', async () => {
    const seen: number[] = [];
    const nsm = await open(async (_, request, response) => {
      seen.push(request.length, response.length);
      const document = new Uint8Array(0x3000 - 32).fill(1);
      const answer = encodeNsmResponse({ kind: 'Attestation', document });
      response.set(answer);
      return answer.length;
    });
    const request = { userData: new Uint8Array(32), nonce: null, publicKey: new Uint8Array(1_024) };
    expect((await nsm.attest(request)).document).toHaveLength(0x3000 - 32);
    expect(seen[0]).toBeLessThanOrEqual(0x1000);
    expect(seen[1]).toBe(0x3000);
  });
});

const prebuilt = new URL('../../../../enclave/native/prebuilt/linux-x64/guard.node', import.meta.url);

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64' || !existsSync(prebuilt))(
  'with the real addon (skipped where it is not built for this machine)',
  () => {
    it.each(['nsm-device', 'snp-device'])('a file of the kernel that is no device of the kind %s', async (kind) => {
      const choices = parse(`${kind}:/dev/null`);
      const calls = { nsmExchange, sevReport, hardwareRandom };
      const opened = async () => (await openAttester(choices, calls)).entropy();
      expect(await codeOf(opened)).toBe('device_unreachable');
    });

    it('draws from the processor', async () => {
      const draw = async () => {
        const snp = await openAttester(parse(`snp-device:${device}`), { ...native(), hardwareRandom });
        return snp.entropy();
      };
      const [one, two] = [await draw(), await draw()];
      expect(one).toHaveLength(64);
      expect(one).not.toEqual(two);
    });
  },
);
