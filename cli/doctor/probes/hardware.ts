import { good, type Look, lacking, limited } from '../finding.ts';
import type { Machine } from '../machine.ts';
import { satisfies } from '../versions.ts';
import type { Probes } from './probe.ts';
import { hasProcessorFlag } from './processor.ts';

const NITRO_INSTANCE = 'use an EC2 instance that was started with enclaves enabled; see deploy/README.md';
const SNP_GUEST = 'boot the image as a confidential guest; see deploy/README.md';
const NITRO_TOOLS = ['nitro-cli', 'jq', 'socat'] as const;
const REPORTS = '/sys/kernel/config/tsm/report';
/** Of deploy/snp/launch.sh. */
const SNP_EMULATOR = '>=9.1';
/** What deploy/snp/launch.sh takes where nothing else is said. */
const FIRMWARE = '/usr/share/ovmf/OVMF.amdsev.fd';

async function findDevice(machine: Machine, path: string, absent: string): Promise<Look> {
  if ((await machine.entry(path)) === undefined) return lacking('not there', absent);
  if (await machine.allows(path, 'read-write')) return good('there, and this user may use it');
  return lacking('there, and not for this user', `give this user the right to ${path}, or be root`);
}

export const hardwareProbes: Probes<
  | 'chain'
  | 'nitro-module'
  | 'nitro-parent'
  | 'vsock'
  | 'snp-reports'
  | 'snp-device'
  | 'snp-host'
  | 'snp-emulator'
  | 'snp-firmware'
  | 'random'
> = {
  chain: {
    title: 'Foundry',
    means: 'forge and anvil of a checkout: a chain of this machine, with all contracts on it',
    look: async (machine) => {
      const found = await machine.chain();
      if (found.works) return good('forge and anvil are there');
      return lacking(found.why, 'clone the repository, and run npm ci in it');
    },
  },
  'nitro-module': {
    title: '/dev/nsm',
    means: 'this is an AWS Nitro enclave, whose hardware vouches for a worker',
    look: (machine) => findDevice(machine, '/dev/nsm', NITRO_INSTANCE),
  },
  'nitro-parent': {
    title: 'Nitro parent',
    means: 'this is an EC2 instance that can start Nitro enclaves, and has what deploy/nitro uses for it',
    look: async (machine) => {
      const device = await findDevice(machine, '/dev/nitro_enclaves', NITRO_INSTANCE);
      if (device.state !== 'good') return { ...device, found: `/dev/nitro_enclaves: ${device.found}` };
      const places = await Promise.all(NITRO_TOOLS.map((name) => machine.which(name)));
      const missing = NITRO_TOOLS.filter((_, at) => places[at] === undefined);
      return missing.length === 0
        ? good(`/dev/nitro_enclaves, ${NITRO_TOOLS.join(', ')}`)
        : lacking(`${missing.join(' and ')} not installed`, 'install aws-nitro-enclaves-cli, jq and socat');
    },
  },
  vsock: {
    title: '/dev/vsock',
    means: 'the only way between a Nitro enclave and its parent',
    look: async (machine) => {
      if ((await machine.entry('/dev/vsock')) !== undefined) return good('there');
      return lacking('not there', 'modprobe vsock, or a kernel with CONFIG_VSOCKETS');
    },
  },
  'snp-reports': {
    title: 'configfs-tsm',
    means: `${REPORTS}: the kernel hands out reports of a confidential guest (Linux 6.7 and later)`,
    look: async (machine) => {
      const entry = await machine.entry(REPORTS);
      if (entry === undefined) return lacking('not there', `${SNP_GUEST}; mount configfs on /sys/kernel/config`);
      if (!(await machine.allows(REPORTS, 'write'))) return lacking('there, and not for this user', 'be root');
      // The kernel names the vendor only to whoever makes a request there, which looking must not do.
      const driver = await machine.entry('/dev/sev-guest');
      if (driver !== undefined) return good('there, beside the driver of AMD');
      return limited(
        'there; whether reports are of AMD is seen when one is asked for',
        'look for sev_guest among the kernel messages',
      );
    },
  },
  'snp-device': {
    title: '/dev/sev-guest',
    means: 'this is an AMD SEV-SNP guest, whose hardware vouches for a worker',
    look: (machine) => findDevice(machine, '/dev/sev-guest', SNP_GUEST),
  },
  'snp-host': {
    title: '/dev/sev',
    means: 'this machine can host SEV-SNP guests, where its processor has SNP on',
    look: async (machine) => {
      const device = await findDevice(
        machine,
        '/dev/sev',
        'use an EPYC of the third generation or later, and turn SEV-SNP on in its BIOS',
      );
      if (device.state !== 'good') return device;
      const on = (await machine.text('/sys/module/kvm_amd/parameters/sev_snp'))?.trim();
      if (on === 'Y' || on === '1') return good('there, and kvm_amd has SEV-SNP on');
      return lacking(
        'there, and kvm_amd has SEV-SNP off',
        'turn SEV-SNP on in the BIOS, with a kernel of 6.11 or later',
      );
    },
  },
  'snp-emulator': {
    title: 'QEMU for SEV-SNP',
    means: 'starts a SEV-SNP guest',
    look: async (machine) => {
      const program = await machine.which('qemu-system-x86_64');
      if (program === undefined) return lacking('not on PATH', `install QEMU ${SNP_EMULATOR}`);
      const { output } = await machine.run(program, ['--version']);
      const version = /version (\d[\d.]*)/.exec(output)?.[1] ?? 'of unknown version';
      if (satisfies(version, SNP_EMULATOR)) return good(`${program} ${version}`);
      return lacking(`${program} ${version}, where ${SNP_EMULATOR} is needed`, `install QEMU ${SNP_EMULATOR}`);
    },
  },
  'snp-firmware': {
    title: 'OVMF of AmdSev',
    means:
      'the firmware that a guest with a measured kernel starts with; deploy/snp/launch.sh takes another by OVMF=FILE',
    look: async (machine) => {
      if ((await machine.entry(FIRMWARE)) !== undefined) return good(FIRMWARE);
      return lacking(`no ${FIRMWARE}`, 'build OvmfPkg/AmdSev of edk2, or name where it lies');
    },
  },
  random: {
    title: 'RDRAND',
    means: 'random bytes that no host sees: a worker on AMD SEV-SNP starts only with them',
    look: async (machine) => {
      if (await hasProcessorFlag(machine, 'rdrand')) return good('the processor has it');
      return lacking('the processor does not tell of it', 'choose a processor model with it for the guest, as EPYC-v4');
    },
  },
};
