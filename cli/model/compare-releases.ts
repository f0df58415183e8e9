import { toHex } from '../../wire/bytes.ts';
import type { ManifestFile, ManifestTensor, ReleaseTerms } from '../../wire/message/manifest.ts';
import { compareVersions } from '../../wire/message/versions.ts';
import type { GraphFacts } from './facts.ts';

/** One of two releases that are compared, wherever it came from. */
export interface Side {
  readonly label: string;
  readonly terms: ReleaseTerms;
  readonly files: readonly ManifestFile[];
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  /** Null where the model itself is not at hand. */
  readonly graph: GraphFacts | null;
}

/** What a change means for whoever calls the model, by Semantic Versioning. */
export type Step = 'none' | 'patch' | 'minor' | 'major';

export interface Change {
  readonly subject: 'release' | 'signature' | 'files' | 'graph' | 'execution' | 'limits' | 'samples';
  readonly what: string;
  readonly step: Step;
}

export interface Difference {
  readonly from: string;
  readonly to: string;
  readonly changes: readonly Change[];
  /** The largest step of any change. */
  readonly deserves: Step;
  /** From one version to the other. */
  readonly taken: Step | 'backwards';
  readonly enough: 'yes' | 'no';
}

export function compareReleases(a: Side, b: Side): Difference {
  const changes = [
    ...termChanges(a.terms, b.terms),
    ...signatureChanges(a, b),
    ...fileChanges(a, b),
    ...graphChanges(a.graph, b.graph),
    ...settingChanges(a.terms, b.terms),
  ];
  const deserves = changes.reduce<Step>((most, { step }) => (size[step] > size[most] ? step : most), 'none');
  const taken = stepTaken(a.terms.version, b.terms.version);
  const enough = taken !== 'backwards' && size[taken] >= size[deserves] ? 'yes' : 'no';
  return { from: a.label, to: b.label, changes, deserves, taken, enough };
}

const size: Readonly<Record<Step, number>> = { none: 0, patch: 1, minor: 2, major: 3 };

/** Before 1.0.0 the middle number is what callers watch (Semantic Versioning, section 4, as package managers read it). */
function stepTaken(from: string, to: string): Step | 'backwards' {
  const order = compareVersions(to, from);
  if (order < 0) return 'backwards';
  if (order === 0) return 'none';
  const [one, other] = [numbersOf(from), numbersOf(to)];
  if (one[0] !== other[0]) return 'major';
  if (one[1] !== other[1]) return one[0] === '0' ? 'major' : 'minor';
  return one[0] === '0' ? 'minor' : 'patch';
}

function numbersOf(version: string): readonly string[] {
  return version.split('-')[0]?.split('.') ?? [];
}

function* termChanges(a: ReleaseTerms, b: ReleaseTerms): Generator<Change> {
  const say = (what: string, step: Step): Change => ({ subject: 'release', what, step });
  if (a.name !== b.name) yield say(`another model: ${a.name} became ${b.name}`, 'major');
  if (a.kind !== b.kind) yield say(`it was ${a.kind} and is ${b.kind}`, 'major');
  if (a.licence !== b.licence)
    yield say(`the licence was ${a.licence} and is ${b.licence}: callers have to look at it`, 'major');
  if (a.description !== b.description) yield say('the description changed', 'patch');
  if (a.task !== b.task) yield say(`the task was "${a.task}" and is "${b.task}"`, 'patch');
  const [gone, come] = both(a.tags, b.tags);
  if (gone.length + come.length > 0)
    yield say(`tags: ${[...come.map((tag) => `+${tag}`), ...gone.map((tag) => `-${tag}`)].join(' ')}`, 'patch');
  const circuits = [a.circuit, b.circuit].map((circuit) => (circuit === null ? 'none' : toHex(circuit)));
  if (circuits[0] !== circuits[1]) yield say(`the circuit was ${circuits[0]} and is ${circuits[1]}`, 'major');
}

