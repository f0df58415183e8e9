import { formatEther } from 'viem';
import type { CommandContext } from '../commands/context.ts';
import { jsonLine, rowLines } from '../report.ts';
import type { Mined } from './node.ts';

/** What was sent, with what it cost. */
export interface Done {
  readonly what: string;
  readonly mined: Mined;
}

export function doneJson({ what, mined }: Done): object {
  const { hash, gasUsed, fee } = mined;
  return { what, hash, gasUsed: String(gasUsed), fee: String(fee) };
}

export function doneRow({ what, mined }: Done): readonly [string, string] {
  const { hash, gasUsed, fee } = mined;
  return [what, `${gasUsed.toLocaleString('en-US')} gas, ${formatEther(fee)} coins  ${hash}`];
}

type Row = readonly [name: string, value: string];

/** One answer of a command, in either form. */
export function answer(
  { write }: Pick<CommandContext, 'write'>,
  form: unknown,
  { facts, rows }: { readonly facts: object; readonly rows: readonly Row[] },
): void {
  write(form === true ? jsonLine(JSON.stringify(facts)) : rowLines(rows));
}
