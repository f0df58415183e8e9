import { toHex } from '../../wire/bytes.ts';
import { compareVersions } from '../../wire/message/versions.ts';
import { parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode } from '../exit-codes.ts';
import { jsonLine, printable } from '../report.ts';
import { hubOptions, onlyPositional, withHub } from './hub-options.ts';

/** A list is a claim of the hub's; a pull holds each line against what its publisher signed. */
export async function modelVersions(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, hubOptions);
  const repository = onlyPositional(parsed, 'a repository: namespace/name');
  const listed = await withHub(context, parsed, 'any', (hub) => hub.versions(repository));
  const newestFirst = [...listed.versions].sort((a, b) => compareVersions(b.version, a.version));
  if (parsed.values['json'] === true) {
    const versions = newestFirst.map((one) => ({ ...one, modelId: toHex(one.modelId) }));
    context.write(jsonLine(JSON.stringify({ ...listed, versions })));
    return exitCode.accepted;
  }
  for (const { version, modelId, status, visibility } of newestFirst) {
    const words = [status, ...(visibility === 'private' ? ['private'] : [])].join(', ');
    context.write(`${printable(version).padEnd(16)} ${toHex(modelId)}  ${words}\n`);
  }
  context.warn('what the hub says; model show and model pull hold it against signatures\n');
  return exitCode.accepted;
}
