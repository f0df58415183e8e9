import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultInputStore, inputPath, keepInput, missingInputs, readInput } from '../../../enclave/image/inputs.ts';
import { contentOf, openWorkshop, refusal, type Workshop } from './support/workshop.ts';

let workshop: Workshop;
let path: string;
const NAME = 'libm.so.6';

beforeEach(() => {
  workshop = openWorkshop('vm');
  path = inputPath(workshop.store, workshop.file(NAME));
});
afterEach(() => workshop.remove());

const read = (): Promise<Uint8Array> => readInput(workshop.store, workshop.file(NAME));

describe('the store of inputs', () => {
  it('is a cache, where the XDG base directory specification puts those', () => {
    expect(defaultInputStore({ XDG_CACHE_HOME: '/var/cache' })).toEqual({ folder: '/var/cache/proofmark/inputs' });
    for (const environment of [{}, { XDG_CACHE_HOME: '' }]) {
      expect(defaultInputStore(environment).folder).toBe(join(homedir(), '.cache/proofmark/inputs'));
    }
  });

  it('gives the pinned bytes', async () => {
    expect(await read()).toEqual(contentOf(NAME));
    expect(await missingInputs(workshop.store, workshop.lock)).toEqual([]);
  });

  it('says which file it lacks, and how to get it', async () => {
    rmSync(path);
    const { code, text } = await refusal(read);
    expect(code).toBe('input_missing');
    expect(text).toContain(NAME);
    expect(text).toContain('proofmark image fetch');
    expect((await missingInputs(workshop.store, workshop.lock)).map(({ recipe }) => recipe.name)).toEqual([NAME]);
  });

  it.each<readonly [string, () => void]>([
    ['a changed byte', () => writeFileSync(path, Buffer.from(contentOf(NAME)).fill(0x2e, 0, 1))],
    ['a byte more', () => appendFileSync(path, 'x')],
    ['a byte less', () => truncateSync(path, contentOf(NAME).length - 1)],
    ['nothing in it', () => truncateSync(path, 0)],
  ])('refuses %s', async (_, damage) => {
    damage();
    const { code, text } = await refusal(read);
    expect(code).toBe('input_changed');
    expect(text).toContain(NAME);
  });

  it.each<readonly [string, () => void]>([
    [
      'a link, even to the right bytes',
      () => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
    ],
    [
      'a folder',
      () => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
    [
      'a pipe that nobody writes',
      () => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
    ['a file larger than any input', () => truncateSync(path, 268_435_457)],
  ])('refuses %s in place of an input', async (_, replace) => {
    replace();
    const { code, text } = await refusal(read);
    expect(code).toBe('input_refused');
    expect(text).toContain(NAME);
  });

  it('takes nothing in that differs, and leaves nothing behind', async () => {
    rmSync(path);
    const source = join(workshop.folder, 'source');
    writeFileSync(source, 'something else');
    expect((await refusal(() => keepInput(workshop.store, workshop.file(NAME), source))).code).toBe('input_changed');
    expect(readdirSync(workshop.store.folder)).toEqual(['sha256']);
    expect((await refusal(read)).code).toBe('input_missing');
  });

  it('may be filled twice at once', async () => {
    rmSync(path);
    const source = join(workshop.folder, 'source');
    writeFileSync(source, contentOf(NAME));
    await Promise.all(Array.from({ length: 8 }, () => keepInput(workshop.store, workshop.file(NAME), source)));
    expect(new Uint8Array(readFileSync(path))).toEqual(contentOf(NAME));
    expect(readdirSync(workshop.store.folder)).toEqual(['sha256']);
  });
});
