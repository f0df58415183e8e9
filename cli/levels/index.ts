import { type Parsed, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { chainOption, writeNoChain, writeTransactions } from '../commands/on-chain.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { jsonLine } from '../report.ts';
import { type DemoLevel, demoLevels, type Settled, settledJson, settledText } from './settled.ts';
import { type Stage, withStage } from './stage.ts';

/** How a question is settled at each level. Each is loaded when it is asked for: they need different packages. */
const settlers: Readonly<Record<DemoLevel, () => Promise<(stage: Stage) => Promise<Settled>>>> = {
  attested: async () => (await import('./attested.ts')).settleAttested,
  replayed: async () => (await import('./replayed.ts')).settleReplayed,
  recomputed: async () => (await import('./recomputed.ts')).settleRecomputed,
  proved: async () => (await import('./proved.ts')).settleProved,
};

export function settlerOf(level: DemoLevel): Promise<(stage: Stage) => Promise<Settled>> {
  return settlers[level]();
}

/** Undefined where none is named: the demo then shows the whole stack and no level of settlement by itself. */
export function levelOption(parsed: Parsed): DemoLevel | undefined {
  const level = textOption(parsed, 'level');
  if (level === undefined) return undefined;
  const known = demoLevels.find((name) => name === level);
  if (known === undefined) throw new UsageError(`--level ${level} is not ${demoLevels.join(', ')}`);
  return known;
}

/** One question over the integer model, settled at one level on a chain of this machine. */
export async function demoOfLevel(
  context: CommandContext,
  level: DemoLevel,
  { stateDirectory, parsed }: { readonly stateDirectory: string; readonly parsed: Parsed },
): Promise<void> {
  const strange = ['tier', 'tee', 'product'].find((name) => parsed.values[name] !== undefined);
  if (strange !== undefined) throw new UsageError(`--level ${level} takes no --${strange}`);
  const choice = await chainOption(parsed);
  if (choice.kind === 'none') {
    if (parsed.values['json'] !== true) writeNoChain(context, choice.why);
    throw new CommandError(`the level ${level} is settled on a chain, and there is none`);
  }
  const settle = await settlerOf(level);
  const steps = createSteps(context);
  await withStage({ stateDirectory, start: choice.start, steps }, async (stage) => {
    const settled = await settle(stage);
    steps.end();
    const sent = stage.onChain.local.done.slice(stage.prepared);
    if (parsed.values['json'] === true) {
      context.write(jsonLine(settledJson(settled, sent)));
      return;
    }
    context.write(settledText(settled, context.style));
    // What a host sent is in the text above.
    writeTransactions(context, stage.onChain, sent);
  });
}
