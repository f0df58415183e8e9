import { readFileSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../enclave/image/build.ts';
import { describeEif } from '../../enclave/image/formats/eif-describe.ts';
import { inputPath } from '../../enclave/image/inputs.ts';
import { renderImageLock } from '../../enclave/image/lock.ts';
import { measurementsOf } from '../../enclave/image/measurements.ts';
import { toHex } from '../../wire/bytes.ts';
import { syntheticBzImage } from '../enclave/image/formats/support/bzimage.ts';
import { syntheticOvmf } from '../enclave/image/formats/support/ovmf.ts';
import signed from '../enclave/image/formats/support/signed-eif.json' with { type: 'json' };
import { openWorkshop, syntheticLock, type Workshop } from '../enclave/image/support/workshop.ts';
import { command, type Folder, temporaryFolder } from '../support/command.ts';

let workshop: Workshop;
let folder: Folder;
let eif: string;
beforeAll(async () => {
  workshop = openWorkshop('vm');
  folder = temporaryFolder();
  eif = folder.file('image.eif', (await buildImage(workshop)).eif);
});
afterAll(() => {
  workshop.remove();
  folder.remove();
});

describe('image', () => {
  it.each<readonly [string, ...(readonly string[])]>([
    ['image'],
    ['image', 'constructor'],
    ['image', 'frobnicate'],
    ['image', 'build'],
    ['image', 'build', '--out', 'o'],
    ['image', 'build', '--out', 'o', '--flavour', 'snp'],
    ['image', 'build', '--out', 'o', '--flavour', 'tdx'],
    ['image', 'build', '--out', 'o', '--flavour', 'nitro'],
    ['image', 'build', 'stray', '--out', 'o', '--flavour', 'vm'],
    ['image', 'fetch'],
    ['image', 'fetch', 'stray', '--flavour', 'vm'],
    ['image', 'lock', '--out', 'o'],
    ['image', 'lock', '--flavour', 'vm'],
    ['image', 'lock', '--flavour', 'nitro', '--out', 'o'],
    ['image', 'lock', '--flavour', 'snp', '--out', 'o'],
    ['image', 'lock', '--flavour', 'vm', '--out', 'o', '--kernel', 'k'],
    ['image', 'lock', '--flavour', 'vm', '--out', 'o', '--kernel-config', 'k'],
    ['image', 'verify'],
    ['image', 'verify', 'one'],
    ['image', 'verify', 'one', 'two', '--flavour', 'vm'],
    ['image', 'describe'],
    ['image', 'describe', 'one', 'two'],
    ['image', 'measure'],
    ['image', 'measure', 'one', '--vcpus', '1'],
    ['image', 'measure', '--snp', '--vcpus', '1', '--vcpu-type', 'EPYC-v4'],
    ['image', 'measure', '--snp', 'stray', '--ovmf', 'o', '--vcpus', '1', '--vcpu-type', 'EPYC-v4'],
  ])('ends with 2 and one line: %s %s %s %s %s', async (...args) => {
    const { code, out, err } = await command(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^proofmark: [^\n]+\n$/);
  });

  it('says what stands in the way of a build in one line', async () => {
    const lock = folder.file('changed.lock.json', renderImageLock(workshop.lock).replace('libm.so.6', 'libz.so.1'));
    const build = ['image', 'build', '--out', folder.path('out')] as const;
    expect(await command(...build, '--lock', lock)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^proofmark: lock_invalid: [^\n]+\n$/) as string,
    });
    const vm = folder.file('vm.lock.json', renderImageLock(workshop.lock));
    const other = await command(...build, '--lock', vm, '--flavour', 'nitro');
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('lock_flavour') as string });
    const kernel = await command(...build, '--lock', vm, '--kernel', eif);
    expect(kernel).toMatchObject({ code: 2, err: expect.stringContaining('kernel of your own') as string });
    const absent = await command(...build, '--lock', folder.path('absent.json'));
    expect(absent).toMatchObject({ code: 1, err: expect.stringContaining('cannot read') as string });
  });

  it('refuses a kernel that the lock does not pin', async () => {
    const lock = folder.file('nitro.lock.json', renderImageLock(syntheticLock('nitro')));
    const kernel = folder.file('bzImage', syntheticBzImage({ release: '6.9.0 (other) #1' }));
    const args = ['--out', folder.path('out'), '--store', folder.path('store'), '--kernel', kernel];
    const { code, err } = await command('image', 'build', '--lock', lock, ...args);
    expect([code, err.startsWith('proofmark: input_changed: kernel ')]).toEqual([1, true]);
  });

  it('fetches a kernel of one’s own from where it is said to be', async () => {
    const snp = openWorkshop('snp');
    const lock = folder.file('snp.lock.json', renderImageLock(snp.lock));
    const [kernel, configuration] = ['kernel', 'kernel-configuration'].map((name) =>
      inputPath(snp.store, snp.file(name)),
    );
    const [here, beside] = [folder.path('bzImage.snp'), folder.path('config.snp')];
    renameSync(kernel ?? '', here);
    renameSync(configuration ?? '', beside);
    const args = ['image', 'fetch', '--lock', lock, '--store', snp.store.folder] as const;
    const without = await command(...args);
    expect([without.code, without.err.includes('artefact_unavailable: bzImage')]).toEqual([1, true]);
    const swapped = await command(...args, '--kernel', beside);
    expect([swapped.code, swapped.err.includes('input_changed: kernel ')]).toEqual([1, true]);
    const given = await command(...args, '--kernel', here, '--kernel-config', beside);
    expect([given.code, given.err]).toEqual([0, '']);
    expect((await buildImage(snp)).flavour).toBe('snp');
    snp.remove();
    const vm = folder.file('unkerneled.lock.json', renderImageLock(workshop.lock));
    expect((await command('image', 'fetch', '--lock', vm, '--kernel', here)).code).toBe(2);
  });

  it('says what is in the store', async () => {
    const lock = folder.file('fetched.lock.json', renderImageLock(workshop.lock));
    const args = ['image', 'fetch', '--lock', lock, '--store', workshop.store.folder] as const;
    const text = await command(...args);
    expect([text.code, text.err]).toEqual([0, '']);
    expect(text.out).toMatch(/libc6 +2\.36\S* is in the store\n/);
    const json = await command(...args, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ store: workshop.store.folder });
    expect((JSON.parse(json.out) as { readonly artefacts: readonly unknown[] }).artefacts).toHaveLength(6);
  });

  it('says which archive is missing from a folder', async () => {
    const lock = folder.file('missing.lock.json', renderImageLock(workshop.lock));
    const { code, err } = await command(
      'image',
      'fetch',
      '--lock',
      lock,
      '--store',
      folder.path('empty'),
      '--from',
      folder.path('.'),
    );
    expect([code, err.includes('artefact_unavailable: linux-image-')]).toEqual([1, true]);
  });
});

