import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocksOf, isCommands, stepsOf } from './commands/blocks.ts';
import { commandBlocks } from './commands/run-page.ts';
import { measuredText, PATH_PAGE, shortened, withMeasured } from './path/measured.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(ROOT, PATH_PAGE), 'utf8');

/** What a section's heading promises, and the commands that stand in it. */
function sections(): readonly { readonly title: string; readonly commands: readonly string[] }[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((text) => ({
      title: text.split('\n')[0] as string,
      commands: blocksOf(PATH_PAGE, text)
        .filter(isCommands)
        .flatMap(({ body }) => stepsOf(body).map(({ text: command }) => command)),
    }));
}

const NUMBERS: Readonly<Record<string, number>> = { two: 2, three: 3 };

describe('a stranger’s path', () => {
  test('verifies an answer of somebody else’s host with three commands', () => {
    const { title, commands } = sections().find(({ title: heading }) => heading.startsWith('2.')) ?? {};
    expect(title).toMatch(/three commands$/);
    expect(commands?.map((command) => command.split(' ').slice(0, 3).join(' '))).toEqual([
      'npm install proofmark',
      'npx proofmark chat',
      'npx proofmark audit',
    ]);
  });

  test('has no more commands up to what its headings promise than they say', () => {
    for (const { title, commands } of sections()) {
      const promised = NUMBERS[/: (\w+) commands$/.exec(title)?.[1] ?? ''];
      if (promised === undefined) continue;
      expect(commands.length, title).toBeGreaterThanOrEqual(promised);
    }
    expect(sections().filter(({ title }) => /commands$/.test(title))).toHaveLength(4);
  });

  test('was measured with the commands that it has now (npx tsx test/docs/path/write.ts)', () => {
    const run = commandBlocks(ROOT, PATH_PAGE)
      .filter(([, reason]) => reason === undefined)
      .flatMap(([{ body }]) => stepsOf(body).map(({ text }) => `\`${shortened(text).replaceAll('|', '\\|')}\``));
    const measured = [...page.matchAll(/^\| (`.+`) \| [0-9.]+ \|$/gm)].map(([, command]) => command);
    expect(measured).toEqual(run);
  });

  test('is measured between its markers, and nowhere else', () => {
    const [block] = blocksOf(PATH_PAGE, '```\nproofmark doctor\n```\n');
    const text = measuredText(
      [{ block: block as never, command: 'proofmark doctor', ms: 1_234, problem: '' }],
      new Date(0),
    );
    expect(text).toContain('| `proofmark doctor` | 1.2 |');
    expect(text).toContain('1970-01-01');
    const filled = withMeasured(page, text);
    expect(filled.split('<!-- measured: path -->')[0]).toBe(page.split('<!-- measured: path -->')[0]);
    expect(() => withMeasured('# no place', text)).toThrow('no place');
  });
});
