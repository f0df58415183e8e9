import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { type DirectBoot, HASH_TABLE_BYTES, kernelHashesPage } from './kernel-hashes.ts';
import { addBlank, addContent, addVmsa, emptyDigest, PAGE_BYTES } from './launch-pages.ts';
import { type Ovmf, type OvmfSection, readOvmf } from './ovmf.ts';
import { type Hypervisor, RESET_VECTOR, vmsaPage } from './vmsa.ts';

export interface SnpLaunch {
  /**
   * Null when the firmware boots from a disk: then the digest says nothing about kernel, ramdisks or command line. EC2
   * only ever measures the firmware.
   */
  readonly directBoot: DirectBoot | null;
  readonly vcpus: number;
  /** From `vcpuSignatureOf`. */
  readonly vcpuSignature: number;
  /** SEV_FEATURES: bit 0 (SNP is active), and on some kernels bit 5 (debug registers are swapped): 0x1 or 0x21. */
  readonly guestFeatures: bigint;
  readonly hypervisor: Hypervisor;
}

/** The MEASUREMENT that the report of such a guest carries, launched by an honest hypervisor without an ID block's help. */
export function snpLaunchDigest(firmware: Uint8Array, launch: SnpLaunch): Uint8Array {
  const ovmf = readOvmf(firmware);
  return launchDigestAfterFirmware(ovmf, firmwareDigest(ovmf), launch);
}

/** The digest when the firmware's own pages are in; providers publish it beside, or instead of, their firmware. */
export function firmwareDigest(ovmf: Ovmf): Uint8Array {
  return addContent(emptyDigest, ovmf.address, ovmf.bytes);
}

/** Goes on from the firmware's pages: what its metadata asks for, then a VMSA for each virtual CPU. */
export function launchDigestAfterFirmware(ovmf: Ovmf, digest: Uint8Array, launch: SnpLaunch): Uint8Array {
  requireLaunch(launch);
  const hashes = hashesPage(ovmf, launch.directBoot);
  let current = digest;
  for (const section of inOrder(ovmf.sections, launch.hypervisor)) {
    current = addSection(current, section, hashes, launch.hypervisor);
  }
  const vmsa = (instructionPointer: number): Uint8Array =>
    vmsaPage({
      hypervisor: launch.hypervisor,
      instructionPointer,
      signature: launch.vcpuSignature,
      features: launch.guestFeatures,
    });
  current = addVmsa(current, vmsa(RESET_VECTOR));
  if (launch.vcpus === 1) return current;
  if (ovmf.resetVector === null) {
    throw new ImageError('firmware_without_reset_vector', 'it starts one virtual CPU only');
  }
  const further = vmsa(ovmf.resetVector);
  for (let index = 1; index < launch.vcpus; index++) current = addVmsa(current, further);
  return current;
}

function requireLaunch({ vcpus, vcpuSignature, guestFeatures }: SnpLaunch): void {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > limits.snpVcpus) {
    throw new ImageError('launch_invalid', `${vcpus} virtual CPUs; 1 to ${limits.snpVcpus}`, { name: 'vcpus' });
  }
  if (!Number.isInteger(vcpuSignature) || vcpuSignature < 0 || vcpuSignature > 0xffff_ffff) {
    throw new ImageError('launch_invalid', 'not a signature of 32 bits', { name: 'vcpuSignature' });
  }
  if (BigInt.asUintN(64, guestFeatures) !== guestFeatures || (guestFeatures & 1n) === 0n) {
    throw new ImageError('launch_invalid', 'features are 64 bits, and bit 0 is SNP itself', { name: 'guestFeatures' });
  }
}

/**
 * The page for the kernel's hashes, or null without a kernel. Firmware that would not look at the hashes is refused:
 * a host could swap the kernel under it, and the digest would not change.
 */
function hashesPage({ sections, hashTable }: Ovmf, directBoot: DirectBoot | null): Uint8Array | null {
  if (directBoot === null) return null;
  const section = sections.find(({ kind }) => kind === 'kernel-hashes');
  if (section === undefined || hashTable === null) {
    throw new ImageError(
      'firmware_without_kernel_hashes',
      'it would boot any kernel; OVMF built from AmdSevX64.dsc checks',
    );
  }
  const offset = hashTable.address - section.address;
  if (offset < 0 || offset + HASH_TABLE_BYTES > PAGE_BYTES || hashTable.size < HASH_TABLE_BYTES) {
    throw new ImageError('firmware_metadata', 'the hashes are looked for outside of the page that is measured');
  }
  return kernelHashesPage(directBoot, offset);
}

/** EC2 adds the CPUID page after all others. */
function inOrder(sections: readonly OvmfSection[], hypervisor: Hypervisor): readonly OvmfSection[] {
  if (hypervisor !== 'ec2') return sections;
  const isCpuid = ({ kind }: OvmfSection): boolean => kind === 'cpuid';
  return [...sections.filter((section) => !isCpuid(section)), ...sections.filter(isCpuid)];
}

function addSection(
  digest: Uint8Array,
  { kind, address, size }: OvmfSection,
  hashes: Uint8Array | null,
  hypervisor: Hypervisor,
): Uint8Array {
  switch (kind) {
    case 'memory':
      return addBlank(digest, hypervisor === 'gce' ? 'unmeasured' : 'zero', address, size);
    case 'secrets':
    case 'cpuid':
      return addBlank(digest, kind, address, size);
    case 'svsm-calling-area':
      return addBlank(digest, 'zero', address, size);
    case 'kernel-hashes':
      return hashes === null ? addBlank(digest, 'zero', address, size) : addContent(digest, address, hashes);
  }
}
