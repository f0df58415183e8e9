import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { archiveName, type FetchEvent, fetchInputs } from '../../../enclave/image/fetch.ts';
import { missingInputs } from '../../../enclave/image/inputs.ts';
import {
  type ImageLock,
  type LockedArtefact,
  lockedFiles,
  parseImageLock,
  renderImageLock,
} from '../../../enclave/image/lock.ts';
import { recipes } from '../../../enclave/image/recipe.ts';
import { relock } from '../../../enclave/image/relock.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { nitroConfig, syntheticBzImage } from './formats/support/bzimage.ts';
import { committedLock, contentOf, place, refusal } from './support/workshop.ts';

const hasDpkg = has('dpkg-deb');
const title = hasDpkg ? 'a mirror' : 'a mirror (SKIPPED: there is no dpkg-deb here)';

let scratch: string;
let mirror: string;
let programs: string;
const path = process.env['PATH'] ?? '';

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'proofmark-mirror-'));
  mirror = join(scratch, 'mirror');
  programs = join(scratch, 'bin');
  mkdirSync(mirror);
  if (!hasDpkg) return;
  for (const artefact of committedLock.artefacts) packUp(artefact);
});
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(() => {
  process.env['PATH'] = `${programs}:${path}`;
  offer(committedLock.artefacts);
});

/** An archive of the committed lock's name and members, with made-up content. */
function packUp(artefact: LockedArtefact): void {
  const folder = join(scratch, 'trees', artefact.recipe.name);
  for (const { recipe, member } of artefact.files) place(join(folder, member), contentOf(recipe.name));
  // What a package holds beside that an image takes nothing of.
  place(join(folder, 'usr/share/doc/readme'), 'x');
  const archive = join(mirror, archiveName(artefact));
  if (artefact.recipe.kind === 'debian') {
    const control = `Package: x\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@x>\nDescription: x\n`;
    place(join(folder, 'DEBIAN/control'), control);
    execFileSync('dpkg-deb', ['--build', folder, archive], { stdio: 'ignore' });
  } else {
    execFileSync('tar', ['-czf', archive, '-C', folder, '.']);
  }
}

/** Programs named like apt's and npm's own, which know the mirror folder and nothing else. */
function offer(artefacts: readonly LockedArtefact[], kernel = artefacts[0]?.package ?? ''): void {
  const debian = artefacts.filter(({ recipe }) => recipe.kind === 'debian');
  const npm = artefacts.filter(({ recipe }) => recipe.kind === 'npm');
  const listed = debian.map((artefact) => {
    const uri = `'${artefact.origin}' ${archiveName(artefact)} 1 SHA256:00`;
    return [
      `"download -q --print-uris ${artefact.package}:amd64") echo "${uri}";;`,
      `"download -q ${artefact.package}:amd64=${artefact.version}") cp "${mirror}/${archiveName(artefact)}" .;;`,
    ].join('\n');
  });
  program('apt-get', `case "$*" in\n${listed.join('\n')}\n*) echo "E: nothing of the kind" >&2; exit 100;; esac`);
  program('apt-cache', `echo "linux-image-cloud-amd64"; echo "  Depends: ${kernel}"`);
  const packed = npm.map(
    (artefact) =>
      `"pack --silent --ignore-scripts ${artefact.package}@${artefact.version}") cp "${mirror}/${archiveName(artefact)}" .;;`,
  );
  program('npm', `case "$*" in\n${packed.join('\n')}\n*) echo "npm error 404" >&2; exit 1;; esac`);
}

