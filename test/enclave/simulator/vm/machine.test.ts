import { execFileSync } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeEif } from '../../../../enclave/image/formats/eif-write.ts';
import { measureSections } from '../../../../enclave/image/formats/pcr.ts';
import { SimulatorError } from '../../../../enclave/simulator/errors.ts';
import { chooseAccelerator } from '../../../../enclave/simulator/vm/accelerator.ts';
import { emulatorPlaces, findEmulator, machineCommand } from '../../../../enclave/simulator/vm/emulator.ts';
import { layOutMachine, requireUnchangedMachine } from '../../../../enclave/simulator/vm/machine-image.ts';
import { vmTier } from '../../../../enclave/simulator/vm/vm-tier.ts';
import { utf8 } from '../../../../wire/bytes.ts';
import { scratchFolder } from './support/bridge.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await scratchFolder());
});
afterEach(() => remove());

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'nothing thrown';
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
}

const content = {
  architecture: 'x86_64',
  defaultMemoryBytes: 1n << 30n,
  defaultCpus: 2n,
  kernel: utf8('kernel'),
  commandLine: 'console=ttyS0',
  ramdisks: [utf8('boot '), utf8('app')],
  metadata: {
    ImageName: 'test',
    ImageVersion: '1',
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00+00:00',
      BuildTool: 'test',
      BuildToolVersion: '1',
      OperatingSystem: 'Linux',
      KernelVersion: '6.1',
    },
    DockerInfo: {},
    CustomMetadata: null,
  },
  signature: null,
} as const satisfies Parameters<typeof writeEif>[0];

async function image(changes: Partial<Parameters<typeof writeEif>[0]> = {}): Promise<string> {
  const file = join(folder, 'image.eif');
  await writeFile(file, writeEif({ ...content, ...changes }));
  return file;
}

describe('an image on its way into a machine', () => {
  it('is read once: measured, and laid out where nobody else gets', async () => {
    const file = await image();
    const machine = await layOutMachine(file, join(folder, 'machine'));
    const commandLine = utf8(content.commandLine);
    expect(machine.measurement).toEqual(measureSections({ ...content, commandLine }));
    expect(machine.commandLine).toBe(content.commandLine);
    expect(await readFile(machine.kernel, 'utf8')).toBe('kernel');
    expect(await readFile(machine.ramdisk, 'utf8')).toBe('boot app');
    expect((await stat(join(folder, 'machine'))).mode & 0o777).toBe(0o700);
    await writeFile(file, 'something else');
    await requireUnchangedMachine(machine);
    expect(machine.memoryMib).toBe(1_024);
  });

  it.each(['kernel', 'ramdisk'] as const)('is not booted again once its %s changed', async (part) => {
    const machine = await layOutMachine(await image(), join(folder, 'machine'));
    const bytes = await readFile(machine[part]);
    bytes[0] = (bytes[0] as number) ^ 1;
    await chmod(machine[part], 0o600);
    await writeFile(machine[part], bytes);
    expect(await codeOf(() => requireUnchangedMachine(machine))).toBe('image_changed');
  });

  it('is not booted again with bytes after its end', async () => {
    const machine = await layOutMachine(await image(), join(folder, 'machine'));
    await chmod(machine.ramdisk, 0o600);
    await writeFile(machine.ramdisk, 'boot app ');
    expect(await codeOf(() => requireUnchangedMachine(machine))).toBe('image_changed');
  });

  it('is refused for what this tier cannot run or vouch for', async () => {
    const lay = (file: string) => codeOf(() => layOutMachine(file, join(folder, 'machine')));
    expect(await lay(await image({ architecture: 'aarch64' }))).toBe('image_unsupported');
    expect(await lay(await image({ signature: utf8('signed') }))).toBe('image_unsupported');
    expect(await lay(join(folder, 'none.eif'))).toBe('image_unreadable');
    await writeFile(join(folder, 'short.eif'), '.eif');
    expect(await lay(join(folder, 'short.eif'))).toBe('eif_truncated');
  });
});

const plan = {
  program: '/usr/bin/qemu-system-x86_64',
  accelerator: 'tcg',
  kernel: '/k',
  ramdisk: '/r',
  commandLine: 'console=ttyS0 quiet',
  memoryMib: 1_024,
  processors: 2,
} as const;

