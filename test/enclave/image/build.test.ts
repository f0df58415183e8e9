import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { buildImage } from '../../../enclave/image/build.ts';
import { ImageError } from '../../../enclave/image/errors.ts';
import { readCpio } from '../../../enclave/image/formats/cpio-read.ts';
import { describeEif } from '../../../enclave/image/formats/eif-describe.ts';
import { initList } from '../../../enclave/image/init-list.ts';
import { inputPath } from '../../../enclave/image/inputs.ts';
import { lockedFiles } from '../../../enclave/image/lock.ts';
import { type Flavour, flavours, modulePath, recipes, vmModules } from '../../../enclave/image/recipe.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { nitroConfig, snpConfig, syntheticBzImage } from './formats/support/bzimage.ts';
import { contentOf, openWorkshop, refusal, type Workshop } from './support/workshop.ts';

const open: Workshop[] = [];
function workshopFor(flavour: Flavour): Workshop {
  const workshop = openWorkshop(flavour);
  open.push(workshop);
  return workshop;
}
afterEach(() => {
  for (const workshop of open.splice(0)) workshop.remove();
});

async function registersOf(workshop: Workshop): Promise<readonly [string, string, string]> {
  const { pcr0, pcr1, pcr2 } = (await buildImage(workshop)).measurements;
  return [toHex(pcr0), toHex(pcr1), toHex(pcr2)];
}

/** Which of PCR0, PCR1 and PCR2 differ. */
async function changedRegisters(before: Workshop, after: Workshop): Promise<readonly number[]> {
  const [a, b] = [await registersOf(before), await registersOf(after)];
  return [0, 1, 2].filter((index) => a[index] !== b[index]);
}

describe('an image', () => {
  it.each(flavours)('for %s holds what the recipe says, and nothing else', async (flavour) => {
    const workshop = workshopFor(flavour);
    const { ramdisks, eif, measurements } = await buildImage(workshop);
    const [boot, app] = ramdisks.map(
      (ramdisk) => new Map(readCpio(ramdisk).map(({ entry }) => [`/${entry.path}`, entry])),
    );
    const files = (ramdisk: typeof boot): readonly string[] =>
      [...(ramdisk ?? [])].filter(([, { kind }]) => kind === 'file').map(([path]) => path);
    expect(files(boot)).toEqual(
      [
        '/bin/confine',
        '/bin/node',
        ...(flavour === 'vm' ? ['/bin/nsm-cuse'] : []),
        '/etc/init.list',
        '/init',
        ...(flavour === 'vm' ? vmModules.map(modulePath) : []),
        ...['libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'librt.so.1'].map(
          (name) => `/lib/x86_64-linux-gnu/${name}`,
        ),
        '/lib/x86_64-linux-gnu/libstdc++.so.6',
        '/lib64/ld-linux-x86-64.so.2',
      ].sort((a, b) => Buffer.compare(utf8(a), utf8(b))),
    );
    expect(files(app)).toEqual([
      '/app/guard.node',
      '/app/libonnxruntime.so.1',
      '/app/onnxruntime_binding.node',
      '/app/worker.mjs',
    ]);
    expect(boot?.get('/etc/init.list')).toMatchObject({ content: utf8(initList(flavour)), permissions: 0o444 });
    expect(boot?.get('/init')).toMatchObject({ content: contentOf('init'), permissions: 0o555 });
    for (const path of ['/dev', '/proc', '/run', '/sys', '/tmp']) {
      expect(boot?.get(path)).toMatchObject({ kind: 'directory' });
    }
    const described = describeEif(eif);
    expect(described).toMatchObject(measurements);
    expect(described).toMatchObject({ version: 4, architecture: 'x86_64', commandLine: recipes[flavour].commandLine });
    expect(described.sections.map(({ type }) => type).filter((type) => type === 'signature')).toEqual([]);
  });

  it('has only entries of root, of the year 1970, that nobody may write', async () => {
    for (const ramdisk of (await buildImage(workshopFor('vm'))).ramdisks) {
      for (const { entry, user, group, modified } of readCpio(ramdisk)) {
        expect([entry.path, user, group, modified]).toEqual([entry.path, 0, 0, 0]);
        expect('permissions' in entry ? entry.permissions & 0o022 : 'a link').toBe(0);
      }
    }
  });

  it.each(['nitro', 'snp'] as const)(
    'for %s has the same worker as one for vm, and says so in PCR2 only',
    async (flavour) => {
      expect(await changedRegisters(workshopFor('vm'), workshopFor(flavour))).toEqual([0, 1]);
    },
  );

  it.each(flavours)('for %s to debug differs in the directives of init alone', async (flavour) => {
    const workshop = workshopFor(flavour);
    const [production, debug] = [await buildImage(workshop), await buildImage({ ...workshop, variant: 'debug' })];
    const [found, built] = [debug, production].map(({ ramdisks }) =>
      readCpio(ramdisks[0]).map(({ entry }) =>
        'content' in entry ? [entry.path, toHex(entry.content)] : [entry.path],
      ),
    );
    const different = found?.filter((entry, index) => entry[1] !== built?.[index]?.[1]);
    expect(different).toEqual([['etc/init.list', toHex(utf8(initList(flavour, { variant: 'debug' })))]]);
    expect(initList(flavour, { variant: 'debug' })).toContain('\ndebug\n');
    expect(initList(flavour)).not.toContain('debug');
  });

  it('is the same bytes when it is built again', async () => {
    const [a, b] = [await buildImage(workshopFor('vm')), await buildImage(workshopFor('vm'))];
    expect(Buffer.from(a.eif).equals(b.eif)).toBe(true);
  });
});

