import type { Hub, ProvenRelease } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode } from '../exit-codes.ts';
import { heading, jsonLine, printable, rowLines } from '../report.ts';
import { bytesText, durationText } from './amounts.ts';
import type { OnChainRelease } from './chain.ts';
import { registryOf, registryOptions } from './chain-options.ts';
import { hubOptions, onlyPositional, publisherOption, publishersOf, withHub } from './hub-options.ts';

const options = { ...hubOptions, ...publisherOption, ...registryOptions } as const;
const CARD = 'README.md';
const CARD_BYTES = 262_144;
const CARD_LINES = 40;

interface Shown {
  readonly release: ProvenRelease;
  readonly card: string | null;
  /** Undefined where nobody asked for a chain. */
  readonly onChain: OnChainRelease | undefined;
}

export async function modelShow(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const reference = onlyPositional(parsed, 'a release: namespace/name, namespace/name@version, or a model id');
  const publishers = publishersOf(parsed);
  const registry = registryOf(parsed);
  const shown = await withHub(context, parsed, publishers, async (hub): Promise<Shown> => {
    const release = await hub.release(reference);
    const { modelId, manifest } = release.facts;
    const chain = registry === undefined ? undefined : await (await import('./chain.ts')).openModelChain(registry);
    return { release, card: await cardOf(hub, release), onChain: await chain?.release(manifest.owner, modelId) };
  });
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify(shownJson(shown))));
  else context.write(shownLines(context, shown));
  return exitCode.accepted;
}

async function cardOf(hub: Hub, release: ProvenRelease): Promise<string | null> {
  const file = release.facts.manifest.files.find(({ path }) => path === CARD);
  if (file === undefined || release.form === 'encrypted' || file.size > CARD_BYTES) return null;
  return new TextDecoder().decode(await hub.smallFile(release, CARD, CARD_BYTES));
}

function shownJson({ release, card, onChain }: Shown): object {
  const { facts, status, signed, namespace, form, contents } = release;
  const { schema: _, files: __, ...manifest } = facts.manifest;
  return {
    repository: `${namespace}/${manifest.name}`,
    modelId: toHex(facts.modelId),
    ...manifest,
    owner: toHex(manifest.owner),
    circuit: manifest.circuit === null ? null : toHex(manifest.circuit),
    signature: toHex(signed.signature),
    status: status === null ? null : { status: status.status, sequence: `${status.sequence}` },
    form,
    files: contents.map((file) => ({ ...file, sha256: toHex(file.sha256) })),
    card,
    onChain:
      onChain === undefined
        ? null
        : {
            listedAt: onChain.listedAt?.toISOString() ?? null,
            status: onChain.status,
            sequence: `${onChain.sequence}`,
          },
  };
}

function shownLines({ style }: CommandContext, { release, card, onChain }: Shown): string {
  const { facts, status, namespace, form, contents } = release;
  const { modelId, manifest } = facts;
  const said =
    status === null
      ? 'the hub shows no word of the owner'
      : `${status.status}, number ${status.sequence}, signed by the owner`;
  const about = rowLines([
    ['repository', `${namespace}/${manifest.name}`],
    ['version', manifest.version],
    ['model id', toHex(modelId)],
    ['owner', toHex(manifest.owner)],
    ['signature', 'of the owner over the model id: verified'],
    ['status', said],
    ['on chain', onChainText(onChain)],
    ['kind', manifest.kind],
    ['task', manifest.task],
    ['licence', manifest.licence],
    ['tags', manifest.tags.join(' ')],
    ['description', manifest.description],
  ]);
  const tensors = [
    ...manifest.inputs.map((tensor) => ['input', tensor] as const),
    ...manifest.outputs.map((tensor) => ['output', tensor] as const),
  ].map(([word, { name, datatype, shape }]) => [`${word} ${name}`, `${datatype}[${shape.join()}]`] as const);
  const { execution, limits } = manifest;
  const runs = rowLines([
    ...tensors,
    [
      'engine',
      `${execution.engine}, ${execution.optimisation}, ${execution.threads} thread(s), ${execution.batchRows} row(s) at once`,
    ],
    ['memory', bytesText(limits.memoryBytes)],
    ['time', durationText(limits.runMilliseconds)],
    ['samples', String(manifest.samples.length)],
  ]);
  const files = contents
    .map(
      ({ path, size, sha256 }) =>
        `  ${bytesText(size).padStart(8)}  ${toHex(sha256).slice(0, 16)}…  ${printable(path)}\n`,
    )
    .join('');
  return [
    heading(`${printable(manifest.name)} ${printable(manifest.version)}`, style) + about,
    heading('Runs as', style) + runs,
    heading(form === 'plain' ? 'Files' : 'Files (sealed: only a worker can hold them against the manifest)', style) +
      files,
    card === null ? '' : heading('Card', style) + cardLines(card),
  ].join('');
}

function onChainText(onChain: OnChainRelease | undefined): string {
  if (onChain === undefined) return 'not asked (--chain and --registry)';
  const { listedAt, status, sequence } = onChain;
  const listed = listedAt === null ? 'not listed' : `listed ${listedAt.toISOString()}`;
  return sequence === 0n ? listed : `${listed}; ${status}, number ${sequence}`;
}

/** The publisher's text, digest and all; still a stranger's, so that no line of it reaches the terminal as it is. */
function cardLines(card: string): string {
  const lines = card.split(/\r?\n/);
  const shown = lines.slice(0, CARD_LINES).map((line) => `  ${printable(line)}\n`);
  return shown.join('') + (lines.length > CARD_LINES ? `  … ${lines.length - CARD_LINES} lines more\n` : '');
}
