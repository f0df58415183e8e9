import { emulatorPlaces } from '../../../enclave/simulator/vm/emulator.ts';
import { good, type Look, lacking, limited } from '../finding.ts';
import type { Machine } from '../machine.ts';
import type { Probes } from './probe.ts';
import { hasProcessorFlag } from './processor.ts';

const EMULATOR_PACKAGE = 'apt-get install qemu-system-x86';
const BIOS = ['bios-256k.bin', 'linuxboot_dma.bin'] as const;
/** What takes images apart, and what fetches their inputs. */
const UNPACKERS = ['dpkg-deb', 'tar'] as const;
const FETCHERS = ['apt-get', 'apt-cache', 'npm'] as const;

async function emulator(machine: Machine): Promise<string | undefined> {
  for (const path of emulatorPlaces) if ((await machine.entry(path)) !== undefined) return path;
  return undefined;
}

async function findEmulator(machine: Machine): Promise<Look> {
  const program = await emulator(machine);
  if (program === undefined)
    return lacking(`not installed (looked for ${emulatorPlaces.join(', ')})`, EMULATOR_PACKAGE);
  const { code, output } = await machine.run(program, ['--version']);
  const version = /version (\S+)/.exec(output)?.[1];
  if (code !== 0 || version === undefined) return lacking(`${program} does not tell its version`, EMULATOR_PACKAGE);
  return good(`${program} ${version}`);
}

/** QEMU itself knows where it looks for what it shows a machine before the kernel. */
async function findFirmware(machine: Machine): Promise<Look> {
  const program = await emulator(machine);
  if (program === undefined) return lacking('no QEMU, and so none of its files', EMULATOR_PACKAGE);
  const { output } = await machine.run(program, ['-L', 'help']);
  const folders = output.split('\n').filter((line) => line.startsWith('/'));
  for (const name of BIOS) {
    const found = await Promise.all(folders.map((folder) => machine.entry(`${folder}/${name}`)));
    if (found.every((entry) => entry === undefined)) {
      return lacking(
        `${name} is in none of ${folders.join(', ') || 'no folders'}`,
        'apt-get install qemu-system-data seabios',
      );
    }
  }
  return good(BIOS.join(', '));
}

async function missingPrograms(machine: Machine, names: readonly string[]): Promise<readonly string[]> {
  const places = await Promise.all(names.map((name) => machine.which(name)));
  return names.filter((_, at) => places[at] === undefined);
}

export const virtualMachineProbes: Probes<
  'emulator' | 'firmware' | 'kvm' | 'image-inputs' | 'image-tools' | 'compiler'
> = {
  emulator: { title: 'QEMU', means: 'boots an enclave image in a machine of its own (--tier vm)', look: findEmulator },
  firmware: { title: 'firmware of QEMU', means: 'what such a machine starts with', look: findFirmware },
  kvm: {
    title: '/dev/kvm',
    means: 'makes machines fast',
    look: async (machine) => {
      const slow = 'machines are emulated, which is slow and works';
      if ((await machine.entry('/dev/kvm')) === undefined) {
        return limited(
          `not there: ${slow}`,
          'turn on virtualisation in the BIOS, or nested virtualisation at the provider',
        );
      }
      if (!(await machine.allows('/dev/kvm', 'read-write'))) {
        return limited(`there, and not for this user: ${slow}`, 'put the user into the group that owns it, often kvm');
      }
      if (!(await hasProcessorFlag(machine, 'hypervisor'))) return good('there, and this user may use it');
      const nested = 'there, in what is a virtual machine itself: it may boot nothing';
      return limited(nested, 'nothing: --tier vm tries it, and emulates where it fails');
    },
  },
  'image-inputs': {
    title: 'inputs of images',
    means: 'the pinned packages from which the image for --tier vm is built',
    look: async (machine) => {
      if (machine.form === 'package') return lacking('only a checkout has their list', 'clone the repository');
      const missing = await machine.missingImageInputs();
      if (missing === 0) return good('all of them are on this machine');
      return lacking(`${missing} are not on this machine`, 'proofmark image fetch --flavour vm');
    },
  },
  'image-tools': {
    title: 'tools for images',
    means: `${UNPACKERS.join(' and ')} take inputs of images apart; ${FETCHERS.join(', ')} fetch them`,
    look: async (machine) => {
      const missing = await missingPrograms(machine, UNPACKERS);
      if (missing.length > 0) return lacking(`${missing.join(' and ')} not installed`, 'apt-get install dpkg tar');
      const absent = await missingPrograms(machine, FETCHERS);
      if (absent.length === 0) return good([...UNPACKERS, ...FETCHERS].join(', '));
      const todo = 'fetch on a machine that has them, and give the folder: proofmark image fetch --from DIR';
      return limited(`${absent.join(' and ')} not installed: inputs cannot be fetched here`, todo);
    },
  },
  compiler: {
    title: 'gcc',
    means: 'only for changing our native code, which is committed compiled',
    look: async (machine) => {
      const program = await machine.which('gcc');
      return program === undefined ? limited('not installed', 'nothing, or apt-get install gcc') : good(program);
    },
  },
};
