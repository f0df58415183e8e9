import { type Peer, peers } from './peers.ts';
import { RECOMPUTED_SHAPES } from './recomputed-shapes.ts';
import type { Snapshot } from './snapshot.ts';
import { PROVED_SHAPES, SPECTRUM } from './spectrum-levels.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;

/**
 * How long AWS's certificates below the root live, seen on real documents: the regional, the zonal and the instance
 * authority. A registration meets one that the contract has not seen yet when it comes first after a rotation.
 */
const AUTHORITY_LIVES: readonly number[] = [20 * DAY, 6 * DAY, DAY];

/** What deployments may choose as the time that a registration stands. */
export const LIFETIMES: readonly (readonly [name: string, seconds: number])[] = [
  ['3 h', 3 * HOUR],
  ['24 h', DAY],
  ['7 d', 7 * DAY],
];

/**
 * Of one Nitro worker that is registered again whenever its registration ends: each time at the price of cached
 * authorities, and one more certificate for every authority that was replaced since. An upper bound: workers that share
 * an authority share its price.
 */
export function nitroGasPerDay(lifetime: number, cold: number, warm: number): number {
  const certificate = (cold - warm) / AUTHORITY_LIVES.length;
  const newOnes = AUTHORITY_LIVES.reduce((sum, life) => sum + Math.min(1, lifetime / life), 0);
  return Math.round((DAY / lifetime) * (warm + newOnes * certificate));
}

/** Of one SEV-SNP worker: AMD's intermediates live for decades, so every registration costs the same. */
export const snpGasPerDay = (lifetime: number, each: number): number => Math.round((DAY / lifetime) * each);

const number = (gas: number): string => gas.toLocaleString('en-US');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

/** docs/gas.md: every figure in it comes from the snapshot or from the list of peers. */
export function gasReport(snapshot: Snapshot): string {
  return `# Gas

Written by \`make gas\` from \`contracts/snapshots/gas.json\`; do not edit. Every figure is \`gasUsed\` of a transaction on
anvil, with its 21,000 and its calldata, under EIP-7825's limit of 2^24, unless its name says otherwise. The snapshot is
held to the last unit by \`test/contracts/gas.test.ts\`.

## What transactions cost

\`real\`: a document or report of real hardware. \`simulated\`: made by the simulator, whose certificates have the same shape.
Cold: nothing is known but the root. Warm: the authorities' certificates are cached. Hot: the leaf's too.

${table(['what', 'Osaka', 'Prague'], transactionRows(snapshot))}

## Next to others

${table(['what', 'here', 'there', 'whose', 'times less'], peerRows(snapshot))}

## Recomputed models

Networks of bytes that a generated contract computes itself. The call alone is what a settlement pays for the question; the
transaction has calldata besides, at EIP-7623's floor where that is more. No byte of the inputs is zero, which is the dearest
that there is. Creating includes the tables of constants.

${table(['network', 'products', 'call', 'a product', 'question in a transaction', 'escrow fulfilled', 'created'], recomputedRows(snapshot))}

## One question at each level

The same question to volatility-1h-int8 (16-32-8-1), asked by the same settlement and answered once: what \`fulfil\` or
\`fulfilProven\` costs. \`replayed\` is two approvals of three auditors. On Prague each P-256 signature is verified in Solidity.

${table(['level', 'who vouches', 'Osaka', 'Prague'], spectrumRows(snapshot))}

## Proved models

Groth16 with three public signals, whatever the model. The call is what a settlement pays for the question: 199,450 of it
are the precompiles' (a pairing of four and three multiplications and additions), the rest is the input's hash and its
packing. The question in a transaction has the calldata besides, in which the input stands as the circuit's elements, 31
bytes in a word: as ABI words 784 of them alone would cost 274,400 at EIP-7623's floor. Circuits are stood in for by keys
with known secrets, since what lies between input and output costs the chain nothing.

${table(['model', 'call', 'question in a transaction', 'escrow fulfilled', 'with a receipt', 'created'], provedRows(snapshot))}

## A worker a day

Renewing registrations of one worker, in gas, by the time that a registration stands. For Nitro the authorities rotate
(regional every 20 days, zonal every 6, instance every day), and the first to register below a new one pays for it.

${table(['lifetime', 'registrations a day', 'Nitro', 'SEV-SNP'], dayRows(snapshot))}
`;
}

function transactionRows(snapshot: Snapshot): string[][] {
  const names = new Set(Object.keys(snapshot).map((key) => key.slice(key.indexOf('.') + 1)));
  const figure = (hardfork: string, name: string): string => {
    const gas = snapshot[`${hardfork}.${name}`];
    return gas === undefined ? '' : number(gas);
  };
  return [...names].sort().map((name) => [`\`${name}\``, figure('osaka', name), figure('prague', name)]);
}

function peerRows(snapshot: Snapshot): string[][] {
  const rows = Object.entries(peers).flatMap(([name, peer]: [string, Peer]) => {
    const gas = snapshot[name];
    return gas === undefined ? [] : [{ name, gas, peer }];
  });
  return rows.map(({ name, gas, peer }) => [
    `\`${name}\``,
    number(gas),
    number(peer.gas),
    peer.of,
    (peer.gas / gas).toFixed(1),
  ]);
}

function recomputedRows(snapshot: Snapshot): string[][] {
  return RECOMPUTED_SHAPES.map((widths) => {
    const shape = widths.join('-');
    const products = widths.slice(1).reduce((all, width, index) => all + width * (widths[index] ?? 0), 0);
    const gas = (what: string): number => snapshot[`osaka.recomputed.${what}.${shape}`] ?? 0;
    return [
      shape,
      number(products),
      number(gas('call')),
      (gas('call') / products).toFixed(1),
      number(gas('verify')),
      number(gas('fulfil')),
      number(gas('create')),
    ];
  });
}

function spectrumRows(snapshot: Snapshot): string[][] {
  return SPECTRUM.map(([level, who]) => [
    level,
    who,
    number(snapshot[`osaka.spectrum.${level}.gas`] ?? 0),
    number(snapshot[`prague.spectrum.${level}.gas`] ?? 0),
  ]);
}

function provedRows(snapshot: Snapshot): string[][] {
  return PROVED_SHAPES.map((shape) => [
    shape,
    ...['call', 'verify', 'fulfil', 'fulfilWithReceipt', 'create'].map((what) =>
      number(snapshot[`osaka.proved.${what}.${shape}`] ?? 0),
    ),
  ]);
}

function dayRows(snapshot: Snapshot): string[][] {
  const cold = snapshot['osaka.nitro.register.cold.simulated'];
  const warm = snapshot['osaka.nitro.register.warm.simulated'];
  const snp = snapshot['osaka.snp.register.simulated'];
  return LIFETIMES.map(([name, seconds]) => [
    name,
    String(Number((DAY / seconds).toFixed(2))),
    cold === undefined || warm === undefined ? '' : number(nitroGasPerDay(seconds, cold, warm)),
    snp === undefined ? '' : number(snpGasPerDay(seconds, snp)),
  ]);
}
