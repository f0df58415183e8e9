import { readOvmf } from '../../../enclave/image/formats/ovmf.ts';
import { launchDigestAfterFirmware } from '../../../enclave/image/formats/snp-launch.ts';
import { syntheticOvmf } from '../../enclave/image/formats/support/ovmf.ts';
import { unlessImageRefused } from './image-refused.ts';

const nothing = new Uint8Array(0);

/** Pages before it do not matter: input is the end of a firmware, padded at its beginning to whole pages. */
export function fuzz(data: Uint8Array): void {
  const firmware = new Uint8Array(Math.max(1, Math.ceil(data.length / 4096)) * 4096);
  firmware.set(data, firmware.length - data.length);
  const ovmf = unlessImageRefused(() => readOvmf(firmware));
  // A page costs a hash, and coverage counts none of them.
  if (ovmf === undefined || ovmf.sections.some(({ size }) => size > 65_536)) return;
  unlessImageRefused(() =>
    launchDigestAfterFirmware(ovmf, new Uint8Array(48), {
      directBoot: { kernel: nothing, initrd: nothing, commandLine: '' },
      vcpus: 2,
      vcpuSignature: 0x800f12,
      guestFeatures: 1n,
      hypervisor: 'qemu',
    }),
  );
}

const METADATA_AND_TABLE = 0x560;

export const seeds: readonly Uint8Array[] = [
  syntheticOvmf().subarray(-METADATA_AND_TABLE),
  syntheticOvmf({ hashTable: null, resetVector: null, sections: [] }).subarray(-METADATA_AND_TABLE),
];
