import { describe, expect, it } from 'vitest';
import { examine } from '../../../cli/doctor/examine.ts';
import { type FindingId, findingIds, type State } from '../../../cli/doctor/finding.ts';
import type { Ran } from '../../../cli/doctor/machine.ts';
import { satisfies } from '../../../cli/doctor/versions.ts';
import { bestWorld, device, file, folder, play, STATE, type World, without } from './played-machine.ts';

type Case = readonly [id: FindingId, state: State, changed: Partial<World>, found: RegExp, todo: RegExp | null];

const { entries, texts, packages, answers, programs, freeBytes } = bestWorld;
const gone = (...paths: readonly string[]): Partial<World> => ({ entries: without(entries, ...paths) });
const says = (path: string, text: string): Partial<World> => ({ texts: { ...texts, [path]: text } });
const answered = (question: string, answer: Ran): Partial<World> => ({ answers: { ...answers, [question]: answer } });
const noProgram = (...names: readonly string[]): Partial<World> => ({
  programs: programs.filter((name) => !names.includes(name)),
});
const versioned = (name: string, version: string): Partial<World> => ({ packages: { ...packages, [name]: version } });
const noPackage = (name: string): Partial<World> => ({ packages: without(packages, name) });
const limits = (files: string, locked: string): Partial<World> =>
  says('/proc/self/limits', `Max open files   ${files}   files\nMax locked memory   ${locked}   bytes\n`);
const QEMU = '/usr/bin/qemu-system-x86_64';
const REFUSED = { works: false, why: 'bubblewrap was refused (code 1)' } as const;
const LONG = `/${'x'.repeat(100)}`;
const there = (path: string): Partial<World> => ({
  entries: { ...entries, [path]: folder },
  freeBytes: { ...freeBytes, [path]: 1e12 },
});
const MIB = 1_048_576;