describe('one changed input', () => {
  const boot = [0, 1];
  const app = [0, 2];
  const pinned = lockedFiles(openAndForget()).map(({ recipe }): readonly [string, readonly number[]] => {
    if (recipe.use.kind === 'kernel-configuration') return [recipe.name, []];
    return [recipe.name, recipe.use.kind === 'app' ? app : boot];
  });

  it.each(pinned)('%s changes the registers %j', async (name, registers) => {
    const before = workshopFor('vm');
    const content =
      name === 'kernel' ? syntheticBzImage({ release: '6.8.13 (builder@nowhere) #1 SMP' }) : utf8(`other ${name}`);
    expect(await changedRegisters(before, before.repin(name, content))).toEqual(registers);
  });

  it.each<readonly [string, 'nativeFolder' | 'workerFolder', readonly number[]]>([
    ['init', 'nativeFolder', boot],
    ['confine', 'nativeFolder', boot],
    ['nsm-cuse', 'nativeFolder', boot],
    ['guard.node', 'nativeFolder', app],
    ['worker.mjs', 'workerFolder', app],
  ])('%s of this repository changes the registers %s: %j', async (name, folder, registers) => {
    const [before, after] = [workshopFor('vm'), workshopFor('vm')];
    appendFileSync(join(after[folder], name), '.');
    expect(await changedRegisters(before, after)).toEqual(registers);
  });

  it('is refused where it is not pinned anew, and named', async () => {
    for (const { recipe } of lockedFiles(workshopFor('vm').lock)) {
      const workshop = workshopFor('vm');
      appendFileSync(inputPath(workshop.store, workshop.file(recipe.name)), '.');
      const { code, text } = await refusal(() => buildImage(workshop));
      expect([code, text.includes(recipe.name)]).toEqual(['input_changed', true]);
    }
  });
});

