/**
 * A strict reader of Prometheus' text format: what it refuses, a scraper may refuse or misread. It wants more than the
 * format does: help for every family, families in one piece, histograms that add up, and names as their type asks.
 */
export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly samples: readonly ReadSample[];
}

export interface ReadSample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function readMetrics(text: string): ReadonlyMap<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const families = new Map<string, { name: string; type: string; samples: ReadSample[] }>();
  let help: string | undefined;
  let current: { name: string; type: string; samples: ReadSample[] } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const header = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (header?.[1] === 'HELP') {
      help = header[2];
      current = undefined;
    } else if (header?.[1] === 'TYPE') {
      const [, , name = '', type = ''] = header;
      if (help !== name) throw new Error(`${name} has no help`);
      if (families.has(name)) throw new Error(`${name} stands there twice`);
      if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name} is a ${type}`);
      if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is no name of a ${type}`);
      if (!name.startsWith('proofmark_')) throw new Error(`${name} is not ours`);
      current = { name, type, samples: [] };
      families.set(name, current);
    } else {
      const sample = readSample(line);
      const allowed = current?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!allowed.some((suffix) => sample.name === `${current?.name}${suffix}`))
        throw new Error(`${line} stands alone`);
      const key = (one: ReadSample): string => one.name + [...one.labels].join();
      if (current?.samples.some((other) => key(other) === key(sample)) === true) throw new Error(`twice: ${line}`);
      current?.samples.push(sample);
    }
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family);
  return families;
}

function readSample(line: string): ReadSample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = '', list = '', number = ''] = match;
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (number !== 'NaN' && Number.isNaN(value)) throw new Error(`no number: ${line}`);
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < list.length) {
    const label = LABEL.exec(list);
    if (label === null) throw new Error(`no labels: ${line}`);
    labels.set(label[1] as string, label[2] as string);
  }
  return { name, labels, value };
}

function checkHistogram({ name, samples }: ReadFamily): void {
  const series = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const key = [...sample.labels].filter(([label]) => label !== 'le').join();
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const one of series.values()) {
    const buckets = one.filter((sample) => sample.name === `${name}_bucket`);
    const values = buckets.map(({ value }) => value);
    const bounds = buckets.map(({ labels }) => labels.get('le'));
    const count = one.find((sample) => sample.name === `${name}_count`)?.value;
    if (bounds.at(-1) !== '+Inf' || values.at(-1) !== count) throw new Error(`${name} does not end at its count`);
    if (values.some((value, place) => value < (values[place - 1] ?? 0))) throw new Error(`${name} shrinks`);
    if (!one.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
  }
}
