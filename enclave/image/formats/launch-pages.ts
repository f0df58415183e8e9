import { createHash } from 'node:crypto';
import { viewOf } from './bytes.ts';

/**
 * How the launch digest of an SEV-SNP guest grows (AMD 56860, SNP Firmware ABI, SNP_LAUNCH_UPDATE and its PAGE_INFO
 * structure): each page that the hypervisor adds is hashed with the digest so far, its kind and its guest physical
 * address. Pages that the firmware of the processor fills itself enter without content.
 */
export const PAGE_BYTES = 4_096;

const DIGEST_BYTES = 48;
const PAGE_INFO_BYTES = 0x70;

/** PAGE_TYPE_*. */
const kinds = { normal: 1, vmsa: 2, zero: 3, unmeasured: 4, secrets: 5, cpuid: 6 } as const;

/** Kinds of which only the place is measured. */
export type BlankKind = 'zero' | 'unmeasured' | 'secrets' | 'cpuid';

/** Where the state of a virtual CPU counts as lying: the last page below the 48th bit. */
const VMSA_ADDRESS = 0xffff_ffff_f000n;

export const emptyDigest: Uint8Array = new Uint8Array(DIGEST_BYTES);

/** `bytes` are whole pages, as is every length below. */
export function addContent(digest: Uint8Array, address: number, bytes: Uint8Array): Uint8Array {
  let current = digest;
  for (let offset = 0; offset < bytes.length; offset += PAGE_BYTES) {
    const page = bytes.subarray(offset, offset + PAGE_BYTES);
    current = addPage(current, 'normal', BigInt(address + offset), sha384(page));
  }
  return current;
}

export function addBlank(digest: Uint8Array, kind: BlankKind, address: number, length: number): Uint8Array {
  let current = digest;
  for (let offset = 0; offset < length; offset += PAGE_BYTES) {
    current = addPage(current, kind, BigInt(address + offset), emptyDigest);
  }
  return current;
}

export function addVmsa(digest: Uint8Array, vmsa: Uint8Array): Uint8Array {
  return addPage(digest, 'vmsa', VMSA_ADDRESS, sha384(vmsa));
}

function addPage(digest: Uint8Array, kind: keyof typeof kinds, address: bigint, content: Uint8Array): Uint8Array {
  const info = new Uint8Array(PAGE_INFO_BYTES);
  const view = viewOf(info);
  info.set(digest, 0);
  info.set(content, DIGEST_BYTES);
  view.setUint16(0x60, PAGE_INFO_BYTES, true);
  view.setUint8(0x62, kinds[kind]);
  // Not an initial migration image, and no permissions for lower privilege levels: both as QEMU launches a guest.
  view.setBigUint64(0x68, address, true);
  return sha384(info);
}

function sha384(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(bytes).digest());
}
