import { ModelError } from '../../enclave/worker/model/errors.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import { whyUncommittable } from '../../wire/commitment/index.ts';
import type { Manifest, ManifestTensor } from '../../wire/message/manifest.ts';
import { CommandError } from '../exit-codes.ts';
import type { GraphFacts } from './facts.ts';
import { type Finding, gather, noteRemark, type Remark, refusedRemark } from './findings.ts';
import { inspectOnnx } from './inspect.ts';
import { inspectLanguage, type LanguageFacts } from './inspect-language.ts';
import { RUN_DEADLINE_MS, type RunReport, type RunResult, runLanguage, runTensors } from './run.ts';
import type { Subject } from './subject.ts';
import { openTrial, type Trial } from './trial.ts';

/** All that can be said about a model before it is published. */
export interface CheckReport {
  readonly subject: Pick<Subject, 'form' | 'kind' | 'entry'>;
  /** `wrong`: a worker would load it, and it breaks what its release says. */
  readonly verdict: 'loads' | 'wrong' | 'refused';
  readonly findings: readonly Finding[];
  readonly graph: GraphFacts;
  readonly language: LanguageFacts | null;
  /** What the engine makes of it, where it was asked; a manifest has to say exactly this. */
  readonly engine: EngineFacts | null;
  readonly run: RunReport | null;
}

export interface EngineFacts {
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly confinement: Trial['separation'];
}

/** `read`: the files only. `load`: also in a model process. `run`: also twice on samples or made up inputs. */
export type Depth = 'read' | 'load' | 'run';

const LOAD_MS = 120_000;
const MEMORY_BYTES = 4_294_967_296;

export async function checkModel(subject: Subject, depth: Depth): Promise<CheckReport> {
  const { form, kind, entry } = subject;
  const bytes = subject.files.get(entry);
  if (bytes === undefined) throw new CommandError(`${entry} is not among the files`);
  const { facts: graph, remarks: found } = inspectOnnx(bytes, kind);
  const remarks = [...subject.remarks, ...found, ...otherGraphs(subject), ...termRemarks(subject)];
  const language = kind === 'text-generation' ? inspectLanguage(subject.files, entry) : null;
  remarks.push(...(language?.remarks ?? []));
  const tried = isRefused(remarks) || depth === 'read' ? untried(depth) : await tryOut(subject, depth);
  remarks.push(...tried.remarks);
  return {
    subject: { form, kind, entry },
    verdict: verdictOf(remarks),
    findings: gather(remarks),
    graph,
    language: language?.facts ?? null,
    engine: tried.engine,
    run: tried.report,
  };
}

function verdictOf(remarks: readonly Remark[]): CheckReport['verdict'] {
  if (isRefused(remarks)) return 'refused';
  return remarks.some(({ severity }) => severity === 'wrong') ? 'wrong' : 'loads';
}

function isRefused(remarks: readonly Remark[]): boolean {
  return remarks.some(({ severity }) => severity === 'refused');
}

/** A language model may be several graphs, all of which the worker scans. */
function otherGraphs({ kind, entry, files }: Subject): readonly Remark[] {
  if (kind === 'tensor') return [];
  return [...files]
    .filter(([path]) => path.endsWith('.onnx') && path !== entry)
    .flatMap(([path, bytes]) =>
      inspectOnnx(bytes, kind).remarks.map((remark) => ({ ...remark, where: `${path}: ${remark.where}` })),
    );
}

function* termRemarks({ form, kind, terms, published }: Subject): Generator<Remark> {
  if (terms === null) return;
  const { engine, optimisation, threads } = terms.execution;
  if (engine !== runtime.engine || optimisation !== runtime.optimisation || threads !== runtime.threads) {
    yield refusedRemark(
      'execution_refused',
      'execution',
      `${optimisation} with ${threads} thread(s); workers of this version attest ${runtime.optimisation} with ${runtime.threads}`,
      `Write "optimisation": "${runtime.optimisation}" and "threads": ${runtime.threads}.`,
    );
  }
  if (form !== 'draft') return;
  if (terms.samples.length === 0) {
    yield noteRemark(
      'no_samples',
      'samples',
      'there is none: nobody can try the model without knowing it',
      `Add a request and the response to it${kind === 'tensor' ? '; init writes skeletons' : ''}.`,
    );
  }
  if (published?.includes('README.md') === false) {
    yield noteRemark(
      'no_card',
      'files',
      'README.md is not published: readers of a hub see no description',
      'Add it to files.',
    );
  }
}