const cases: readonly Case[] = [
  ['node', 'lacking', { nodeVersion: '20.18.9' }, /^20\.18\.9 \(>=20\.19/, /install Node\.js/],
  ['node', 'good', { nodeVersion: '20.19.0' }, /^20\.19\.0/, null],
  ['platform', 'lacking', { platform: 'darwin' }, /^darwin x64$/, /Linux/],
  ['platform', 'lacking', { architecture: 'arm64' }, /^linux arm64$/, /x64/],
  ['checkout', 'lacking', { form: 'package' }, /installed package/, /clone/],
  ['checkout', 'lacking', noPackage('esbuild'), /without esbuild$/, /npm ci/],
  ['worker', 'lacking', gone('/guard.node'), /^not there: \/guard\.node$/, /again/],
  ['worker', 'lacking', noPackage('@huggingface/jinja'), /bundled without @huggingface\/jinja$/, /npm ci/],
  ['worker', 'good', { form: 'package', ...noPackage('esbuild') }, /all of its files/, null],
  ['express', 'lacking', noPackage('express'), /^not installed$/, /^npm install express@"\^5\.3\.0"$/],
  ['express', 'limited', versioned('express', '4.21.0'), /^4\.21\.0, where \^5\.3\.0/, /npm install/],
  ['lmdb', 'lacking', noPackage('lmdb'), /not installed/, /lmdb/],
  ['node-forge', 'lacking', noPackage('node-forge'), /not installed/, /node-forge/],
  ['onnxruntime-node', 'lacking', noPackage('onnxruntime-node'), /not installed/, /onnxruntime-node@"1\.30\.0"/],
  ['onnxruntime-node', 'limited', versioned('onnxruntime-node', '1.30.1'), /1\.30\.1, where 1\.30\.0/, /npm install/],
  ['viem', 'lacking', noPackage('viem'), /not installed/, /viem/],
  ['aws-kms', 'lacking', noPackage('@aws-sdk/client-kms'), /not installed/, /@aws-sdk\/client-kms/],
  ['engine', 'lacking', { engine: false }, /no engine for linux x64/, /onnxruntime-node/],
  [
    'engine',
    'lacking',
    answered('/node -e', { code: 1, output: 'node:1\nError: libgomp.so.1: cannot open\n    at x' }),
    /libgomp\.so\.1: cannot open\)$/,
    /install/,
  ],
  ['engine', 'lacking', answered('/node -e', { code: null, output: '' }), /killed/, /install/],
  ['bubblewrap', 'lacking', gone('/usr/bin/bwrap'), /not installed/, /apt-get install bubblewrap/],
  [
    'bubblewrap',
    'good',
    { entries: { ...without(entries, '/usr/bin/bwrap'), '/bin/bwrap': file } },
    /^\/bin\/bwrap/,
    null,
  ],
  ['bubblewrap', 'lacking', { sandbox: REFUSED }, /was refused \(code 1\)/, /in a container/],
  [
    'bubblewrap',
    'lacking',
    { sandbox: REFUSED, ...says('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n') },
    /refused/,
    /AppArmor/,
  ],
  ['libraries', 'lacking', noProgram('ldd'), /not installed/, /libc-bin/],
  [
    'libraries',
    'lacking',
    answered('/usr/bin/ldd /node', { code: 1, output: 'not a dynamic executable' }),
    /does not tell/,
    /dynamically/,
  ],
  [
    'libraries',
    'lacking',
    answered('/usr/bin/ldd /node', { code: 0, output: 'libx.so => not found' }),
    /does not tell all/,
    /official/,
  ],
  [
    'namespaces',
    'limited',
    {
      ...answered('/confine --parent', { code: 71, output: 'confine: namespaces: error 1\n' }),
      ...says('/proc/sys/kernel/unprivileged_userns_clone', '0\n'),
    },
    /error 1\): models get a call filter only/,
    /unprivileged_userns_clone=1/,
  ],
  [
    'namespaces',
    'limited',
    {
      ...answered('/confine --parent', { code: 71, output: '' }),
      ...says('/proc/sys/user/max_user_namespaces', '0\n'),
    },
    /code 71/,
    /max_user_namespaces/,
  ],
  [
    'system-call-filter',
    'lacking',
    { texts: without(texts, '/proc/sys/kernel/seccomp/actions_avail') },
    /kill_process and errno/,
    /SECCOMP/,
  ],
  [
    'system-call-filter',
    'lacking',
    says('/proc/sys/kernel/seccomp/actions_avail', 'errno allow\n'),
    /offer kill_process$/,
    /4\.14/,
  ],
  ['setpriv', 'limited', gone('/usr/bin/setpriv'), /not installed/, /util-linux/],
  ['emulator', 'lacking', gone(QEMU), /not installed/, /qemu-system-x86/],
  ['emulator', 'lacking', answered(`${QEMU} --version`, { code: 127, output: 'no libaio' }), /does not tell/, /qemu/],
  ['firmware', 'lacking', gone(QEMU), /no QEMU/, /qemu/],
  [
    'firmware',
    'lacking',
    gone('/usr/share/qemu/bios-256k.bin'),
    /bios-256k\.bin is in none of \/usr\/share\/seabios/,
    /seabios/,
  ],
  ['firmware', 'lacking', answered(`${QEMU} -L`, { code: 1, output: '' }), /no folders/, /seabios/],
  ['kvm', 'limited', gone('/dev/kvm'), /not there: machines are emulated/, /virtualisation/],
  ['kvm', 'limited', { denied: ['/dev/kvm'] }, /not for this user/, /group/],
  ['kvm', 'limited', says('/proc/cpuinfo', 'flags\t: rdrand hypervisor\n'), /may boot nothing/, /tries it/],
  ['image-inputs', 'lacking', { missingInputs: 22 }, /^22 are not/, /image fetch --flavour vm/],
  ['image-inputs', 'lacking', { form: 'package' }, /only a checkout/, /clone/],
  ['image-tools', 'lacking', noProgram('dpkg-deb'), /^dpkg-deb not installed/, /dpkg/],
  ['image-tools', 'limited', noProgram('apt-get', 'apt-cache'), /^apt-get and apt-cache not installed/, /--from DIR/],
  ['compiler', 'limited', noProgram('gcc'), /not installed/, /nothing/],
  ['chain', 'lacking', { chain: { works: false, why: 'forge has no binary' } }, /^forge has no binary$/, /npm ci/],
  ['nitro-module', 'lacking', gone('/dev/nsm'), /^not there$/, /EC2/],
  ['nitro-module', 'lacking', { denied: ['/dev/nsm'] }, /not for this user/, /root/],
  ['nitro-parent', 'lacking', gone('/dev/nitro_enclaves'), /^\/dev\/nitro_enclaves: not there/, /EC2/],
  [
    'nitro-parent',
    'lacking',
    noProgram('nitro-cli', 'socat'),
    /^nitro-cli and socat not installed/,
    /aws-nitro-enclaves-cli/,
  ],
  ['vsock', 'lacking', gone('/dev/vsock'), /not there/, /modprobe vsock/],
  ['snp-reports', 'lacking', gone('/sys/kernel/config/tsm/report'), /not there/, /configfs/],
  ['snp-reports', 'lacking', { denied: ['/sys/kernel/config/tsm/report'] }, /not for this user/, /root/],
  ['snp-reports', 'limited', gone('/dev/sev-guest'), /whether reports are of AMD/, /sev_guest/],
  ['snp-device', 'lacking', gone('/dev/sev-guest'), /not there/, /confidential guest/],
  ['snp-host', 'lacking', gone('/dev/sev'), /not there/, /EPYC/],
  ['snp-host', 'lacking', says('/sys/module/kvm_amd/parameters/sev_snp', 'N\n'), /SEV-SNP off/, /BIOS/],
  ['snp-emulator', 'lacking', noProgram('qemu-system-x86_64'), /not on PATH/, />=9\.1/],
  [
    'snp-emulator',
    'lacking',
    answered(`${QEMU} --version`, { code: 0, output: 'version 7.2.22' }),
    /7\.2\.22, where >=9\.1/,
    /install/,
  ],
  ['snp-firmware', 'lacking', gone('/usr/share/ovmf/OVMF.amdsev.fd'), /^no \/usr/, /edk2/],
  ['random', 'lacking', says('/proc/cpuinfo', 'flags\t: fpu rdrandom\n'), /does not tell/, /EPYC-v4/],
  ['random', 'lacking', { texts: without(texts, '/proc/cpuinfo') }, /does not tell/, /EPYC-v4/],
  ['memory', 'lacking', { freeMemoryBytes: 100 * MIB }, /^100 MiB free; at least 384/, /end other programs/],
  ['memory', 'limited', { freeMemoryBytes: 1_000 * MIB }, /^1,000 MiB free: little/, /larger/],
  ['scratch', 'lacking', { denied: ['/scratch'] }, /^\/scratch is not writable/, /TMPDIR/],
  ['scratch', 'lacking', { freeBytes: { ...freeBytes, '/scratch': 200 * MIB } }, /200 MiB/, /TMPDIR/],
  ['scratch', 'limited', { freeBytes: { ...freeBytes, '/scratch': 500 * MIB } }, /little/, /TMPDIR/],
  ['scratch', 'lacking', { ...there(LONG), scratchFolder: LONG }, /too long for a socket/, /TMPDIR/],
  ['state', 'lacking', { ...there(LONG), stateFolder: LONG }, /too long for a socket/, /XDG_STATE_HOME/],
  ['state', 'good', gone(STATE), /will be made$/, null],
  [
    'state',
    'lacking',
    { ...gone(STATE), denied: ['/users/u'] },
    /cannot be made: \/users\/u is not writable/,
    /XDG_STATE_HOME/,
  ],
  ['state', 'lacking', { entries: { ...entries, [STATE]: file } }, /is no folder/, /XDG_STATE_HOME/],
  ['state', 'lacking', { denied: [STATE] }, /is not writable/, /chown/],
  ['state', 'limited', { user: 0 }, /belongs to user 1000, not to 0/, /chown/],
  [
    'state',
    'limited',
    { entries: { ...entries, [STATE]: { ...folder, mode: 0o755 } } },
    /open to other users/,
    /chmod 700/,
  ],
  ['disk', 'lacking', { freeBytes: { ...freeBytes, [STATE]: 5 * MIB } }, /^5 MiB free; at least/, /make room/],
  [
    'disk',
    'limited',
    { ...gone(STATE), freeBytes: { ...freeBytes, '/users/u': 900 * MIB } },
    /900 MiB free: little/,
    /make room/,
  ],
  ['port-host', 'limited', { takenPorts: [8_790] }, /^taken$/, /another port/],
  ['port-hub', 'limited', { takenPorts: [8_791] }, /^taken$/, /another port/],
  ['open-files', 'limited', limits('1024 4096', '1 1'), /^1,024 at most/, /ulimit -n 4352/],
  ['open-files', 'good', limits('unlimited unlimited', '1 1'), /no limit/, null],
  ['open-files', 'limited', { texts: without(texts, '/proc/self/limits') }, /does not tell/, /4352/],
  ['locked-memory', 'limited', limits('1 1', '8388608 8388608'), /^8 MiB at most/, /LimitMEMLOCK/],
  ['clock', 'lacking', { now: 0 }, /1970/, /set-ntp/],
  ['clock', 'lacking', { now: Date.UTC(2150, 0, 1) }, /2150/, /set-ntp/],
  ['clock', 'lacking', { now: Number.NaN }, /tells no time/, /set-ntp/],
];

