import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembleImage } from '../../../enclave/image/assemble.ts';
import { buildImage, loadParts } from '../../../enclave/image/build.ts';
import { ImageError } from '../../../enclave/image/errors.ts';
import type { CpioEntry } from '../../../enclave/image/formats/cpio.ts';
import { readCpio } from '../../../enclave/image/formats/cpio-read.ts';
import { writeCpio } from '../../../enclave/image/formats/cpio-write.ts';
import { readEif } from '../../../enclave/image/formats/eif-read.ts';
import { type EifContent, writeEif } from '../../../enclave/image/formats/eif-write.ts';
import { compareImages } from '../../../enclave/image/verify.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { openWorkshop, type Workshop } from './support/workshop.ts';

let workshop: Workshop;
let built: Awaited<ReturnType<typeof buildImage>>;
beforeAll(async () => {
  workshop = openWorkshop('vm');
  built = await buildImage(workshop);
});
afterAll(() => workshop.remove());

/** The built image with one thing changed. */
function other(change: Partial<EifContent>): Uint8Array {
  return writeEif({
    architecture: 'x86_64',
    defaultMemoryBytes: 1n << 30n,
    defaultCpus: 2n,
    kernel: built.kernel,
    commandLine: built.commandLine,
    ramdisks: built.ramdisks,
    metadata: METADATA,
    signature: null,
    ...change,
  });
}

const METADATA = {
  ImageName: 'x',
  ImageVersion: 'x',
  BuildMetadata: { BuildTime: 'x', BuildTool: 'x', BuildToolVersion: 'x', OperatingSystem: 'x', KernelVersion: 'x' },
  DockerInfo: {},
  CustomMetadata: null,
};

function otherApp(edit: (entry: CpioEntry) => CpioEntry | null, ...more: readonly CpioEntry[]): Uint8Array {
  const entries = readCpio(built.ramdisks[1]).flatMap(({ entry }) => edit(entry) ?? []);
  return other({ ramdisks: [built.ramdisks[0], writeCpio([...entries, ...more])] });
}

const isWorker = ({ path }: CpioEntry): boolean => path === 'app/worker.mjs';

describe('an image beside the one that was built', () => {
  it('is the same, or it is not', async () => {
    expect(compareImages(built.eif, built.eif)).toBeNull();
    expect(compareImages((await buildImage(workshop)).eif, built.eif)).toBeNull();
  });

  it.each<readonly [string, () => Uint8Array, string, string | null, string]>([
    ['kernel', () => other({ kernel: concatBytes(built.kernel, utf8('.')) }), 'kernel', null, 'bytes'],
    ['command line', () => other({ commandLine: `${built.commandLine} debug` }), 'command line', null, 'byte 36'],
    ['metadata', () => other({}), 'metadata', null, 'byte'],
    [
      'file',
      () => otherApp((entry) => (isWorker(entry) ? ({ ...entry, content: utf8('evil') } as CpioEntry) : entry)),
      'ramdisk 1',
      '/app/worker.mjs',
      'byte 0',
    ],
    [
      'mode',
      () => otherApp((entry) => (isWorker(entry) ? ({ ...entry, permissions: 0o555 } as CpioEntry) : entry)),
      'ramdisk 1',
      '/app/worker.mjs',
      'mode 555',
    ],
    [
      'kind of a file',
      () => otherApp((entry) => (isWorker(entry) ? { kind: 'symlink', path: entry.path, target: '/x' } : entry)),
      'ramdisk 1',
      '/app/worker.mjs',
      'symlink',
    ],
    [
      'missing file',
      () => otherApp((entry) => (isWorker(entry) ? null : entry)),
      'ramdisk 1',
      '/app/worker.mjs',
      'missing',
    ],
    [
      'file too many',
      () =>
        otherApp((entry) => entry, {
          kind: 'file',
          path: 'app/model.onnx',
          permissions: 0o444,
          content: utf8('weights'),
        }),
      'ramdisk 1',
      '/app/model.onnx',
      'too many',
    ],
    [
      'spelling of an archive',
      () => other({ ramdisks: [built.ramdisks[0], concatBytes(built.ramdisks[1], new Uint8Array(512))] }),
      'ramdisk 1',
      null,
      'another form',
    ],
    ['ramdisk less', () => other({ ramdisks: [built.ramdisks[0]] }), 'ramdisk 1', null, 'missing'],
    ['ramdisk more', () => other({ ramdisks: [...built.ramdisks, built.ramdisks[1]] }), 'ramdisk 2', null, 'too many'],
  ])('differs in its %s', (_, make, section, file, detail) => {
    const difference = compareImages(make(), built.eif);
    expect(difference).toMatchObject({ section, file });
    expect(difference?.detail).toContain(detail);
  });

  it('differs in its header', () => {
    const metadata = JSON.parse(new TextDecoder().decode(readEif(built.eif).metadata ?? utf8('{}'))) as typeof METADATA;
    expect(compareImages(other({ metadata }), built.eif)).toBeNull();
    expect(compareImages(other({ metadata, defaultCpus: 4n }), built.eif)).toMatchObject({ section: 'header' });
  });

  it('names the file whose source was changed', async () => {
    const parts = await loadParts(workshop);
    appendFileSync(join(workshop.nativeFolder, 'confine'), '.');
    const changed = await buildImage(workshop);
    expect(compareImages(assembleImage(parts).eif, changed.eif)).toMatchObject({
      section: 'ramdisk 0',
      file: '/bin/confine',
    });
  });

  it('must be an image', () => {
    expect(() => compareImages(utf8('no image'), built.eif)).toThrow(ImageError);
  });
});