describe('the emulator', () => {
  it('is looked for in fixed places, and its absence says what to install', async () => {
    expect(await codeOf(() => findEmulator(['/nowhere/qemu']))).toBe('emulator_missing');
    expect(() => findEmulator([])).toThrow(/apt-get install qemu-system-x86/);
    expect(findEmulator(['/nowhere', '/bin/sh'])).toBe('/bin/sh');
    expect(emulatorPlaces.every((place) => place.startsWith('/'))).toBe(true);
  });

  it('gets what was measured, two ports, and no network, disk, display or monitor', () => {
    const { args } = machineCommand(plan, { link: 3, nsmSocket: '/a,b/nsm.sock' });
    const line = ` ${args.join(' ')} `;
    for (const part of [
      '-nodefaults',
      '-no-user-config',
      '-nic none',
      '-display none',
      '-monitor none',
      '-no-reboot',
    ]) {
      expect(line).toContain(` ${part} `);
    }
    expect(line).toContain(' -kernel /k -initrd /r -append console=ttyS0 quiet ');
    expect(line).toContain(' socket,id=link,fd=3 ');
    expect(line).toContain(' socket,id=nsm,path=/a,,b/nsm.sock ');
    expect(line).toContain('spawn=deny');
    expect(args.filter((arg) => arg === '-device')).toHaveLength(3);
    expect(line).not.toMatch(/-(?:drive|netdev|hda|cdrom|fsdev|usb|virtfs|vnc) /);
  });

  it('has no ports in a trial', () => {
    expect(machineCommand(plan, null).args.join(' ')).not.toContain('virtio-serial');
  });
});

describe('the choice between KVM and emulation', () => {
  /** Stands in for QEMU: says what it was told to, then hangs like a kernel that does not come up. */
  async function emulator(says: string): Promise<string> {
    const program = join(folder, 'qemu');
    await writeFile(program, `#!/bin/sh\necho started >>'${folder}/starts'\n${says}\nexec sleep 60\n`);
    await chmod(program, 0o755);
    return program;
  }
  const starts = () => readFile(join(folder, 'starts'), 'utf8').then((text) => text.trim().split('\n').length);

  async function choose(program: string): Promise<string> {
    const kernel = join(folder, 'kernel');
    await writeFile(kernel, 'kernel');
    const { accelerator: _, ...rest } = plan;
    return chooseAccelerator(
      { ...rest, program, kernel },
      { device: '/dev/null', memory: join(folder, 'memory', 'kvm') },
    );
  }

  it('is emulation without the device, and nothing is tried', async () => {
    const program = await emulator('echo init 10 0 0');
    const options = { device: join(folder, 'no-kvm'), memory: join(folder, 'memory') };
    expect(await chooseAccelerator({ ...plan, program }, options)).toBe('tcg');
    await expect(starts()).rejects.toThrow();
  });

  it('is KVM where the image reaches its init, and is remembered for this boot of this machine', async () => {
    const program = await emulator('echo init 10 0 0');
    expect(await choose(program)).toBe('kvm');
    expect(await choose(program)).toBe('kvm');
    expect(await starts()).toBe(1);
  });

  it('is emulation where the device is there and no kernel comes up in time', async () => {
    expect(await choose(await emulator('echo KASLR disabled'))).toBe('tcg');
    await writeFile(join(folder, 'memory', 'kvm'), 'damaged');
    expect(await choose(await emulator('exit 1'))).toBe('tcg');
    expect(await starts()).toBe(2);
  }, 20_000);
});

describe('a machine that does not come up', () => {
  const hasEmulator = emulatorPlaces.some((place) => {
    try {
      execFileSync(place, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });

  it.skipIf(!hasEmulator)(
    `ends with a typed error and leaves nothing${hasEmulator ? '' : ' (skipped: QEMU is not installed)'}`,
    async () => {
      const events: string[] = [];
      const eif = await image();
      const prepared = await vmTier({ eif, role: null, acceleration: 'none' }).prepare({
        state: folder,
        run: folder,
        link: join(folder, 'link'),
        onEvent: (event) => events.push(event.kind),
      });
      // What it was given as a kernel is none.
      const failure = await prepared.boot(new AbortController().signal).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SimulatorError);
      expect((failure as SimulatorError).code).toBe('machine_failed');
      expect(events.filter((kind) => kind === 'exited')).toHaveLength(2);
      const stopped = AbortSignal.abort();
      expect(await codeOf(() => prepared.boot(stopped))).toBe('machine_failed');
    },
    30_000,
  );
});