function* signatureChanges(a: Side, b: Side): Generator<Change> {
  for (const side of ['inputs', 'outputs'] as const) {
    const one = new Map(a[side].map((tensor) => [tensor.name, tensor]));
    const other = new Map(b[side].map((tensor) => [tensor.name, tensor]));
    const word = side === 'inputs' ? 'input' : 'output';
    for (const [name, before] of one) {
      const after = other.get(name);
      if (after === undefined) yield signature(`the ${word} ${name} is gone`, 'major');
      else yield* tensorChanges(word, before, after);
    }
    for (const [name, tensor] of other) {
      if (one.has(name)) continue;
      // Whoever called it before does not send a new input; a new output can be left alone.
      yield signature(`a new ${word}: ${name} ${typeOf(tensor)}`, side === 'inputs' ? 'major' : 'minor');
    }
  }
  if (tiesOf(a.inputs) !== tiesOf(b.inputs) && sameForm(a.inputs, b.inputs)) {
    yield signature('other dimensions of the inputs have to be equal', 'major');
  }
}

const signature = (what: string, step: Step): Change => ({ subject: 'signature', what, step });

function* tensorChanges(word: 'input' | 'output', before: ManifestTensor, after: ManifestTensor): Generator<Change> {
  if (before.datatype === after.datatype && before.shape.join() === after.shape.join()) return;
  const what = `the ${word} ${before.name} was ${typeOf(before)} and is ${typeOf(after)}`;
  yield signature(what, shapeStep(word, before, after));
}

/** What an input accepts may grow, and what an output promises: whatever fitted before still does. */
function shapeStep(word: 'input' | 'output', before: ManifestTensor, after: ManifestTensor): Step {
  if (before.datatype !== after.datatype || before.shape.length !== after.shape.length) return 'major';
  const steps = before.shape.map((size, axis): Step => {
    const now = after.shape[axis];
    if (size === now) return 'none';
    if (typeof size === 'string' && typeof now === 'string') return 'patch';
    const freed = typeof size === 'number' && typeof now === 'string';
    const fixed = typeof size === 'string' && typeof now === 'number';
    return (word === 'input' && freed) || (word === 'output' && fixed) ? 'minor' : 'major';
  });
  return steps.reduce<Step>((most, step) => (size[step] > size[most] ? step : most), 'none');
}

/** Which free dimensions have one name, whatever that is: `0 1 0` for n, m, n. */
function tiesOf(inputs: readonly ManifestTensor[]): string {
  const names: string[] = [];
  const free = inputs.flatMap(({ shape }) => shape).filter((dimension) => typeof dimension === 'string');
  return free
    .map((name, at) => {
      if (name === '_') return `_${at}`;
      if (!names.includes(name)) names.push(name);
      return names.indexOf(name);
    })
    .join(' ');
}

/** Free and fixed dimensions at the same places: otherwise the change was told already. */
function sameForm(a: readonly ManifestTensor[], b: readonly ManifestTensor[]): boolean {
  const form = (inputs: readonly ManifestTensor[]): string =>
    JSON.stringify(
      inputs.map(({ name, shape }) => [name, shape.map((size) => (typeof size === 'string' ? '?' : size))]),
    );
  return form(a) === form(b);
}

function* fileChanges(a: Side, b: Side): Generator<Change> {
  const one = new Map(a.files.map((file) => [file.path, file]));
  const other = new Map(b.files.map((file) => [file.path, file]));
  const say = (what: string, step: Step): Change => ({ subject: 'files', what, step });
  if (a.terms.entry !== b.terms.entry) yield say(`the entry was ${a.terms.entry} and is ${b.terms.entry}`, 'patch');
  for (const [path, before] of one) {
    const after = other.get(path);
    if (after === undefined) yield say(`${path} is gone`, stepOfFile(path, a, b));
    else if (toHex(before.sha256) !== toHex(after.sha256)) {
      yield say(`${path} changed: ${before.size} bytes, now ${after.size}`, stepOfFile(path, a, b));
    }
  }
  for (const path of other.keys()) if (!one.has(path)) yield say(`${path} is new`, stepOfFile(path, a, b));
}

