import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { aims } from './figures-aims.ts';
import { fillBlocks } from './markers.ts';
import { generatedPages, pageUrl } from './pages.ts';

test('what is generated is what the code, its comments and the measured figures say (npx tsx test/docs/write.ts)', () => {
  const pages = generatedPages();
  for (const { path, text } of pages) expect(readFileSync(pageUrl(path), 'utf8'), path).toBe(text);
  expect(pages.map(({ path }) => path)).toContain('docs/figures.md');
});

test('a part that no generator knows is an error, not an empty table', () => {
  const page = '<!-- generated: nobody knows it -->\n<!-- end generated -->';
  expect(() => fillBlocks(page, {})).toThrow('nobody knows it');
});

test('an aim that was missed stands beside its figure', () => {
  const page = readFileSync(pageUrl('docs/figures.md'), 'utf8');
  for (const { key, wanted } of aims) expect(page).toContain(`\`${key}\` | ${wanted} |`);
  const committed = JSON.parse(readFileSync(pageUrl('test/bench/baseline.json'), 'utf8')) as Record<string, number>;
  const missed = aims.filter(({ key, reached }) => committed[key] !== undefined && !reached(committed[key]));
  expect(page.match(/\*\*missed\*\*/g)?.length ?? 0).toBe(missed.length);
});
