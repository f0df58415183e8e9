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

/** Blocks of pages whose text is not to be written here, by their first line. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'README.md make demo': 'is what CI runs',
  'README.md make check': 'is what CI runs',
  'README.md npm run -s proofmark -- demo --tee amd-sev-snp': 'installs packages of the system',
  'README.md npm run -s proofmark -- image build --flavour vm --out image/': 'needs packages that are fetched first',
  'README.md npm install proofmark': 'installs packages from a registry',
  'README.md ONNXRUNTIME_NODE_INSTALL=skip npm install proofmark express lmdb node-forge onnxruntime-node':
    'installs packages from a registry',
};

/** Undefined where the block is to be run. Throws where what is said is no reason. */
export function reasonOf(root: string, block: Block): string | undefined {
  const first = (block.body.split('\n')[0] as string).split(/\s+#\s/)[0]?.trim() ?? '';
  const said = block.notRun ?? ELSEWHERE[`${block.page} ${first}`] ?? testsOfExample(root, block.page);
  if (said === undefined || REASONS.includes(said)) return said;
  const file = OWN_TEST.exec(said)?.[1];
  if (file !== undefined && existsSync(join(root, file))) return 'has a test of its own';
  throw new Error(`${block.page}:${block.line}: "${said}" is none of the reasons in test/docs/commands/reasons.ts`);
}
