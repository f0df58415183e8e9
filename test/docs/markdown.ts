import { execFileSync } from 'node:child_process';

/** Every page of the repository, also one that is not committed yet. */
export function documents(root: string): readonly string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
  return [...new Set(listed)].filter((path) => path !== '').sort();
}
