import { printable } from '../client/audit/printable.ts';
import type { InferResult } from '../client/index.ts';
import type { Check, CheckOutcome, NotProven, Verified, WorkerFacts } from '../verifier/index.ts';
import { toHex } from '../wire/bytes.ts';
import { tensorValues } from '../wire/message/tensor.ts';

export { jsonLine, printable } from '../client/audit/printable.ts';

/** Text for people, made from the verifier's result objects and nothing else: a line here is a check that ran. */
export interface Style {
  readonly colours: boolean;
}

const MARK: Readonly<Record<CheckOutcome, string>> = {
  passed: '✓',
  failed: '✗',
  'not-asked': '·',
  'not-reached': '–',
};

const COLOUR: Readonly<Record<CheckOutcome, number>> = { passed: 32, failed: 31, 'not-asked': 90, 'not-reached': 90 };

export function paint(style: Style, code: number, text: string): string {
  return style.colours ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export function mark(outcome: CheckOutcome, style: Style): string {
  return paint(style, COLOUR[outcome], MARK[outcome]);
}

export function heading(title: string, style: Style): string {
  return `\n${paint(style, 1, title)}\n`;
}

export function checkLines(checks: readonly Check[], style: Style): string {
  return checks
    .map(({ id, title, outcome, detail }) => {
      const shown = detail === '' ? '' : paint(style, 90, `  ${shorten(detail)}`);
      return `  ${mark(outcome, style)} ${id.padEnd(4)} ${title}${shown}\n`;
    })
    .join('');
}

export function notProvenLines(items: readonly NotProven[], style: Style): string {
  return items.map(({ reason }) => `  ${paint(style, 33, '!')} ${printable(reason)}\n`).join('');
}

/** Names and values of facts. Values may be a stranger's text, so each of them is made printable here. */
export function rowLines(rows: readonly (readonly [name: string, value: string])[]): string {
  return rows.map(([name, value]) => `  ${printable(name).padEnd(19)} ${printable(value)}\n`).join('');
}

export function workerLines(worker: Verified<WorkerFacts>, style: Style): string {
  const { configuration, identity, runtime } = worker;
  const level =
    worker.level === 'simulated' ? paint(style, 33, 'simulated: nobody vouches for it') : paint(style, 32, 'attested');
  // The level comes from no text of the evidence, and may be coloured.
  const first = `  ${'level'.padEnd(20)}${level}\n`;
  const rows = rowLines([
    ['image', toHex(worker.imageId)],
    ...measurementRows(worker),
    ['configuration', toHex(identity.config)],
    ['  publishers', configuration.publishers.map((key) => `${toHex(key).slice(0, 16)}…`).join(' ')],
    ['  chain', identity.chainId === 0n ? 'none' : String(identity.chainId)],
    ['runtime', `${runtime.engine} ${runtime.version}, ${runtime.provider}, ${runtime.threads} thread(s)`],
    ['log', toHex(worker.log)],
    ...hardwareRows(worker),
    ['key accepted until', new Date(worker.acceptedUntil).toISOString()],
  ]);
  return first + rows;
}

type Row = readonly [name: string, value: string];

function measurementRows({ tee, attestation }: Verified<WorkerFacts>): readonly Row[] {
  const name = (index: number): string => (tee === 'aws-nitro' ? `  PCR${index}` : '  measurement');
  return attestation.measurements.map((value, index) => [name(index), toHex(value)]);
}

function hardwareRows(worker: Verified<WorkerFacts>): readonly Row[] {
  const document = toHex(worker.attestation.documentId);
  if (worker.tee === 'aws-nitro') {
    const { moduleId, timestamp } = worker.attestation;
    return [
      ['module', moduleId],
      ['document', `${document} of ${new Date(timestamp).toISOString()}`],
    ];
  }
  const { product, signer, vmpl, chipId, cspId } = worker.attestation;
  return [
    ['processor', `${product}, ${signer}, VMPL ${vmpl}`],
    ['chip', chipId === null ? `not named; lent to ${cspId ?? 'nobody'}` : toHex(chipId)],
    ['document', document],
  ];
}

export function chainLines(worker: Verified<WorkerFacts>): string {
  return worker.attestation.certificates
    .map(({ commonName, notAfter, sha256 }, depth) => {
      const name = printable(commonName ?? '(no common name)');
      const until = new Date(notAfter).toISOString().slice(0, 19);
      return `  ${'  '.repeat(depth)}${depth === 0 ? '' : '└ '}${name}  until ${until}Z  ${toHex(sha256).slice(0, 16)}…\n`;
    })
    .join('');
}

export function answerLines({ receipt, release, response }: InferResult): string {
  const { modelId, manifest } = release;
  return rowLines([
    ['model', `${manifest.name} ${manifest.version}`],
    ['  model id', toHex(modelId)],
    ['  owner', toHex(manifest.owner)],
    ...response.outputs.map((tensor): readonly [string, string] => [
      `output ${tensor.name}`,
      `${tensor.datatype}[${tensor.shape.join()}] ${preview(tensorValues(tensor))}`,
    ]),
    ['status', receipt.status],
    ['request', toHex(receipt.requestId)],
    [
      'receipt',
      `leaf ${receipt.index} of log ${toHex(receipt.log).slice(0, 16)}…, ${receipt.sealed ? 'sealed' : 'open'}`,
    ],
    ['head', `size ${receipt.head.size}, root ${toHex(receipt.head.root)}`],
    ['execution', `${receipt.execution.layout}, ${receipt.execution.cpuFamily} (reported)`],
    ['fee', String(receipt.fee)],
  ]);
}

function preview(values: ReturnType<typeof tensorValues>): string {
  const shown = values.slice(0, 10).map((value) => {
    if (typeof value === 'number') return value.toPrecision(6);
    return value instanceof Uint8Array
      ? JSON.stringify(new TextDecoder().decode(value.subarray(0, 64)))
      : String(value);
  });
  return `${shown.join(' ')}${values.length > shown.length ? ' …' : ''}`;
}

function shorten(detail: string): string {
  const text = printable(detail);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

export const outcomeCounts = (checks: readonly Check[]): string => {
  const count = (outcome: CheckOutcome): number => checks.filter((check) => check.outcome === outcome).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('not-asked')} not asked by the policy, ${count('not-reached')} not reached`;
};
