import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusFolder, fileName, readCorpus } from './driver/corpus.ts';
import { targets } from './targets.ts';

/** What fuzzing found, replayed: each file reached a branch that no other one did, or crashed a target once. */
const CORPUS_BYTES = 300_000;

const root = process.cwd();
const here = join(root, 'test', 'fuzz');

describe('the corpus of coverage-guided fuzzing', () => {
  it.each(Object.entries(targets))('holds for %s', async (name, { fuzz }) => {
    const corpus = readCorpus(corpusFolder(root, name));
    for (const [file, input] of corpus) {
      expect(file.replace('crash-', '')).toBe(fileName(input));
      await fuzz(input);
    }
  });

  it('belongs to targets, and stays small', () => {
    const files = readdirSync(join(here, 'corpus'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const folders = new Set(files.map(({ parentPath }) => relative(join(here, 'corpus'), parentPath)));
    expect([...folders].sort()).toEqual(Object.keys(targets).sort());
    const bytes = Object.keys(targets)
      .flatMap((name) => [...readCorpus(corpusFolder(root, name)).values()])
      .reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(CORPUS_BYTES);
  });

  it('has a target for every file that is one', () => {
    const files = readdirSync(here, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.fuzz.ts') && !path.startsWith('driver'))
      .map((path) => path.replace('.fuzz.ts', ''));
    expect(files.sort()).toEqual(Object.keys(targets).sort());
  });
});
