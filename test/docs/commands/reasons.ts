import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from './blocks.ts';
import { testsOfExample } from './examples.ts';

/** Why a block of commands is not run by this test. Whoever needs another reason writes it here, and thinks again. */
export const REASONS: readonly string[] = [
  'needs AWS hardware',
  'needs AMD hardware',
  'needs a kernel of yours',
  'needs a worker of yours',
  'needs packages that are fetched first',
  'needs a network',
  'installs packages of the system',
  'installs packages from a registry',
  'is what CI runs',
  'is too long for a test',
];

/** The same said with the test that runs it: the file must be there. */
const OWN_TEST = /^has a test of its own: (\S+)$/;

/** Undefined where the block is to be run. Throws where what is said is no reason. */
export function reasonOf(root: string, block: Block): string | undefined {
  const said = block.notRun ?? testsOfExample(root, block.page);
  if (said === undefined || REASONS.includes(said)) return said;
  const file = OWN_TEST.exec(said)?.[1];
  if (file !== undefined && existsSync(join(root, file))) return 'has a test of its own';
  throw new Error(`${block.page}:${block.line}: "${said}" is none of the reasons in test/docs/commands/reasons.ts`);
}
