import { join } from 'node:path';
import { parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine, printable } from '../report.ts';
import { type Initiated, initDraft } from './init.ts';

export async function init(context: CommandContext): Promise<number> {
  const option = { type: 'string' } as const;
  const parsed = parseArguments(context.args, { from: option, name: option, json: { type: 'boolean' } });
  const [directory = '.', ...more] = parsed.positionals;
  if (more.length > 0) throw new UsageError('model init: name one folder');
  const made = await initDraft({
    directory,
    from: textOption(parsed, 'from') ?? null,
    name: textOption(parsed, 'name') ?? null,
  });
  if (parsed.values['json'] === true) {
    context.write(jsonLine(JSON.stringify({ directory, ...made })));
    return exitCode.accepted;
  }
  context.write(
    linesOf(made, directory)
      .map((line) => `${printable(line)}\n`)
      .join(''),
  );
  return exitCode.accepted;
}

function linesOf({ name, kind, entry, written, kept, licenceInCard }: Initiated, directory: string): readonly string[] {
  return [
    `${name}: a draft of a ${kind} release, with ${entry} as its entry`,
    ...written.map((path) => `  wrote ${join(directory, path)}`),
    ...kept.map((path) => `  left ${join(directory, path)} as it is`),
    'What only you know is still to be written:',
    `  licence in release.json: the draft is refused without one${licenceInCard === null ? '' : `; the card names ${licenceInCard}, if that is right`}`,
    '  description and task, and what README.md asks',
    ...(written.some((path) => path.startsWith('samples/'))
      ? ['  samples: a request that means something, and its response']
      : []),
    ...(kind === 'tensor'
      ? ['  execution.batchRows above 1, if rows of the first dimension do not depend on one another']
      : []),
    `Then: proofmark model check ${directory} --run`,
  ];
}