describe('image describe and measure', () => {
  it('print what an image measures, as a policy takes it', async () => {
    const { out, code } = await command('image', 'measure', eif, '--json');
    const { measurements } = await buildImage(workshop);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      tee: 'aws-nitro',
      images: [{ pcr0: toHex(measurements.pcr0), pcr1: toHex(measurements.pcr1), pcr2: toHex(measurements.pcr2) }],
      pcr8: null,
      minimumMemoryMib: 4,
    });
    const text = await command('image', 'measure', eif);
    for (const value of [toHex(measurements.pcr0), 'not signed', 'at least 4 MiB']) expect(text.out).toContain(value);
  });

  it('list sections, and the files in ramdisks on request', async () => {
    const text = await command('image', 'describe', eif, '--files');
    for (const part of ['kernel', 'command-line', 'metadata', 'Ramdisk 1', '/app/worker.mjs', 'not measured']) {
      expect(text.out).toContain(part);
    }
    expect((await command('image', 'describe', eif)).out).not.toContain('/app/worker.mjs');
    const json = JSON.parse((await command('image', 'describe', eif, '--files', '--json')).out) as {
      readonly ramdisks: readonly (readonly { readonly path: string; readonly sha256: string | null }[])[];
    };
    expect(json.ramdisks[0]?.find(({ path }) => path === '/init')?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(json.ramdisks[0]?.find(({ path }) => path === '/dev')?.sha256).toBeNull();
  });

  it('say who signed an image, and that nobody vouches for that', async () => {
    const bytes = new Uint8Array(Buffer.from(signed.eif, 'base64'));
    const path = folder.file('signed.eif', bytes);
    const { pcr8 } = describeEif(bytes);
    const text = await command('image', 'describe', path, '--files');
    for (const part of [toHex(pcr8 ?? new Uint8Array(0)), 'nobody checked', 'no plain cpio archive']) {
      expect(text.out).toContain(part);
    }
    const json = JSON.parse((await command('image', 'describe', path, '--json')).out) as { readonly pcr8: string };
    expect(json.pcr8).toBe(toHex(pcr8 ?? new Uint8Array(0)));
  });

  it.each(['describe', 'measure'])('%s ends with 10 for what is no image', async (name) => {
    const path = folder.file('no.eif', 'no image');
    const { code, out, err } = await command('image', name, path);
    expect([code, out]).toEqual([10, '']);
    expect(err).toMatch(/^proofmark: eif_magic: [^\n]+\n$/);
    expect((await command('image', name, folder.path('absent'))).code).toBe(1);
    expect((await command('image', name, folder.path('.'))).err).toContain('no regular file');
  });
});

