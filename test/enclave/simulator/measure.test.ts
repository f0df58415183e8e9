import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatorError } from '../../../enclave/simulator/errors.ts';
import {
  type AttesterSocket,
  type ImageFile,
  type ImagePlan,
  layOutImage,
  measureImage,
  planWorkerImage,
  requireUnchanged,
  snpMeasurement,
} from '../../../enclave/simulator/measure.ts';
import { toHex } from '../../../wire/bytes.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'proofmark-image-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function file(path: string, content: string, mode: ImageFile['mode'] = 0o444): Promise<ImageFile> {
  const source = join(directory, path.replaceAll('/', '_'));
  await writeFile(source, content);
  return { path, source, mode };
}

async function plan(): Promise<ImagePlan> {
  return {
    commandLine: ['/bin/node', '/app/worker.mjs'],
    boot: [await file('/bin/node', 'node', 0o555), await file('/lib/c', 'library', 0o555)],
    app: [await file('/app/worker.mjs', 'worker'), await file('/app/b.node', 'native', 0o555)],
  };
}

async function registersOf(of: ImagePlan): Promise<readonly string[]> {
  const { pcr0, pcr1, pcr2 } = await measureImage(of);
  return [pcr0, pcr1, pcr2].map(toHex);
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'accepted',
    (error) => (error instanceof SimulatorError ? error.code : String(error)),
  );
}

