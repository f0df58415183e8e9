import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { choosePort } from '../../../cli/stack/port.ts';
import { type Block, blocksOf, isCommands, stepsOf } from './blocks.ts';
import { layOut, type Stranger } from './materials.ts';
import { reasonOf } from './reasons.ts';
import { expectedCodes, readyLineOf, type Situation, spelledFor } from './recipes.ts';
import { openShell } from './shell.ts';

export interface StepRun {
  readonly block: Block;
  /** As the page has it. */
  readonly command: string;
  readonly ms: number;
  /** Empty where it went as the page says. */
  readonly problem: string;
}

export interface PageOptions {
  readonly root: string;
  readonly page: string;
  readonly stranger: Stranger;
  /** An empty folder. */
  readonly folder: string;
}

/** Every block of commands of a page with why it is not run, or undefined. */
export function commandBlocks(root: string, page: string): readonly (readonly [Block, string | undefined])[] {
  return blocksOf(page, readFileSync(join(root, page), 'utf8'))
    .filter(isCommands)
    .map((block) => [block, reasonOf(root, block)]);
}

/** Runs what is to be run of a page, in order, and stops at the first step that does not go as the page says. */
export async function runPage({ root, page, stranger, folder }: PageOptions): Promise<readonly StepRun[]> {
  const blocks = commandBlocks(root, page).filter(([, reason]) => reason === undefined);
  if (blocks.length === 0) return [];
  mkdirSync(folder, { recursive: true });
  layOut(root, folder, stranger);
  const shell = openShell(root, folder);
  const ports = { hostPort: await choosePort(), hubPort: await choosePort() };
  const done: StepRun[] = [];
  let said = '';
  try {
    for (const [block] of blocks) {
      for (const step of stepsOf(block.body)) {
        const situation: Situation = { stranger, ...ports, said };
        const command = spelledFor(step.text, situation);
        const started = performance.now();
        const ready = readyLineOf(command);
        let problem = '';
        if (ready !== undefined) {
          said += await shell.serve(command, ready).catch((error: unknown) => {
            problem = String(error);
            return '';
          });
        } else {
          const ended = await shell.run(command);
          said += ended.text;
          const right = ended.code !== null && expectedCodes(command, step.exitCode).includes(ended.code);
          if (!right) problem = `ended with ${ended.code}:\n${ended.text}`;
        }
        done.push({ block, command: step.text, ms: performance.now() - started, problem });
        if (problem !== '') return done;
      }
    }
    return done;
  } finally {
    await shell.close();
  }
}
