import { type JudgedModel, type JudgedOffer, offerProblems, vouchers } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { encodePriceList, type LevelOffer } from '../../wire/message/price-list.ts';
import { heading, printable, type Style } from '../report.ts';

/** What a host offers, for people. Every line of it is the host's word but for what was held against a release or a policy. */
export function priceListText(models: readonly JudgedModel[], style: Style): string {
  const shown = models.map((model) => {
    const { release, modelId, offers } = model;
    const name = release === undefined ? 'a release that is not shown' : nameOf(release);
    const lines = offers.length === 0 ? '  nothing\n' : offers.map(offerLines).join('');
    return `${heading(`${name}`, style)}  ${toHex(modelId)}\n${lines}`;
  });
  return `${shown.join('')}${heading('Not proven', style)}${[
    'Prices, contracts, gas and seconds are the host’s word. Nobody signs this list.',
    'Of circuits only the digest was held against the release; of auditors only whether you name them.',
  ]
    .map((line) => `  ! ${line}\n`)
    .join('')}`;
}

function nameOf({ manifest: { name, version } }: NonNullable<JudgedModel['release']>): string {
  return `${printable(name)} ${printable(version)}`;
}

function offerLines({ offer, problems, circuit }: JudgedOffer): string {
  const { level, operation, unitPrice, gas, verifier } = offer;
  const head = `  ${level.padEnd(11)} ${operation.padEnd(11)} ${unitPrice} a unit${gas === null ? '' : `, ${gas.toLocaleString('en-US')} gas`}\n`;
  const about = [
    `by ${vouchers[level]}`,
    ...(verifier === null
      ? []
      : [`contract ${verifier.chainId}:${toHex(verifier.address)}, code ${toHex(verifier.codeHash)}`]),
    ...aboutLevel(offer, circuit),
  ];
  return (
    head +
    about.map((line) => `      ${printable(line)}\n`).join('') +
    problems.map((problem) => `    ✗ ${problem}: ${offerProblems[problem]}\n`).join('')
  );
}

const circuitWords = {
  matches: 'the one that the release names',
  differs: 'not the one that the release names',
  'not-looked-at': 'not held against the release, which is not shown',
} as const;

function aboutLevel(offer: LevelOffer, circuit: JudgedOffer['circuit']): readonly string[] {
  switch (offer.level) {
    case 'attested':
    case 'recomputed':
      return [];
    case 'replayed': {
      const { threshold, named } = offer.auditors;
      return [
        `${threshold} of ${named.length} auditors`,
        ...named.map(({ key, url }) => `auditor ${toHex(key)} at ${url}`),
      ];
    }
    case 'proved': {
      const time = offer.seconds === null ? '' : `, some ${offer.seconds} s to prove`;
      return [`circuit ${toHex(offer.circuit)}: ${circuitWords[circuit]}; ${offer.setup} setup${time}`];
    }
  }
}

/** One line of JSON: the list as it was served, with what was found of each offer. */
export function priceListJson(models: readonly JudgedModel[]): string {
  const value = {
    models: models.map(({ modelId, release, offers }) => ({
      modelId: toHex(modelId),
      name: release?.manifest.name ?? null,
      version: release?.manifest.version ?? null,
      levels: offers.map(({ offer, problems, circuit }) => ({ ...plainOffer(modelId, offer), problems, circuit })),
    })),
  };
  return JSON.stringify(value);
}

/** In the words of the list itself. */
function plainOffer(modelId: Uint8Array, offer: LevelOffer): object {
  const encoded = encodePriceList({ format: 'proofmark levels v1', models: [{ modelId, levels: [offer] }] });
  const { models } = JSON.parse(new TextDecoder().decode(encoded)) as { models: [{ levels: [object] }] };
  return { offer: models[0].levels[0] };
}
