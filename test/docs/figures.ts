import { readFileSync } from 'node:fs';
import { type Aim, aims, unitRules } from './figures-aims.ts';
import { code, table } from './markers.ts';

export type Figures = Readonly<Record<string, number>>;

interface Measured {
  readonly meta: Readonly<Record<string, string>>;
  readonly numbers: Figures;
}

export function readFigures(path: string): Measured {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const { meta, ...numbers } = JSON.parse(text) as { meta?: Measured['meta'] } & Figures;
  return { meta: meta ?? {}, numbers };
}

export const BASELINE = 'test/bench/baseline.json';
const RESULTS = 'test/bench/results.json';
export const GAS = 'contracts/snapshots/gas.json';

/** docs/figures.md: every figure on it was measured and committed, none is typed. */
export function figuresPage(): string {
  const [baseline, results, gas] = [BASELINE, RESULTS, GAS].map(readFigures) as [Measured, Measured, Measured];
  const known = { ...results.numbers, ...baseline.numbers };
  const parts = [
    '# Figures',
    `Written by \`npx tsx test/docs/write.ts\` from \`${BASELINE}\`, \`${RESULTS}\` (\`make bench\`) and \`${GAS}\` (\`make gas\`); a test ` +
      'holds the page against them. Nothing here is typed. Times and rates are of the machine named below and of no other; ratios carry further.',
    '## Machine',
    machines(baseline, results),
    '## Against the aims',
    'The aims were set before anything was built. A row that misses its aim says so; a row without a figure was not measured on ' +
      'this machine when these files were committed. [LIMITATIONS.md](../LIMITATIONS.md) says what the misses mean.',
    table(
      ['figure', 'aim', 'measured', ''],
      aims.map((aim) => aimRow(aim, known)),
    ),
    '## Serving',
    'A perceptron of 128-512-512-10, all servers in one run. `express`: a bare server in the way most people write one. ' +
      '`batched`: a bare HTTP server that batches. `node`: one that does not. `split`: the shape of the stack alone, which is host, worker and ' +
      'model process with frames between them and headers as long as a receipt’s, where nothing is hashed, signed, kept or checked. `attested`: ' +
      'the whole stack with receipts. `sealed`: the same in sessions.',
    servingTable(baseline.numbers),
    splitText(baseline.numbers),
    '## Language models',
    'A decoder of 1 M parameters, greedy, unless the row says otherwise; streams at once.',
    languageTable(baseline.numbers),
    '## Verifying',
    restTable(results.numbers),
    '## Gas',
    'What a payer, an operator and a contract pay, in gas of a transaction under Osaka’s rules and under Prague’s, where P-256 has no ' +
      'precompile. All of it, with peers: [gas.md](gas.md).',
    gasTable(gas.numbers),
  ];
  return `${parts.join('\n\n')}\n`;
}

function machines(baseline: Measured, results: Measured): string {
  const names = [...new Set([...Object.keys(baseline.meta), ...Object.keys(results.meta)])];
  const rows = names.map((name) => [name, baseline.meta[name] ?? '', results.meta[name] ?? '']);
  return table(['', code(BASELINE), code(RESULTS)], rows);
}

/** What no server of that shape can pass, beside the aims that were set without it. */
function splitText(numbers: Figures): string {
  const of = (name: string): string => cell(numbers[`serving.split.${name}`]) || 'not measured';
  return (
    `The aims for serving were set by a draft whose model ran in the worker’s own process; DESIGN section 7 wants it in one of its own. What ` +
    `\`split\` reaches is therefore the most that these aims can be held against here: ${of('over_express')} times express, ` +
    `${of('over_batched')} times \`batched\`, a median of one connection ${of('p50_c1_over_express')} times that of express, and ` +
    `${of('tax_us')} us of CPU more for a request than \`batched\`.`
  );
}

export function aimRow({ key, what, wanted, reached }: Aim, known: Figures): readonly string[] {
  const value = known[key];
  const name = `${what} ${code(key)}`;
  if (value === undefined) return [name, wanted, 'not measured', ''];
  return [name, wanted, number(value), reached(value) ? 'reached' : '**missed**'];
}

/** Rows of one table are keys `prefix.NAME.COUNT.UNIT`. */
function rowsOf(numbers: Figures, prefix: string): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const rows = new Map<string, Record<string, number>>();
  for (const [key, value] of Object.entries(numbers)) {
    if (!key.startsWith(`${prefix}.`)) continue;
    const parts = key.slice(prefix.length + 1).split('.');
    const unit = parts.at(-1) as string;
    const row = parts.slice(0, -1).join(' ');
    rows.set(row, { ...rows.get(row), [unit]: value });
  }
  return rows;
}

const cell = (value: number | undefined): string => (value === undefined ? '' : number(value));

function servingTable(numbers: Figures): string {
  const rows = [...rowsOf(numbers, 'serving.rows')].map(([name, row]) => {
    const [server = '', connections = ''] = name.split(' c');
    const { rps, p50_ms, p99_ms, cpu_us } = row as Readonly<Partial<Record<string, number>>>;
    return [server, connections, ...[rps, p50_ms, p99_ms, cpu_us].map(cell)];
  });
  const head = ['server', 'connections', 'requests/s', 'p50 ms', 'p99 ms', 'CPU us per request'];
  return table(
    head,
    rows.sort(([, a = ''], [, b = '']) => Number(a) - Number(b)),
  );
}

function languageTable(numbers: Figures): string {
  const rows = [...rowsOf(numbers, 'lm.rows')].map(([name, row]) => {
    const at = name.lastIndexOf(' ');
    const { tokens_per_s, cpu_us_per_token } = row as Readonly<Partial<Record<string, number>>>;
    return [name.slice(0, at), name.slice(at + 1), cell(tokens_per_s), cell(cpu_us_per_token)];
  });
  return table(['what', 'streams', 'tokens/s', 'CPU us per token'], rows);
}

function restTable(numbers: Figures): string {
  const rows = Object.entries(numbers).map(([key, value]) => [code(key), number(value), unitOf(key)]);
  return table(['figure', 'measured', 'unit'], rows);
}

/** The last part of a key names its unit. */
function unitOf(key: string): string {
  return unitRules.find(([pattern]) => pattern.test(key))?.[1] ?? '';
}

function gasTable(numbers: Figures): string {
  const names = new Set(Object.keys(numbers).map((key) => key.slice(key.indexOf('.') + 1)));
  const wanted = [...names].filter((name) => /^settlement\.|register/.test(name)).sort();
  const rows = wanted.map((name) => [code(name), cell(numbers[`osaka.${name}`]), cell(numbers[`prague.${name}`])]);
  return table(['what', 'Osaka', 'Prague'], rows);
}

export function number(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: value >= 10_000 ? 21 : 4 });
}
