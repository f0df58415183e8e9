import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the README of an example shows is run by the test of that example, if a test names its folder. */
export function testsOfExample(root: string, page: string): string | undefined {
  if (!page.startsWith('examples/')) return undefined;
  const folder = page.split('/')[1] === 'README.md' ? 'examples' : page.split('/').slice(0, 2).join('/');
  const name = folder.split('/').at(-1) as string;
  const tests = readdirSync(join(root, 'test/examples'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const naming = tests.find((file) => readFileSync(join(root, 'test/examples', file), 'utf8').includes(name));
  return naming === undefined ? undefined : `has a test of its own: test/examples/${naming}`;
}
