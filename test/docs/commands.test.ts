import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, isCommands, stepsOf } from './commands/blocks.ts';
import { type Stranger, startStranger } from './commands/materials.ts';
import { reasonOf } from './commands/reasons.ts';
import { commandBlocks, runPage } from './commands/run-page.ts';
import { openShell, type Shell } from './commands/shell.ts';
import { typeProblems } from './commands/typescript.ts';
import { documents } from './markdown.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Pages that tell somebody what to type. The others are lists of what happened, or tell what is missing. */
const PAGES = documents(ROOT).filter((page) => /^(README\.md|(docs|deploy|models|examples)\/.*)$/.test(page));
const running = PAGES.filter((page) => commandBlocks(ROOT, page).some(([, reason]) => reason === undefined));

let scratch: string;
let shell: Shell;
let stranger: Stranger;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'pm-docs-'));
  shell = openShell(ROOT, join(scratch, 'stranger'));
  stranger = await startStranger(ROOT, shell);
}, 240_000);

afterAll(async () => {
  await shell?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('every command on the pages', () => {
  test('is run, or says why not', () => {
    const counts = new Map<string, number>();
    for (const page of PAGES) {
      for (const [, reason = 'run'] of commandBlocks(ROOT, page)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    console.log([...counts].map(([reason, count]) => `${count} blocks: ${reason}`).join('\n'));
    expect(counts.get('run')).toBeGreaterThan(5);
  });

  test.each(running)(
    'does what %s says',
    async (page) => {
      const done = await runPage({ root: ROOT, page, stranger, folder: join(scratch, page.replaceAll('/', '-')) });
      expect(done.filter(({ problem }) => problem !== '')).toEqual([]);
      expect(done.length).toBeGreaterThan(0);
    },
    180_000,
  );

  test('in TypeScript has the types that the package has', () => {
    const blocks = PAGES.filter((page) => !page.startsWith('docs/api/'))
      .flatMap((page) => blocksOf(page, readFileSync(join(ROOT, page), 'utf8')))
      .filter(({ language }) => language === 'ts' || language === 'typescript');
    expect(blocks.length).toBeGreaterThan(2);
    expect(typeProblems(ROOT, blocks)).toEqual([]);
  }, 240_000);
});

describe('a block', () => {
  const one = (text: string) => {
    const [block] = blocksOf('docs/x.md', text);
    if (block === undefined) throw new Error('no block');
    return block;
  };

  test('without a language is commands where it begins with a program', () => {
    expect(isCommands(one('```\nproofmark doctor\n```\n'))).toBe(true);
    expect(isCommands(one('```\nFOO=bar npm install x\n```\n'))).toBe(true);
    expect(isCommands(one('```\n+---+\n```\n'))).toBe(false);
    expect(isCommands(one('```text\nproofmark doctor\n```\n'))).toBe(false);
  });

  test('gives its steps with continued lines, documents and the codes that it states', () => {
    const body = 'a --b \\\n  c   # a word\n\nd # refused: exit code 30\ncat >x <<END\n# kept\nEND\n';
    expect(stepsOf(body)).toEqual([
      { text: 'a --b  c', exitCode: undefined },
      { text: 'd', exitCode: 30 },
      { text: 'cat >x <<END\n# kept\nEND', exitCode: undefined },
    ]);
  });

  test('is not excused by a reason that is not on the list, or by a test that is not there', () => {
    const excused = (why: string): string | undefined =>
      reasonOf(ROOT, one(`<!-- not run: ${why} -->\n\`\`\`\nmake x\n\`\`\`\n`));
    expect(excused('needs AWS hardware')).toBe('needs AWS hardware');
    expect(excused('has a test of its own: test/docs/commands.test.ts')).toBe('has a test of its own');
    expect(() => excused('nobody felt like it')).toThrow('none of the reasons');
    expect(() => excused('has a test of its own: test/nowhere.test.ts')).toThrow('none of the reasons');
  });
});