function program(name: string, body: string): void {
  place(join(programs, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(programs, name), 0o755);
}

const store = (): { readonly folder: string } => ({ folder: mkdtempSync(join(scratch, 'store-')) });
const lockVm = (to = store()): Promise<ImageLock> => relock(to, { flavour: 'vm', kernel: null, report: () => {} });

describe.skipIf(!hasDpkg)(title, () => {
  it('is written down in a lock, and what it offers is then in the store', async () => {
    const filled = store();
    const lock = await lockVm(filled);
    expect(parseImageLock(utf8(renderImageLock(lock)))).toEqual(lock);
    expect(await missingInputs(filled, lock)).toEqual([]);
    const known = ({ artefacts }: ImageLock): unknown =>
      artefacts.map(({ package: name, version, origin, files }) => [
        name,
        version,
        origin,
        files.map(({ member }) => member),
      ]);
    expect(known(lock)).toEqual(known(committedLock));
    for (const { recipe, size } of lockedFiles(lock)) expect(size).toBe(contentOf(recipe.name).length);
  });

  it('gives what such a lock pins, again', async () => {
    const lock = await lockVm();
    const events: FetchEvent[] = [];
    const other = store();
    const report = (event: FetchEvent): number => events.push(event);
    await fetchInputs(lock, other, { source: { kind: 'mirrors' }, nodeModules: null, report });
    expect(new Set(events.map(({ how }) => how))).toEqual(new Set(['downloaded']));
    expect(await missingInputs(other, lock)).toEqual([]);
  });

  it('that has moved on is said to be so, with a way out', async () => {
    const lock = await lockVm();
    offer(committedLock.artefacts.filter(({ recipe }) => recipe.name !== 'libc6'));
    const fetching = fetchInputs(lock, store(), { source: { kind: 'mirrors' }, nodeModules: null, report: () => {} });
    const { code, text } = await refusal(() => fetching);
    expect(code).toBe('artefact_unavailable');
    for (const word of ['libc6', 'E: nothing of the kind', 'snapshot.debian.org', '--from'])
      expect(text).toContain(word);
    expect((await refusal(() => lockVm())).code).toBe('tool_failed');
  });

  it('that serves something else under a pinned version is refused', async () => {
    const lock = await lockVm();
    const changed = lock.artefacts.map((artefact) =>
      artefact.recipe.name === 'node'
        ? { ...artefact, archive: { ...artefact.archive, digest: new Uint8Array(64) } }
        : artefact,
    );
    const fetching = fetchInputs({ ...lock, artefacts: changed }, store(), {
      source: { kind: 'mirrors' },
      nodeModules: null,
      report: () => {},
    });
    expect((await refusal(() => fetching)).code).toBe('input_changed');
  });

  it.each([
    ['no kernel', ''],
    ['a kernel of another kind', 'linux-image-6.1.0-56-amd64'],
  ])('that offers %s makes no lock', async (_, kernel) => {
    offer(committedLock.artefacts, kernel);
    expect((await refusal(() => lockVm())).code).toBe('artefact_unavailable');
  });

  it('that names no address makes no lock', async () => {
    program('apt-get', 'true');
    const { code, text } = await refusal(() => lockVm());
    expect([code, text.includes('apt-get update')]).toEqual(['artefact_unavailable', true]);
  });

  it('that sends nothing, or two archives for one, is refused', async () => {
    const lock = await lockVm();
    for (const body of ['true', 'touch a.tgz b.tgz']) {
      program('npm', body);
      const fetching = fetchInputs(lock, store(), { source: { kind: 'mirrors' }, nodeModules: null, report: () => {} });
      expect((await refusal(() => fetching)).code).toBe('artefact_unavailable');
    }
  });

  it('makes no difference to a kernel of one’s own, which says its version itself', async () => {
    const [kernel, configuration] = [join(scratch, 'vmlinuz-own'), join(scratch, 'vmlinuz-own.config')];
    writeFileSync(kernel, syntheticBzImage());
    writeFileSync(configuration, nitroConfig);
    const filled = store();
    const lock = await relock(filled, { flavour: 'nitro', kernel: { kernel, configuration }, report: () => {} });
    expect(lock.artefacts[0]).toMatchObject({ package: 'vmlinuz-own', version: '6.8.12', origin: 'file:vmlinuz-own' });
    expect(await missingInputs(filled, lock)).toEqual([]);
    const alone = await relock(store(), {
      flavour: 'nitro',
      kernel: { kernel, configuration: null },
      report: () => {},
    });
    expect(alone.artefacts[0]?.files).toHaveLength(1);
    expect(alone.artefacts.map(({ recipe }) => recipe)).toEqual(recipes.nitro.artefacts);
  });

  it('does not help a kernel whose name no lock can hold', async () => {
    const kernel = join(scratch, 'my kernel');
    writeFileSync(kernel, syntheticBzImage());
    const locking = relock(store(), { flavour: 'nitro', kernel: { kernel, configuration: null }, report: () => {} });
    expect((await refusal(() => locking)).code).toBe('lock_invalid');
  });
});

describe('a program that is not installed', () => {
  it('is named', async () => {
    process.env['PATH'] = join(scratch, 'nothing');
    const { code, text } = await refusal(() => lockVm());
    expect([code, text]).toEqual(['tool_failed', 'tool_failed: apt-cache depends: this program is not installed']);
  });
});

function has(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