interface Tried {
  readonly engine: EngineFacts | null;
  readonly report: RunReport | null;
  readonly remarks: readonly Remark[];
}

function untried(depth: Depth): Tried {
  const why =
    depth === 'read'
      ? 'the files were read, and nothing was loaded'
      : 'the scan refused it, so that nothing was loaded';
  return { engine: null, report: null, remarks: [noteRemark('engine_not_asked', 'engine', why)] };
}

async function tryOut(subject: Subject, depth: Depth): Promise<Tried> {
  const limits = subject.terms?.limits;
  let trial: Trial;
  try {
    trial = await openTrial({ memoryBytes: limits?.memoryBytes ?? MEMORY_BYTES, loadMilliseconds: LOAD_MS });
  } catch (error) {
    // Whoever asks for a run is not told that all is well without one.
    if (depth === 'run') throw error;
    const why = error instanceof Error ? error.message : String(error);
    const remark = noteRemark(
      'engine_not_asked',
      'engine',
      `no model process can be started here: ${why}`,
      'npm install onnxruntime-node, on Linux.',
    );
    return { engine: null, report: null, remarks: [remark] };
  }
  try {
    return await tryIn(trial, subject, depth);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const remark = refusedRemark('model_refused', 'the model process', error.message, adviceOn(error));
    return { engine: null, report: null, remarks: [remark] };
  } finally {
    trial.close();
  }
}

async function tryIn(trial: Trial, subject: Subject, depth: Depth): Promise<Tried> {
  const { kind, entry, files, terms } = subject;
  const modelId = new Uint8Array(32);
  const options = {
    deadlineMs: terms?.limits.runMilliseconds ?? RUN_DEADLINE_MS,
    peakBytes: trial.peakBytes,
  };
  const nothing: RunResult = { report: null, remarks: [] };
  if (kind === 'text-generation') {
    const model = await trial.pool.loadLanguage({ modelId, entry, files });
    const ran = depth === 'run' ? await runLanguage(model, options) : nothing;
    const engine = { inputs: [], outputs: [], confinement: trial.separation };
    return { engine, report: ran.report, remarks: [...circuitRemarks(subject, engine), ...ran.remarks] };
  }
  const bytes = files.get(entry) ?? new Uint8Array(0);
  const batchRows = terms?.execution.batchRows ?? 1;
  const model = await trial.pool.load({ modelId, bytes, batchRows });
  const { inputs, outputs } = model;
  const engine = { inputs, outputs, confinement: trial.separation };
  const declared = [...signatureRemarks(terms, engine), ...circuitRemarks(subject, engine)];
  const ran = depth === 'run' ? await runTensors(subject, model, options) : nothing;
  return { engine, report: ran.report, remarks: [...declared, ...ran.remarks] };
}

/** A signed manifest says what the model takes and gives, and a worker holds it to that. */
function* signatureRemarks(terms: object | null, { inputs, outputs }: EngineFacts): Generator<Remark> {
  if (terms === null || !('inputs' in terms)) return;
  const declared = terms as Pick<Manifest, 'inputs' | 'outputs'>;
  for (const [side, said, found] of [
    ['inputs', declared.inputs, inputs],
    ['outputs', declared.outputs, outputs],
  ] as const) {
    if (spelled(said) === spelled(found)) continue;
    yield refusedRemark(
      'signature_refused',
      `manifest ${side}`,
      `it says ${spelled(said)}; the engine says ${spelled(found)}`,
      'Build the release again: inputs and outputs are read from the model.',
    );
  }
}

/** A worker commits to what a circuit is about, or refuses the release. */
function* circuitRemarks({ kind, terms }: Subject, { inputs, outputs }: EngineFacts): Generator<Remark> {
  if (terms === null || terms.circuit === null) return;
  const why = whyUncommittable({ kind, inputs, outputs });
  if (why === undefined) return;
  yield refusedRemark(
    'circuit_refused',
    'circuit',
    `no receipt could commit to its tensors: ${why}`,
    'Write "circuit": null, or publish an integer twin of the model as a release of its own.',
  );
}

export function spelled(tensors: readonly ManifestTensor[]): string {
  return tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(', ')}]`).join(', ') || 'nothing';
}

function adviceOn({ code }: ModelError): string {
  if (code === 'model_timeout') return 'It takes too long to load: make it smaller, or simplify its graph.';
  if (code === 'model_crashed')
    return 'The process ended: raise limits.memoryBytes if it needs more, or report it if it does not.';
  return 'Try onnx.checker.check_model(model, full_check=True), which often says more.';
}