describe('what is found', () => {
  it('is good, with nothing to do, on a machine that has everything', async () => {
    const findings = await examine(play(bestWorld));
    for (const id of findingIds) expect(findings[id]).toMatchObject({ id, state: 'good', todo: null });
  });

  it.each(cases)('%s is %s: %j', async (id, state, changed, found, todo) => {
    const finding = (await examine(play({ ...bestWorld, ...changed })))[id];
    expect(finding).toMatchObject({ id, state });
    expect(finding.found).toMatch(found);
    if (todo === null) expect(finding.todo).toBeNull();
    else expect(finding.todo).toMatch(todo);
  });

  it('has a case above where it is not good, for everything that is looked for', () => {
    const bad = new Set(cases.filter(([, state]) => state !== 'good').map(([id]) => id));
    expect(findingIds.filter((id) => !bad.has(id))).toEqual([]);
  });

  it('is an error of one look, and the other looks go on', async () => {
    const machine = play(bestWorld);
    const failing = async (): Promise<never> => {
      throw new RangeError('input/output error');
    };
    const findings = await examine({ ...machine, entry: failing });
    expect(findings['kvm']).toMatchObject({ state: 'unknown', found: 'could not look: input/output error' });
    expect(findings['kvm'].todo).not.toBeNull();
    expect(findings['express'].state).toBe('good');
  });

  it('is that nothing answered, where a look takes too long', async () => {
    const machine = play(bestWorld);
    const silent = (): Promise<never> => new Promise(() => undefined);
    const findings = await examine({ ...machine, freeMemoryBytes: silent }, { patienceMilliseconds: 500 });
    expect(findings['memory']).toMatchObject({ state: 'unknown', found: 'no answer within 0.5 s' });
    expect(findings['clock'].state).toBe('good');
  });

  it('is a device only where this is one of this user', async () => {
    const findings = await examine(play({ ...bestWorld, entries: { ...entries, '/dev/nsm': device } }));
    expect(findings['nitro-module'].found).toBe('there, and this user may use it');
  });
});

describe('versions', () => {
  it.each([
    ['20.19.0', '>=20.19', true],
    ['v24.0.0', '>=20.19', true],
    ['20.18.9', '>=20.19', false],
    ['5.3.0', '^5.3.0', true],
    ['5.10.0', '^5.3.0', true],
    ['5.2.9', '^5.3.0', false],
    ['6.0.0', '^5.3.0', false],
    ['0.2.9', '^0.2.3', true],
    ['0.3.0', '^0.2.3', false],
    ['1.30.0', '1.30.0', true],
    ['1.30.1', '1.30.0', false],
    ['1.30.0-rc.1', '1.30.0', false],
    ['1.30.0', '1.x || 2', false],
    ['of no version', '^5.3.0', false],
  ])('%s is in %s: %s', (version, range, expected) => {
    expect(satisfies(version, range)).toBe(expected);
  });
});
