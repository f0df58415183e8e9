import type { Manifest } from '../../wire/message/manifest.ts';
import type { GraphFacts, ValueFacts } from './facts.ts';

/** A card for a person to write on: what the file tells stands in it, and questions stand where only a person knows. */
export function cardOf(model: {
  readonly name: string;
  readonly kind: Manifest['kind'];
  readonly entry: string;
  readonly graph: GraphFacts;
}): string {
  const { name, kind, entry, graph } = model;
  return [
    `# ${name}`,
    'What does it do, and for whom?',
    ...(kind === 'tensor'
      ? ['## Inputs', table(graph.inputs), '## Outputs', table(graph.outputs)]
      : ['## How to ask it']),
    '## Where it comes from',
    `\`${entry}\` was written by ${plain(graph.producer) || 'an unknown program'}. On what was it trained, by whom, and how well does it do on what?`,
    '## What it is not for',
    'What goes wrong, and who could be harmed by that?',
    '',
  ].join('\n\n');
}

function table(values: readonly ValueFacts[]): string {
  const rows = values.map(({ name, type, datatype, shape }) => {
    const sizes = shape === null ? 'not said' : `[${shape.map((size) => (size === '' ? '?' : size)).join(', ')}]`;
    return `| ${plain(name)} | ${datatype ?? type} | ${plain(sizes)} | ? |`;
  });
  return ['| name | type | shape | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Names are the exporter's, and end up in a page. */
function plain(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{Zs}]/gu, '�')
    .replaceAll(/[|<>`[\]()!]/g, (character) => `\\${character}`);
}
