import { type AcceptedKernel, type KernelInput, type KernelNeeds, requireKernel } from './required-kernel.ts';

/**
 * What a confidential VM and our own programs in it need. Everything is built in: what the ramdisk would have to load
 * first is more to measure and nothing gained, where one brings the kernel oneself.
 */
const needs: KernelNeeds = {
  // Documentation/ABI/testing/configfs-tsm: KernelVersion v6.7.
  oldest: { major: 6, minor: 7, why: 'TSM_REPORTS, through which reports are asked for as files' },
  options: [
    { option: 'AMD_MEM_ENCRYPT', why: 'running in encrypted memory at all', modules: null },
    // OVMF with kernel hashes starts a kernel by its EFI entry; newer kernels need it for AMD_MEM_ENCRYPT anyway.
    { option: 'EFI_STUB', why: 'the start by measured firmware', modules: null },
    { option: 'SEV_GUEST', why: 'attestation', modules: null },
    { option: 'TSM_REPORTS', why: 'attestation', modules: null },
    { option: 'CONFIGFS_FS', why: 'the folder in which reports are asked for', modules: null },
    { option: 'VIRTIO_PCI', why: 'the only way out of the machine', modules: null },
    { option: 'VIRTIO_CONSOLE', why: 'the only way out of the machine', modules: null },
  ],
};

/** A kernel that starts as a confidential VM of SEV-SNP, with what it says of its configuration. */
export function requireSnpKernel(input: KernelInput): AcceptedKernel {
  return requireKernel(input, needs);
}
