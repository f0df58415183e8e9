import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from './exit-codes.ts';

/** A checkout has cli/ beside package.json, a package dist/cli/. */
export function programVersion(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = join(here, import.meta.url.endsWith('.ts') ? '..' : '../..');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version?: unknown };
  if (typeof version !== 'string') throw new CommandError('the package has no version');
  return version;
}