describe('what an image would hold of this repository', () => {
  it.each(['init', 'confine', 'nsm-cuse', 'guard.node'])('must be there: %s', async (name) => {
    const workshop = workshopFor('vm');
    rmSync(join(workshop.nativeFolder, name));
    const { code, text } = await refusal(() => buildImage(workshop));
    expect([code, text.includes(name)]).toEqual(['input_missing', true]);
  });

  it.each<readonly [string, (path: string) => void]>([
    [
      'a link',
      (path) => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
    ],
    [
      'a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
    ['larger than a program', (path) => truncateSync(path, 4_194_305)],
  ])('is refused when it is %s', async (_, replace) => {
    const workshop = workshopFor('vm');
    replace(join(workshop.nativeFolder, 'init'));
    const { code, text } = await refusal(() => buildImage(workshop));
    expect([code, text.includes('init')]).toEqual(['input_refused', true]);
  });

  it.each(['model.onnx', 'weights.bin', 'model.onnx.data', 'koffi.node', '.hidden'])(
    'is a closed list: %s beside the worker is refused',
    async (name) => {
      const workshop = workshopFor('vm');
      writeFileSync(join(workshop.workerFolder, name), 'x');
      const { code, text } = await refusal(() => buildImage(workshop));
      expect([code, text.includes(name)]).toEqual(['input_refused', true]);
    },
  );

  it.each(['libonnxruntime.so.1', 'onnxruntime_binding.node', 'guard.node'])(
    'may lie beside the worker as well, if it is the same %s',
    async (name) => {
      const workshop = workshopFor('vm');
      writeFileSync(join(workshop.workerFolder, name), contentOf(name));
      expect(await registersOf(workshop)).toEqual(await registersOf(workshopFor('vm')));
      appendFileSync(join(workshop.workerFolder, name), '.');
      expect((await refusal(() => buildImage(workshop))).code).toBe('input_changed');
    },
  );

  it('comes from a folder that exists', async () => {
    const workshop = workshopFor('vm');
    rmSync(workshop.workerFolder, { recursive: true });
    expect((await refusal(() => buildImage(workshop))).code).toBe('input_missing');
  });
});

describe('the kernel', () => {
  const build = (flavour: Flavour, ...inputs: readonly (readonly [string, Uint8Array])[]): Promise<unknown> =>
    buildImage(inputs.reduce((workshop, [name, content]) => workshop.repin(name, content), workshopFor(flavour)));

  it.each(flavours)('of a %s image is a bzImage', async (flavour) => {
    await expect(build(flavour, ['kernel', utf8('\x7fELF and more')])).rejects.toMatchObject({ code: 'kernel_is_elf' });
    await expect(build(flavour, ['kernel', utf8('no kernel')])).rejects.toThrow(ImageError);
  });

  it('of a nitro image is new enough', async () => {
    const old = nitroConfig.replace('6.8.12', '6.7.9');
    const kernel = syntheticBzImage({ release: '6.7.9 (builder@nowhere)', embedded: old });
    await expect(build('nitro', ['kernel', kernel], ['kernel-configuration', utf8(old)])).rejects.toMatchObject({
      code: 'kernel_too_old',
    });
    // The same kernel boots in QEMU.
    await build('vm', ['kernel', kernel]);
  });

  it.each(['NSM', 'VSOCKETS', 'VIRTIO_VSOCKETS'])(
    'of a nitro image has %s built in: no module is loaded',
    async (option) => {
      const config = nitroConfig.replace(`CONFIG_${option}=y`, `CONFIG_${option}=m`);
      const kernel = syntheticBzImage({ embedded: config });
      await expect(build('nitro', ['kernel', kernel], ['kernel-configuration', utf8(config)])).rejects.toMatchObject({
        code: 'kernel_module_missing',
      });
    },
  );

  it.each(['SEV_GUEST', 'TSM_REPORTS', 'VIRTIO_CONSOLE'])(
    'of an snp image has %s built in: no module is loaded',
    async (option) => {
      const config = snpConfig.replace(`CONFIG_${option}=y`, `CONFIG_${option}=m`);
      const kernel = syntheticBzImage({ embedded: config });
      await expect(build('snp', ['kernel', kernel], ['kernel-configuration', utf8(config)])).rejects.toMatchObject({
        code: 'kernel_option_missing',
      });
    },
  );

  it('of an snp image is one for SEV-SNP, and of a nitro image one for Nitro', async () => {
    const swap = (config: string): readonly (readonly [string, Uint8Array])[] => [
      ['kernel', syntheticBzImage({ embedded: config })],
      ['kernel-configuration', utf8(config)],
    ];
    await build('snp', ...swap(snpConfig));
    await expect(build('snp', ...swap(nitroConfig))).rejects.toMatchObject({ code: 'kernel_option_missing' });
    await expect(build('nitro', ...swap(snpConfig))).rejects.toMatchObject({ code: 'kernel_option_missing' });
  });

  it.each(['nitro', 'snp'] as const)('of a %s image may carry its configuration inside', async (flavour) => {
    const workshop = workshopFor(flavour);
    const artefacts = workshop.lock.artefacts.map((artefact) => ({
      ...artefact,
      files: artefact.files.filter(({ recipe }) => recipe.name !== 'kernel-configuration'),
    }));
    const image = await buildImage({ ...workshop, lock: { ...workshop.lock, artefacts } });
    expect(image.measurements).toEqual((await buildImage(workshop)).measurements);
  });

  it('of a nitro image agrees with the configuration beside it', async () => {
    const other = utf8(nitroConfig.replace('CONFIG_HZ=250', 'CONFIG_HZ=1000'));
    await expect(build('nitro', ['kernel-configuration', other])).rejects.toMatchObject({
      code: 'kernel_config_mismatch',
    });
  });
});

function openAndForget(): Workshop['lock'] {
  const workshop = openWorkshop('vm');
  workshop.remove();
  return workshop.lock;
}
