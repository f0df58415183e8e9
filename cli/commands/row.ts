import type { Command } from './context.ts';
import type { FamilyCommands } from './family.ts';

/** What somebody wants to get done, in the order of `proofmark --help`. */
export const tasks = {
  try: 'See it work',
  check: 'Check what others computed',
  ask: 'Ask a model',
  publish: 'Publish models',
  run: 'Run a worker of your own',
  pay: 'Register, rule and settle on a chain',
  shell: 'For your shell',
} as const;

export type Task = keyof typeof tasks;

export interface CommandRow {
  readonly name: string;
  readonly task: Task;
  /** One line, without a full stop. */
  readonly summary: string;
  /** All that it says of itself; of a family, what its commands have in common. */
  readonly usage: string;
  readonly commands?: FamilyCommands;
  /** On demand: some need optional packages, and none needs those of another. */
  readonly load: () => Promise<Command>;
}

/** The texts of a row: its own, and those of its commands, of which some are told of together. */
export function textsOf({ usage, commands = {} }: CommandRow): readonly string[] {
  return [usage, ...new Set(Object.values(commands).map((command) => command.usage))];
}
