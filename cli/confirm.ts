import type { CommandContext } from './commands/context.ts';
import { UsageError } from './exit-codes.ts';

/** Somebody has to say so, at the keyboard or on the command line. */
export async function confirm(
  { terminal }: Pick<CommandContext, 'terminal'>,
  question: string,
  said: { readonly yes: unknown },
): Promise<'yes' | 'no'> {
  if (said.yes === true) return 'yes';
  if (terminal === 'none' || !process.stdin.isTTY) {
    throw new UsageError('--yes is required where nobody can be asked');
  }
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim()) ? 'yes' : 'no';
  } finally {
    lines.close();
  }
}
