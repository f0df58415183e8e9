import { UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import type { Command } from './context.ts';

/** A command that is many, as `proofmark model publish`. */
export interface FamilyCommand {
  readonly usage: string;
  readonly load: () => Promise<Command>;
}

export type FamilyCommands = Readonly<Record<string, FamilyCommand>>;

/** Runs the one that the first word names. */
export function familyOf(name: string, commands: FamilyCommands): Command {
  return async (context) => {
    const [word, ...args] = context.args;
    const found = word !== undefined && Object.hasOwn(commands, word) ? commands[word] : undefined;
    if (found === undefined) throw new UsageError(noSuch(name, word, Object.keys(commands)));
    const command = await found.load();
    return command({ ...context, args });
  };
}

function noSuch(name: string, word: string | undefined, known: readonly string[]): string {
  if (word === undefined || word.startsWith('-')) return `${name}: ${known.join(', ')}; see proofmark ${name} --help`;
  return `no command "${name} ${word}"${didYouMean(word, known)}; see proofmark ${name} --help`;
}
