import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Style } from '../report.ts';

/** What a command may touch: its streams and where state lives. Tests give their own. */
export interface CommandContext {
  readonly args: readonly string[];
  readonly style: Style;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly now: () => number;
  /** Whether what is warned of appears on a terminal, where it can be drawn over. */
  readonly terminal: { readonly columns: number } | 'none';
  /** Whether long work is told of on the way: not with --json or --quiet. */
  readonly progress: 'shown' | 'none';
}

export type Command = (context: CommandContext) => Promise<number>;

/** Keys of the simulated root and of the demo's publisher belong to this machine's user, not to a checkout. */
export function defaultStateDirectory(): string {
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return join(base, 'proofmark');
}
