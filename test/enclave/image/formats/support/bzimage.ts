import { gzipSync } from 'node:zlib';
import { concatBytes, utf8 } from '../../../../../wire/bytes.ts';

/** What a Nitro enclave needs, and a line for each thing that such files hold. */
export const nitroConfig: string = `#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.8.12 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc (\\"a\\") 13"
CONFIG_HZ=250
CONFIG_PHYSICAL_START=0x1000000
# CONFIG_SMB_SERVER is not set

#
# General setup
#
CONFIG_BLK_DEV_INITRD=y
CONFIG_BINFMT_ELF=y
CONFIG_DEVTMPFS=y
CONFIG_UNIX=y
CONFIG_SECCOMP_FILTER=y
CONFIG_VIRTIO_MMIO=y
CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y
CONFIG_VSOCKETS=y
CONFIG_VIRTIO_VSOCKETS=y
CONFIG_NSM=y
`;

/** What a confidential VM needs, and nothing of what an enclave does. */
export const snpConfig: string = nitroConfig.replace(
  /CONFIG_VIRTIO_MMIO=y\n[\s\S]*$/,
  ['AMD_MEM_ENCRYPT', 'EFI_STUB', 'SEV_GUEST', 'TSM_REPORTS', 'CONFIGFS_FS', 'VIRTIO_PCI', 'VIRTIO_CONSOLE']
    .map((option) => `CONFIG_${option}=y\n`)
    .join(''),
);

export interface SyntheticKernel {
  readonly release?: string;
  /** Null for a kernel built without IKCONFIG. */
  readonly embedded?: string | null;
  readonly compress?: (kernel: Uint8Array) => Uint8Array;
}

/** A file with the structure of a bzImage and nothing in it that could run. */
export function syntheticBzImage(options: SyntheticKernel = {}): Uint8Array {
  const { release = '6.8.12 (builder@nowhere) #1 SMP', embedded = nitroConfig, compress = gzipSync } = options;
  const setup = new Uint8Array(1024);
  const view = new DataView(setup.buffer);
  setup[0x1f1] = 1;
  view.setUint16(0x1fe, 0xaa55, true);
  setup.set(utf8('HdrS'), 0x202);
  view.setUint16(0x206, 0x020f, true);
  view.setUint16(0x20e, 0x100, true);
  setup[0x211] = 0x01;
  setup.set(utf8(`${release}\0`), 0x300);
  const mark = embedded === null ? [] : [utf8('IKCFG_ST'), gzipSync(embedded), utf8('IKCFG_ED')];
  const payload = compress(concatBytes(utf8('\x7fELF, or so. Tools look for IKCFG_ST and hold it too.'), ...mark));
  const before = utf8('decompressor');
  view.setUint32(0x248, before.length, true);
  view.setUint32(0x24c, payload.length, true);
  return concatBytes(setup, before, payload, utf8('the rest'));
}
