import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { demoLevels } from '../../cli/levels/settled.ts';
import { BASELINE, GAS } from './figures.ts';
import { aims, spectrumAims } from './figures-aims.ts';
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
  const figures = committed(BASELINE);
  const missed = aims.filter(({ key, reached }) => figures[key] !== undefined && !reached(figures[key]));
  expect(page.match(/\*\*missed\*\*/g)?.length ?? 0).toBe(missed.length);
});

test('the page of the levels names each level, and every aim that was missed', () => {
  const page = readFileSync(pageUrl('docs/spectrum.md'), 'utf8');
  for (const level of demoLevels) expect(page).toContain(`\n## ${level}\n`);
  for (const { key, wanted } of spectrumAims) expect(page).toContain(`\`${key}\` | ${wanted} |`);
  const missed = spectrumAims.filter(({ key, reached }) => !reached(committed(BASELINE)[key] ?? Number.NaN));
  expect(page.match(/\*\*missed\*\*|not measured/g)?.length ?? 0).toBe(missed.length);
});

test('what a level costs in gas is what was measured last, in both files', () => {
  for (const level of demoLevels) {
    const [bench, gas] = [committed(BASELINE)[`spectrum.${level}.gas`], committed(GAS)[`osaka.spectrum.${level}.gas`]];
    // The one is copied from the other when the bench runs; a gas that has changed since by more is not measured any more.
    expect((bench ?? Number.NaN) / (gas ?? Number.NaN), level).toBeCloseTo(1, 2);
  }
});

function committed(path: string): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(pageUrl(path), 'utf8')) as Readonly<Record<string, number>>;
}
