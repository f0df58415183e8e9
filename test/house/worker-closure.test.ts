import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type WorkerClosure, workerClosure } from '../../enclave/worker/build/bundle.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const COMMITTED = join(import.meta.dirname, 'worker-closure.json');

/**
 * DESIGN section 2: what a reviewer of the measured program has to read. Lines are those that the program holds. The design
 * wanted 3,000 of our own in all. The worker's own folder passed that when it learned to speak to two kinds of hardware, to
 * confine its models by the kernel, to open envelopes of a key service, and to keep account of channels; `wire/`, which verifiers read as well, has a
 * bound of its own, which moved when contracts began to ask in integers. Language models moved all of them: what worker and
 * host say about streams, cancels and their bodies is counted with the rest, what runs beside the model in its own confined
 * process has a bound of its own. Commitments moved both again: a worker that commits to integers as circuits do holds Poseidon
 * and the generator of its constants, 190 lines of wire/, and 15 of its own say where; 11 more came with text that is passed on
 * forty times a second. Auditors and levels need 35 lines of the one table of limits, none of which the worker asks.
 * LIMITATIONS.md says so. Moving a bound is a decision, too.
 */
const BOUNDS = { workerLines: 4_330, languageLines: 1_900, wireLines: 4_050, packages: 8 } as const;
const LANGUAGE = 'enclave/worker/model/language/';

interface CommittedClosure {
  readonly files: readonly string[];
  readonly packages: readonly string[];
  readonly native: readonly string[];
}

let closure: WorkerClosure;

beforeAll(async () => {
  closure = await workerClosure({ root: ROOT });
  if (process.env['PROOFMARK_WRITE_CLOSURE'] === 'yes') {
    writeFileSync(COMMITTED, `${JSON.stringify(withoutLines(closure), null, 2)}\n`);
  }
});

function withoutLines({ ownFiles, packages, native }: WorkerClosure): CommittedClosure {
  return { files: ownFiles.map((file) => file.path), packages, native };
}

function linesUnder(folder: string): number {
  return closure.ownFiles
    .filter((file) => file.path.startsWith(folder))
    .reduce((sum, file) => sum + file.programLines, 0);
}

describe('the import closure of the measured program', () => {
  it('is printed', () => {
    const files = closure.ownFiles.map(
      ({ path, programLines, sourceLines }) =>
        `${String(programLines).padStart(5)} of ${String(sourceLines).padStart(3)} ${path}`,
    );
    const totals = ['enclave/worker/', LANGUAGE, 'wire/', ''].map(
      (folder) => `${String(linesUnder(folder)).padStart(5)} lines under ${folder === '' ? 'all' : folder}`,
    );
    const packages = `packages (bound ${BOUNDS.packages}): ${closure.packages.join(', ')}`;
    console.log([...files, ...totals, packages, `native: ${closure.native.join(', ')}`].join('\n'));
    expect(closure.ownFiles.length).toBeGreaterThan(0);
  });

  it('is the committed list: a new file, package or native library is a decision', () => {
    expect(withoutLines(closure)).toEqual(JSON.parse(readFileSync(COMMITTED, 'utf8')));
  });

  it('is at most 4,330 lines of the worker, 1,900 beside a language model, and 4,050 of wire/', () => {
    expect(linesUnder('enclave/worker/') - linesUnder(LANGUAGE)).toBeLessThanOrEqual(BOUNDS.workerLines);
    expect(linesUnder(LANGUAGE)).toBeLessThanOrEqual(BOUNDS.languageLines);
    expect(linesUnder(LANGUAGE)).toBeGreaterThan(500);
    expect(linesUnder('wire/')).toBeLessThanOrEqual(BOUNDS.wireLines);
    expect(linesUnder('enclave/worker/')).toBeGreaterThan(1_000);
  });

  it('is at most 8 packages', () => {
    expect(closure.packages.length).toBeLessThanOrEqual(BOUNDS.packages);
  });

  it('holds files of wire/ and enclave/worker/ only', () => {
    const foreign = closure.ownFiles.filter(({ path }) => !/^(wire|enclave\/worker)\/(?!build\/)/.test(path));
    expect(foreign).toEqual([]);
  });
});
