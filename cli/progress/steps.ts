import type { CommandContext } from '../commands/context.ts';
import { printable } from '../report.ts';
import { createDrawnLines } from './drawn.ts';

/** Long work as its steps: one line that is drawn again on a terminal, a line for each step elsewhere. */
export interface Steps {
  begin(what: string): void;
  /** Nothing of it stays on a terminal. */
  end(): void;
}

type Told = Pick<CommandContext, 'warn' | 'terminal' | 'progress'>;

/** `total` where it is known how many there are. */
export function createSteps({ warn, terminal, progress }: Told, total: number | 'unknown' = 'unknown'): Steps {
  if (progress === 'none') return { begin: () => undefined, end: () => undefined };
  const lines = createDrawnLines(warn);
  let count = 0;
  return {
    begin(what) {
      count += 1;
      const place = total === 'unknown' ? '…' : `[${count}/${total}]`;
      const line = `${place} ${printable(what)}`;
      if (terminal === 'none') warn(`${line}\n`);
      else lines.draw([line.slice(0, terminal.columns - 1)]);
    },
    end: lines.erase,
  };
}
