/** What was wanted before it was built, with how a measured figure is held against it. */
export interface Aim {
  readonly key: string;
  readonly what: string;
  readonly wanted: string;
  readonly reached: (value: number) => boolean;
}

function atLeast(key: string, what: string, bound: number, unit = ''): Aim {
  return { key, what, wanted: `at least ${shown(bound, unit)}`, reached: (value) => value >= bound };
}

function atMost(key: string, what: string, bound: number, unit = ''): Aim {
  return { key, what, wanted: `at most ${shown(bound, unit)}`, reached: (value) => value <= bound };
}

function shown(bound: number, unit: string): string {
  return `${bound.toLocaleString('en-US')}${unit}`;
}

/** Of the levels; docs/spectrum.md shows them, too. */
export const spectrumAims: readonly Aim[] = [
  atMost('spectrum.784-32-10.prove_s', 'proving an answer of 784-32-10', 5, ' s'),
  atMost('spectrum.784-32-10.prove_mb', 'memory for it', 1_000, ' MB'),
  atMost('spectrum.784-32-10.verify_gas', 'verifying it in a transaction', 300_000, ' gas'),
  atMost('spectrum.16-32-8-2.recomputed_gas', 'an escrow that is settled by recomputing 16-32-8-2', 120_000, ' gas'),
];

export const aims: readonly Aim[] = [
  ...spectrumAims,
  atLeast('serving.mlp.attested_over_express', 'attested over a bare express server, 32 connections', 5, ' times'),
  atLeast('serving.mlp.attested_over_batched', 'attested over a bare batching server', 0.75, ' times'),
  atLeast('serving.mlp.sealed_over_batched', 'sealed over the same', 0.6, ' times'),
  atMost('serving.mlp.p50_c1_over_express', 'median latency of one connection over express', 1.3, ' times'),
  atMost('serving.tax_us', 'CPU of relay and receipt for a request under load', 35, ' us'),
  atMost('lm.tax_percent', 'tokens per second lost to the stack', 2, ' %'),
  atLeast('lm.batching_gain_8', 'eight streams over one', 2.5, ' times'),
  atLeast('lm.over_transformersjs', 'one stream over transformers.js', 1.3, ' times'),
  atMost('client.call_us', 'CPU of a client for a small call in Node', 1_000, ' us'),
  atLeast('journal.receipts_per_s', 'durable receipts of the journal per second', 20_000),
  atMost('log.proof_bytes_10m', 'a proof in a log of ten million receipts', 1_024, ' bytes'),
  atMost('log.proof_verify_us', 'verifying it', 50, ' us'),
];

/** What the end of a key says of its unit. */
export const unitRules: readonly (readonly [RegExp, string])[] = [
  [/_per_s$/, 'per second'],
  [/_us(_|$)/, 'us'],
  [/_ms(_|$)/, 'ms'],
  [/_kib$/, 'KiB'],
  [/bytes/, 'bytes'],
  [/_over_/, 'times'],
  [/_percent$/, '%'],
];
