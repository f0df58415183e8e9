import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { threats } from '../house/rules/threats.ts';
import { brokenLinks, headings } from './links.ts';
import { documents } from './markdown.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('pages', () => {
  test('link to files and headings that are there', () => {
    const broken = documents(ROOT).flatMap((page) => brokenLinks(ROOT, page, readFileSync(join(ROOT, page), 'utf8')));
    expect(broken).toEqual([]);
  });

  test('that name tests name tests that exist: the promises of docs/security-model.md', () => {
    const page = readFileSync(join(ROOT, 'docs/security-model.md'), 'utf8');
    expect(page.match(/^\| A\d \|/gm)).toHaveLength(9);
    // Only what the page names: reading every test for their titles takes long.
    const named = new Set([...page.matchAll(/`([\w./-]+\.(?:test\.ts|t\.sol)) > /g)].map(([, path = '']) => path));
    const files = [...named].filter((path) => existsSync(join(ROOT, path)));
    const tree = new Map(files.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
    tree.set('THREATS.md', page);
    expect(threats.find(tree)).toEqual([]);
  });

  test('have an index that leads to each of them', () => {
    const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
    const pages = documents(ROOT).filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
  });
});

describe('a link', () => {
  test('to a heading that was renamed, or a file that is gone, is found', () => {
    const of = (target: string): string | undefined => brokenLinks(ROOT, 'docs/x.md', `[a](${target})`)[0]?.why;
    expect(of('protocol.md#the-log')).toBeUndefined();
    expect(of('https://example.org/nowhere')).toBeUndefined();
    expect(of('protocol.md#no-such-heading')).toBe('there is no such heading');
    expect(of('no-such-page.md')).toBe('there is no such file');
    expect(of('../verifier/index.ts#line')).toBe('only pages have headings');
  });

  test('finds headings with digits, code and punctuation', () => {
    expect(headings('# 1. Build, and let `others` build\n## The `.proofmark` file')).toEqual(
      new Set(['1-build-and-let-others-build', 'the-proofmark-file']),
    );
  });
});