describe('the measurement of an image', () => {
  it('is the arithmetic that it claims, written down a second time', async () => {
    const u32 = (n: number): Buffer => {
      const out = Buffer.alloc(4);
      out.writeUInt32BE(n);
      return out;
    };
    const sha = (...parts: Buffer[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest();
    const text = (value: string): Buffer => Buffer.concat([u32(value.length), Buffer.from(value)]);
    const entry = (path: string, mode: number, content: string): Buffer =>
      Buffer.concat([text(path), u32(mode), sha(Buffer.from(content))]);
    const boot = Buffer.concat([
      u32(2),
      ...['/bin/node', '/app/worker.mjs'].map(text),
      entry('/bin/node', 0o555, 'node'),
      entry('/lib/c', 0o555, 'library'),
    ]);
    const app = Buffer.concat([entry('/app/b.node', 0o555, 'native'), entry('/app/worker.mjs', 0o444, 'worker')]);
    const zero = Buffer.alloc(48);
    const expected = [sha(zero, sha(boot, app)), sha(zero, sha(boot)), sha(zero, sha(app))];
    expect(await registersOf(await plan())).toEqual(expected.map((register) => register.toString('hex')));
  });

  it('does not depend on the order in which files are listed', async () => {
    const { boot, app, commandLine } = await plan();
    const shuffled = { commandLine, boot: [...boot].reverse(), app: [...app].reverse() };
    expect(await registersOf(shuffled)).toEqual(await registersOf(await plan()));
  });

  const edits: readonly (readonly [string, (plan: ImagePlan) => Promise<ImagePlan> | ImagePlan, readonly boolean[]])[] =
    [
      [
        'a byte of node',
        async (p) => ({ ...p, boot: [await file('/bin/node', 'nodE', 0o555), ...p.boot.slice(1)] }),
        [true, true, false],
      ],
      [
        'a byte of the bundle',
        async (p) => ({ ...p, app: [await file('/app/worker.mjs', 'Worker'), ...p.app.slice(1)] }),
        [true, false, true],
      ],
      [
        'a path',
        async (p) => ({ ...p, app: [await file('/app/worker.mjz', 'worker'), ...p.app.slice(1)] }),
        [true, false, true],
      ],
      [
        'a mode',
        (p) => ({ ...p, app: [{ ...(p.app[0] as ImageFile), mode: 0o555 }, ...p.app.slice(1)] }),
        [true, false, true],
      ],
      ['a missing library', (p) => ({ ...p, boot: p.boot.slice(0, 1) }), [true, true, false]],
      ['a further file', async (p) => ({ ...p, app: [...p.app, await file('/app/x', '')] }), [true, false, true]],
      [
        'the command line',
        (p) => ({ ...p, commandLine: ['/bin/node', '--inspect', '/app/worker.mjs'] }),
        [true, true, false],
      ],
      [
        'the cut between two arguments',
        (p) => ({ ...p, commandLine: ['/bin/node/app', '/worker.mjs'] }),
        [true, true, false],
      ],
    ];
  it.each(edits)('changes with %s', async (_, edit, changed) => {
    const before = await registersOf(await plan());
    const after = await registersOf(await edit(await plan()));
    expect(after.map((register, index) => register !== before[index])).toEqual(changed);
  });

  it('changes with every single byte', async () => {
    const before = await registersOf(await plan());
    const seen = new Set<string>();
    for (let at = 0; at < 'worker'.length; at++) {
      const bytes = Buffer.from('worker');
      bytes[at] = (bytes[at] as number) ^ 1;
      const changed = await plan();
      await writeFile((changed.app[0] as ImageFile).source, bytes);
      const after = await registersOf(changed);
      expect(after[0]).not.toBe(before[0]);
      seen.add(after[0] as string);
    }
    expect(seen.size).toBe(6);
  });

  it('refuses two files of one path, and files that cannot be read', async () => {
    const original = await plan();
    const twice = { ...original, app: [...original.app, ...original.boot.slice(0, 1)] };
    expect(await codeOf(measureImage(twice))).toBe('image_unreadable');
    await rm((original.app[0] as ImageFile).source);
    expect(await codeOf(measureImage(original))).toBe('image_unreadable');
  });
});

describe('a laid out image', () => {
  it('measures the same, and is a private copy of what was measured', async () => {
    const original = await plan();
    const image = await layOutImage(original, join(directory, 'image'));
    expect(image.measurement).toEqual(await measureImage(original));
    expect((await stat(join(directory, 'image'))).mode & 0o777).toBe(0o700);
    for (const { source, mode } of [...image.plan.boot, ...image.plan.app]) {
      expect(source.startsWith(join(directory, 'image'))).toBe(true);
      expect((await stat(source)).mode & 0o777).toBe(mode);
    }
    await writeFile((original.app[0] as ImageFile).source, 'exchanged after measuring');
    expect(await readFile((image.plan.app[0] as ImageFile).source, 'utf8')).toBe('worker');
    await requireUnchanged(image);
  });

  it('is refused once it no longer is what was measured', async () => {
    const image = await layOutImage(await plan(), join(directory, 'image'));
    const { source } = image.plan.app[0] as ImageFile;
    await rm(source);
    await writeFile(source, 'workeR');
    expect(await codeOf(requireUnchanged(image))).toBe('image_changed');
  });

  it('leaves nothing of an earlier one', async () => {
    const target = join(directory, 'image');
    await mkdir(join(target, 'app'), { recursive: true });
    await writeFile(join(target, 'app', 'left-over'), '');
    await layOutImage(await plan(), target);
    await expect(stat(join(target, 'app', 'left-over'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the plan of the worker’s image', () => {
  it('holds node, the loader and every library, at the paths where the loader looks', async () => {
    const bundle = join(directory, 'worker.mjs');
    await writeFile(bundle, '');
    const { boot, app, commandLine } = await planWorkerImage({
      node: process.execPath,
      app: [bundle],
      attester: 'nsm-socket',
    });
    const paths = boot.map(({ path }) => path);
    expect(paths[0]).toBe('/bin/node');
    expect(paths.some((path) => /\/ld-(linux|musl)/.test(path))).toBe(true);
    expect(paths.some((path) => /\/libc\.so/.test(path))).toBe(true);
    expect(new Set(paths).size).toBe(paths.length);
    expect(app).toEqual([{ path: '/app/worker.mjs', source: bundle, mode: 0o444 }]);
    expect(commandLine.slice(0, 3)).toEqual(['/bin/node', '/app/worker.mjs', 'launcher']);
  });

  it('names the device on its command line: other vendors’ images differ in PCR0 and PCR1, and never in PCR2', async () => {
    const bundle = join(directory, 'worker.mjs');
    await writeFile(bundle, '');
    // What is measured here is small: node's libraries are asked for by another test.
    const plan = async (attester: AttesterSocket) => ({
      commandLine: (await planWorkerImage({ node: process.execPath, app: [bundle], attester })).commandLine,
      boot: [],
      app: [{ path: '/app/worker.mjs', source: bundle, mode: 0o444 as const }],
    });
    const [nsm, snp] = await Promise.all([plan('nsm-socket'), plan('snp-socket')]);
    expect(nsm.commandLine).toContain('nsm-socket:/run/attester/attester.sock');
    expect(snp.commandLine).toContain('snp-socket:/run/attester/attester.sock');
    const [one, two] = await Promise.all([measureImage(nsm), measureImage(snp)]);
    expect(two.pcr2).toEqual(one.pcr2);
    expect(two.pcr1).not.toEqual(one.pcr1);
    expect(snpMeasurement(two)).toEqual(two.pcr0);
    expect(snpMeasurement(two)).not.toEqual(snpMeasurement(one));
  });

  it('does not list as a library what the app brings itself', async () => {
    const bundle = join(directory, 'worker.mjs');
    const alias = join(directory, 'libown.so.1');
    await writeFile(bundle, '');
    const { boot } = await planWorkerImage({ node: process.execPath, app: [bundle], attester: 'nsm-socket' });
    const library = boot.find(({ path }) => path.includes('libm.so')) as ImageFile;
    await symlink(library.source, alias);
    const { boot: rest } = await planWorkerImage({
      node: process.execPath,
      app: [bundle, alias],
      attester: 'nsm-socket',
    });
    expect(rest.map(({ path }) => path)).not.toContain(library.path);
  });

  it('refuses an app without a bundle, and a program that is none', async () => {
    const other = join(directory, 'other.mjs');
    await writeFile(other, '');
    expect(await codeOf(planWorkerImage({ node: process.execPath, app: [other], attester: 'nsm-socket' }))).toBe(
      'image_unreadable',
    );
    const bundle = join(directory, 'worker.mjs');
    await writeFile(bundle, '');
    expect(await codeOf(planWorkerImage({ node: bundle, app: [bundle], attester: 'nsm-socket' }))).toBe(
      'image_unreadable',
    );
  });
});