/** Other weights, or another tokenizer, answer differently; a card does not. */
const MODEL_FILE =
  /\.onnx$|(^|\/)(config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$|chat_template\.jinja$/;

function stepOfFile(path: string, a: Side, b: Side): Step {
  const read =
    path === a.terms.entry || path === b.terms.entry || (b.terms.kind === 'text-generation' && MODEL_FILE.test(path));
  return read ? 'minor' : 'patch';
}

function* graphChanges(a: GraphFacts | null, b: GraphFacts | null): Generator<Change> {
  if (a === null || b === null) return;
  const say = (what: string): Change => ({ subject: 'graph', what, step: 'none' });
  const kinds = [...new Set([...Object.keys(a.operators), ...Object.keys(b.operators)])].sort();
  const operators = kinds
    .map((name) => ({ name, by: (b.operators[name] ?? 0) - (a.operators[name] ?? 0) }))
    .filter(({ by }) => by !== 0)
    .map(({ name, by }) => `${by > 0 ? '+' : ''}${by} ${name}`);
  if (operators.length > 0)
    yield say(
      `operators: ${operators.slice(0, SHOWN).join(', ')}${operators.length > SHOWN ? `, ${operators.length - SHOWN} more kinds` : ''}`,
    );
  const [before, after] = [parameters(a), parameters(b)];
  if (before !== after) yield say(`parameters: ${before}; now ${after}`);
  const sets = (graph: GraphFacts): string => JSON.stringify(graph.operatorSets);
  if (sets(a) !== sets(b) || a.irVersion !== b.irVersion) {
    yield say(`format: IR ${a.irVersion} ${sets(a)}; now IR ${b.irVersion} ${sets(b)}`);
  }
}

const SHOWN = 16;

function parameters({ parameters: counts }: GraphFacts): string {
  return (
    Object.entries(counts)
      .map(([type, count]) => `${count} ${type}`)
      .sort()
      .join(', ') || 'none'
  );
}

function* settingChanges(a: ReleaseTerms, b: ReleaseTerms): Generator<Change> {
  const { execution: one, limits: before } = a;
  const { execution: other, limits: after } = b;
  const say = (subject: Change['subject'], name: string, from: unknown, to: unknown, step: Step): Change => ({
    subject,
    what: `${name} was ${String(from)} and is ${String(to)}`,
    step,
  });
  // Other options of the engine give other bits.
  if (one.optimisation !== other.optimisation)
    yield say('execution', 'optimisation', one.optimisation, other.optimisation, 'minor');
  if (one.threads !== other.threads) yield say('execution', 'threads', one.threads, other.threads, 'minor');
  if (one.batchRows !== other.batchRows) yield say('execution', 'batchRows', one.batchRows, other.batchRows, 'patch');
  if (before.memoryBytes !== after.memoryBytes)
    yield say('limits', 'memoryBytes', before.memoryBytes, after.memoryBytes, 'patch');
  if (before.runMilliseconds !== after.runMilliseconds) {
    // Calls that had the time before may not have it now.
    const less = after.runMilliseconds < before.runMilliseconds;
    yield say('limits', 'runMilliseconds', before.runMilliseconds, after.runMilliseconds, less ? 'minor' : 'patch');
  }
  const [gone, come] = both(
    a.samples.map(({ request }) => request),
    b.samples.map(({ request }) => request),
  );
  if (gone.length + come.length > 0) {
    yield {
      subject: 'samples',
      what: `samples: ${[...come.map((path) => `+${path}`), ...gone.map((path) => `-${path}`)].join(' ')}`,
      step: 'patch',
    };
  }
}

function both(before: readonly string[], after: readonly string[]): readonly [readonly string[], readonly string[]] {
  return [before.filter((item) => !after.includes(item)), after.filter((item) => !before.includes(item))];
}

function typeOf({ datatype, shape }: ManifestTensor): string {
  return `${datatype}[${shape.join(', ')}]`;
}