describe('image measure --snp', () => {
  const measure = async (...args: readonly string[]): ReturnType<typeof command> =>
    command('image', 'measure', '--snp', ...args);

  it('prints the launch digest, which depends on everything that is launched', async () => {
    const ovmf = folder.file('ovmf.fd', syntheticOvmf());
    const [kernel, initrd] = [folder.file('kernel', 'kernel'), folder.file('initrd', 'initrd')];
    const base = ['--ovmf', ovmf, '--vcpus', '2', '--vcpu-type', 'EPYC-v4', '--json'];
    const boot = [...base, '--kernel', kernel, '--initrd', initrd, '--append', 'console=ttyS0'];
    const digests: string[] = [];
    for (const args of [
      base,
      boot,
      [...base, '--kernel', kernel, '--initrd', initrd],
      [...base, '--kernel', kernel, '--append', 'console=ttyS0'],
      [...boot.slice(0, 3), '4', ...boot.slice(4)],
      [...boot.slice(0, 5), 'EPYC-Milan', ...boot.slice(6)],
      [...boot, '--guest-features', '0x21'],
      [...boot, '--hypervisor', 'ec2'],
    ]) {
      const { out, code, err } = await measure(...args);
      expect([code, err]).toEqual([0, '']);
      const { tee, measurements, imageId } = JSON.parse(out) as {
        readonly tee: string;
        readonly measurements: readonly string[];
        readonly imageId: string;
      };
      expect([tee, measurements.length]).toEqual(['amd-sev-snp', 1]);
      expect(imageId).toMatch(/^[0-9a-f]{64}$/);
      digests.push(measurements[0] ?? '');
    }
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{96}$/);
    expect(new Set(digests).size).toBe(digests.length);
    expect((await measure(...boot.filter((word) => word !== '--json'))).out).toContain(digests[1]);
  });

  it('is what a kit makes a policy of; the measurements of an image alone are not', async () => {
    const ovmf = folder.file('kit-ovmf.fd', syntheticOvmf());
    const { out } = await measure('--ovmf', ovmf, '--vcpus', '1', '--vcpu-type', 'EPYC-v4', '--json');
    const made = await command('kit', '--measurements', folder.file('launch.json', out), '--out', folder.path('kit'));
    expect(made).toMatchObject({ code: 0, err: '' });
    const policy = JSON.parse(readFileSync(folder.path('kit/policy.json'), 'utf8')) as Record<string, unknown>;
    expect(policy['measurements']).toEqual((JSON.parse(out) as Record<string, unknown>)['measurements']);

    const snp = openWorkshop('snp');
    const measurements = JSON.stringify(measurementsOf(await buildImage(snp)));
    snp.remove();
    const file = folder.file('measurements.json', measurements);
    const refused = await command('kit', '--measurements', file, '--out', folder.path('none'));
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('proofmark image measure --snp') as string });
  });

  it('takes a wrong question for one, and a wrong file for another', async () => {
    const ovmf = folder.file('ovmf.fd', syntheticOvmf());
    const base = ['--ovmf', ovmf, '--vcpus', '1', '--vcpu-type', 'EPYC-v4'];
    for (const args of [
      [...base.slice(0, 3), '0', ...base.slice(4)],
      [...base.slice(0, 3), 'many', ...base.slice(4)],
      [...base.slice(0, 5), 'Pentium'],
      [...base, '--guest-features', '33'],
      [...base, '--guest-features', '0x20'],
      [...base, '--hypervisor', 'xen'],
      [...base, '--append', 'quiet'],
      [...base, '--initrd', ovmf],
    ]) {
      expect((await measure(...args)).code).toBe(2);
    }
    const broken = folder.file('broken.fd', 'no firmware');
    expect((await measure('--ovmf', broken, ...base.slice(2))).code).toBe(10);
  });
});
