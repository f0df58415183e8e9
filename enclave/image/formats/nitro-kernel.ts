import { type AcceptedKernel, type KernelInput, type KernelNeeds, requireKernel } from './required-kernel.ts';

/**
 * What the hypervisor's devices and our own programs need. Devices sit on a virtio-mmio bus that is described on the
 * command line: the kernel reads that itself only if the bus is built in (a module would get its parameters from
 * modprobe, which our images do not have). The drivers on that bus may be modules if the ramdisk brings them.
 */
const needs: KernelNeeds = {
  // drivers/misc/nsm.c; AWS's own driver for older kernels leaks and is not supported.
  oldest: { major: 6, minor: 8, why: 'the NSM driver' },
  options: [
    { option: 'VIRTIO_MMIO', why: 'the bus of all Nitro devices', modules: null },
    { option: 'VIRTIO_MMIO_CMDLINE_DEVICES', why: 'how the hypervisor tells where they are', modules: null },
    { option: 'VSOCKETS', why: 'the only way out of an enclave', modules: ['vsock'] },
    {
      option: 'VIRTIO_VSOCKETS',
      why: 'the only way out of an enclave',
      modules: ['vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport'],
    },
    { option: 'NSM', why: 'attestation', modules: ['nsm'] },
  ],
};

/** A kernel that starts as an enclave, with what it says of its configuration. */
export function requireNitroKernel(input: KernelInput): AcceptedKernel {
  return requireKernel(input, needs);
}
