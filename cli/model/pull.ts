import type { Pulled } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine, printable, rowLines } from '../report.ts';
import { hubOptions, onlyPositional, publisherOption, publishersOf, required, withHub } from './hub-options.ts';

const options = {
  ...hubOptions,
  ...publisherOption,
  out: { type: 'string' },
  'allow-yanked': { type: 'boolean' },
} as const;

export async function modelPull(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const reference = onlyPositional(parsed, 'a release: namespace/name, namespace/name@version, or a model id');
  const publishers = publishersOf(parsed);
  const directory = required(parsed, 'out');
  const yanked = parsed.values['allow-yanked'] === true ? 'allow' : 'refuse';
  // What its owner took back is not what a name means by itself.
  if (yanked === 'allow' && !/@|^[0-9a-f]{64}$/.test(reference)) {
    throw new UsageError('--allow-yanked goes with a version or a model id');
  }
  const pulled = await withHub(context, parsed, publishers, (hub) => hub.pull(reference, { directory, yanked }));
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify(pulledJson(pulled, directory))));
  else context.write(pulledLines(pulled, directory));
  warnOf(context, pulled);
  return exitCode.accepted;
}

function pulledJson({ release, standing, fetchedFiles, keptFiles }: Pulled, directory: string): object {
  const { modelId, manifest } = release.facts;
  return {
    repository: `${release.namespace}/${manifest.name}`,
    version: manifest.version,
    modelId: toHex(modelId),
    owner: toHex(manifest.owner),
    form: release.form,
    status: standing,
    sequence: release.status === null ? null : `${release.status.sequence}`,
    fetchedFiles,
    keptFiles,
    directory,
  };
}

function pulledLines({ release, standing, fetchedFiles, keptFiles }: Pulled, directory: string): string {
  const { modelId, manifest } = release.facts;
  return rowLines([
    ['repository', `${release.namespace}/${manifest.name}`],
    ['version', manifest.version],
    ['model id', toHex(modelId)],
    ['owner', toHex(manifest.owner)],
    ['status', standing],
    ['files', `${fetchedFiles} fetched, ${keptFiles} were there`],
    ['folder', directory],
  ]);
}

function warnOf({ warn }: CommandContext, { release, standing }: Pulled): void {
  const { name, version } = release.facts.manifest;
  if (standing === 'deprecated') warn(`warning: ${printable(name)} ${printable(version)} is deprecated by its owner\n`);
  if (standing === 'yanked') warn(`warning: ${printable(name)} ${printable(version)} was taken back by its owner\n`);
  if (release.form === 'encrypted') {
    warn('note: the files are sealed; only a worker that gets their key can hold them against the manifest\n');
  }
}
