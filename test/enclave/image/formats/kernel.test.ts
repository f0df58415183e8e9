import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Compression, readBzImage, unpackKernel } from '../../../../enclave/image/formats/bzimage.ts';
import { findEmbeddedConfig, parseKernelConfig } from '../../../../enclave/image/formats/kernel-config.ts';
import { requireNitroKernel } from '../../../../enclave/image/formats/nitro-kernel.ts';
import { requireSnpKernel } from '../../../../enclave/image/formats/snp-kernel.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { nitroConfig, type SyntheticKernel, snpConfig, syntheticBzImage } from './support/bzimage.ts';
import { refusalOf } from './support/refusal.ts';

const none: ReadonlySet<string> = new Set();

function edited(offset: number, ...bytes: readonly number[]): Uint8Array {
  const kernel = syntheticBzImage();
  kernel.set(bytes, offset);
  return kernel;
}

describe('a bzImage', () => {
  it('says its version, and what it is compressed with', () => {
    const image = readBzImage(syntheticBzImage());
    expect(image).toMatchObject({
      protocol: { major: 2, minor: 15 },
      release: { major: 6, minor: 8, text: '6.8.12 (builder@nowhere) #1 SMP' },
      compression: 'gzip',
    });
    expect(parseKernelConfig(findEmbeddedConfig(unpackKernel(image)) as Uint8Array).options.get('NSM')).toBe('y');
  });

  it.each<readonly [Compression, readonly number[]]>([
    ['bzip2', [0x42, 0x5a]],
    ['lzma', [0x5d, 0x00]],
    ['xz', [0xfd, 0x37]],
    ['lz4', [0x02, 0x21]],
    ['zstd', [0x28, 0xb5]],
    ['lzo', [0x89, 0x4c]],
    ['unknown', [0x00, 0x01]],
  ])('compressed as %s is not read inside', (compression, magic) => {
    const image = readBzImage(syntheticBzImage({ compress: (bytes) => concatBytes(Uint8Array.from(magic), bytes) }));
    expect(image.compression).toBe(compression);
    expect(refusalOf(() => unpackKernel(image))).toBe('kernel_compression');
  });

  it('may be not compressed at all', () => {
    const image = readBzImage(syntheticBzImage({ compress: (bytes) => bytes }));
    expect(image.compression).toBe('none');
    expect(findEmbeddedConfig(unpackKernel(image))).not.toBeNull();
  });

  it.each<readonly [string, Uint8Array, string]>([
    ['an ELF vmlinux', utf8(`\x7fELF${'\0'.repeat(1024)}`), 'kernel_is_elf'],
    ['a short file', utf8('MZ'), 'kernel_truncated'],
    ['a file of zeros', new Uint8Array(4096), 'kernel_not_bzimage'],
    ['a boot sector without a setup header', edited(0x202, 0), 'kernel_not_bzimage'],
    ['a zImage', edited(0x211, 0), 'kernel_not_bzimage'],
    ['a kernel from before payloads', edited(0x206, 0x07, 0x02), 'kernel_protocol'],
    ['a protocol to come', edited(0x206, 0x00, 0x03), 'kernel_protocol'],
    ['a payload beyond its end', edited(0x24f, 0x01), 'kernel_truncated'],
    ['no version', edited(0x20e, 0, 0), 'kernel_version_unreadable'],
    ['a version outside of the setup part', edited(0x20e, 0xff, 0xff), 'kernel_version_unreadable'],
    ['a version of words', syntheticBzImage({ release: 'six point eight' }), 'kernel_version_unreadable'],
    ['a version with an escape in it', syntheticBzImage({ release: '6.8 \x1b[2J' }), 'kernel_version_unreadable'],
  ])('is refused: %s', (_, kernel, code) => {
    expect(refusalOf(() => readBzImage(kernel))).toBe(code);
  });

  it('is refused beyond the size of kernels', () => {
    const huge = Object.defineProperty(new Uint8Array(0), 'length', { value: limits.kernelBytes + 1 });
    expect(refusalOf(() => readBzImage(huge))).toBe('kernel_too_large');
  });

  it('is refused when its payload does not unpack, or to too much', () => {
    const damaged = readBzImage(syntheticBzImage({ compress: (bytes) => gzipSync(bytes).subarray(0, 40) }));
    expect(refusalOf(() => unpackKernel(damaged))).toBe('kernel_payload');
    // 0.3 MB that unpack to 320 MiB.
    const member = gzipSync(new Uint8Array(2 ** 26));
    const bomb = concatBytes(...Array.from({ length: 5 }, () => member));
    expect(refusalOf(() => unpackKernel({ ...damaged, payload: bomb }))).toBe('kernel_payload');
  });
});

describe('a configuration', () => {
  it('has options by name, and those that are off are not there', () => {
    const { release, options } = parseKernelConfig(utf8(nitroConfig));
    expect(release).toEqual({ major: 6, minor: 8 });
    expect(options.get('HZ')).toBe('250');
    expect(options.get('PHYSICAL_START')).toBe('0x1000000');
    expect(options.get('CC_VERSION_TEXT')).toBe('"gcc (\\"a\\") 13"');
    expect(options.has('SMB_SERVER')).toBe(false);
  });

  it.each<readonly [string, string | Uint8Array]>([
    ['empty', ''],
    ['of comments', '# nothing\n'],
    ['with an option twice', 'CONFIG_A=y\nCONFIG_A=y\n'],
    ['with an option on and off', 'CONFIG_A=y\n# CONFIG_A is not set\n'],
    ['with an option without a value', 'CONFIG_A=\n'],
    ['with an option that is "n"', 'CONFIG_A=n\n'],
    ['with a space before an option', ' CONFIG_A=y\n'],
    ['with a comment that looks like an option', 'CONFIG_B=y\n# CONFIG_A=y\n'],
    ['with text that does not end', 'CONFIG_A="y\n'],
    ['with lines of Windows', 'CONFIG_A=y\r\n'],
    ['of two kernels', 'CONFIG_A=y\n# Linux/x86 6.8 Kernel Configuration\n# Linux/x86 6.9 Kernel Configuration\n'],
    ['that is not UTF-8', Uint8Array.of(0xff)],
    ['longer than any', new Uint8Array(limits.kernelConfigBytes + 1)],
  ])('is refused %s', (_, config) => {
    expect(refusalOf(() => parseKernelConfig(typeof config === 'string' ? utf8(config) : config))).toBe(
      'kernel_config_malformed',
    );
  });

  it('is found in a kernel by its marks, which may also stand elsewhere', () => {
    const config = concatBytes(utf8('IKCFG_ST'), gzipSync('CONFIG_A=y\n'), utf8('IKCFG_ED'));
    expect(findEmbeddedConfig(utf8('IKCFG_ST and nothing'))).toBeNull();
    expect(findEmbeddedConfig(concatBytes(utf8('IKCFG_ST IKCFG_ED'), config))).toEqual(utf8('CONFIG_A=y\n'));
    expect(refusalOf(() => findEmbeddedConfig(concatBytes(config, config)))).toBe('kernel_config_malformed');
    expect(refusalOf(() => findEmbeddedConfig(config.subarray(0, config.length - 1)))).toBe('kernel_config_malformed');
    const damaged = config.map((byte, index) => (index === 20 ? byte ^ 0xff : byte));
    expect(refusalOf(() => findEmbeddedConfig(damaged))).toBe('kernel_config_malformed');
  });
});

describe('a kernel for SEV-SNP', () => {
  const judge = (options: SyntheticKernel, configFile: Uint8Array | null = null): string =>
    refusalOf(() =>
      requireSnpKernel({
        kernel: syntheticBzImage({ embedded: snpConfig, ...options }),
        configFile,
        modules: new Set(['sev_guest', 'sev-guest', 'tsm', 'configfs', 'virtio_pci', 'virtio_console']),
      }),
    );

  it('is accepted with its own configuration, or with one beside it', () => {
    const kernel = syntheticBzImage({ embedded: snpConfig });
    const accepted = requireSnpKernel({ kernel, configFile: null, modules: none });
    expect(accepted).toMatchObject({ configSource: 'embedded', image: { release: { major: 6, minor: 8 } } });
    expect(judge({}, utf8(snpConfig))).toBe('accepted');
    expect(judge({ embedded: null }, utf8(snpConfig))).toBe('accepted');
    expect(judge({ embedded: null })).toBe('kernel_config_absent');
    expect(judge({}, utf8(snpConfig.replace('CONFIG_HZ=250', 'CONFIG_HZ=100')))).toBe('kernel_config_mismatch');
  });

  it.each<readonly [string, string]>([
    ['6.7.0', 'accepted'],
    ['6.12.41+deb13-cloud-amd64', 'accepted'],
    ['7.0.1', 'accepted'],
    ['6.6.99', 'kernel_too_old'],
    ['6.1.0-53-cloud-amd64', 'kernel_too_old'],
    ['5.19', 'kernel_too_old'],
  ])('as %s: %s', (release, verdict) => {
    const [, head = ''] = /^(\d+\.\d+)/.exec(release) ?? [];
    expect(judge({ release, embedded: snpConfig.replace('6.8.12', head) })).toBe(verdict);
  });

  const required = [...snpConfig.matchAll(/^CONFIG_(\w+)=y$/gm)].map(([, name = '']) => name);

  it('needs more than other kernels do', () => {
    for (const name of ['AMD_MEM_ENCRYPT', 'SEV_GUEST', 'TSM_REPORTS', 'CONFIGFS_FS', 'VIRTIO_PCI', 'VIRTIO_CONSOLE']) {
      expect(required).toContain(name);
    }
    expect(required).toHaveLength(12);
  });

  it.each(required)('needs %s, and not as a module', (option) => {
    const is = (value: string): string => snpConfig.replace(`CONFIG_${option}=y`, value);
    expect(judge({ embedded: is(`# CONFIG_${option} is not set`) })).toBe('kernel_option_missing');
    expect(judge({ embedded: is(`CONFIG_${option}=m`) })).toBe('kernel_option_missing');
  });
});

describe('a kernel for Nitro', () => {
  const file = utf8(nitroConfig);
  const judge = (options: SyntheticKernel, configFile: Uint8Array | null = null, modules = none): string =>
    refusalOf(() => requireNitroKernel({ kernel: syntheticBzImage(options), configFile, modules }));
  const xz = (bytes: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0xfd, 0x37, 0x7a), bytes);

  it('is accepted with its own configuration', () => {
    const accepted = requireNitroKernel({ kernel: syntheticBzImage(), configFile: null, modules: none });
    expect(accepted).toMatchObject({ configSource: 'embedded', image: { release: { major: 6, minor: 8 } } });
    expect(judge({}, file)).toBe('accepted');
  });

  it('is accepted with a file beside it where it carries none, or none that can be read', () => {
    expect(
      requireNitroKernel({ kernel: syntheticBzImage({ embedded: null }), configFile: file, modules: none })
        .configSource,
    ).toBe('file');
    expect(judge({ compress: xz }, file)).toBe('accepted');
  });

  it.each(['6.8', '6.8.0-rc1', '6.12.3-cloud', '7.0.1'])('is accepted as %s', (release) => {
    const [, head = ''] = /^(\d+\.\d+)/.exec(release) ?? [];
    expect(judge({ release, embedded: nitroConfig.replace('6.8.12', head) })).toBe('accepted');
  });

  it.each(['6.7.12', '6.1.0-53-cloud-amd64', '5.19', '4.14.256'])('is too old as %s', (release) => {
    expect(judge({ release })).toBe('kernel_too_old');
  });

  it('needs a configuration', () => {
    expect(judge({ embedded: null })).toBe('kernel_config_absent');
    expect(judge({ compress: xz })).toBe('kernel_compression');
    expect(judge({ embedded: 'nonsense' })).toBe('kernel_config_malformed');
  });

  it('is refused with the configuration of another', () => {
    expect(judge({}, utf8(`${nitroConfig}CONFIG_A=y\n`))).toBe('kernel_config_mismatch');
    expect(judge({ embedded: null }, utf8(nitroConfig.replace('6.8.12', '6.9.0')))).toBe('kernel_config_mismatch');
    expect(judge({ embedded: null }, utf8(nitroConfig.replace('# Linux', '# GNU')))).toBe('kernel_config_mismatch');
    expect(judge({ embedded: nitroConfig.replace('6.8.12', '6.9.0') })).toBe('kernel_config_mismatch');
  });

  const required = [...nitroConfig.matchAll(/^CONFIG_(\w+)=y$/gm)].map(([, name = '']) => name);

  it.each(required)('needs %s', (option) => {
    const off = nitroConfig.replace(`CONFIG_${option}=y`, `# CONFIG_${option} is not set`);
    expect(judge({ embedded: off })).toBe('kernel_option_missing');
    expect(judge({ embedded: nitroConfig.replace(`CONFIG_${option}=y\n`, '') })).toBe('kernel_option_missing');
  });

  it.each<readonly [string, readonly string[]]>([
    ['VSOCKETS', ['vsock']],
    ['VIRTIO_VSOCKETS', ['vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport']],
    ['NSM', ['nsm']],
  ])('may have %s as modules that the ramdisk brings', (option, modules) => {
    const embedded = nitroConfig.replace(`CONFIG_${option}=y`, `CONFIG_${option}=m`);
    expect(judge({ embedded })).toBe('kernel_module_missing');
    expect(judge({ embedded }, null, new Set(modules.slice(1)))).toBe('kernel_module_missing');
    expect(judge({ embedded }, null, new Set(modules))).toBe('accepted');
  });

  it.each(['VIRTIO_MMIO', 'VIRTIO_MMIO_CMDLINE_DEVICES'])('may not have %s as a module', (option) => {
    const embedded = nitroConfig.replace(`CONFIG_${option}=y`, `CONFIG_${option}=m`);
    expect(judge({ embedded }, null, new Set(['virtio_mmio']))).toBe('kernel_option_missing');
  });
});
