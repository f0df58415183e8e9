import type { ExecutionDetail } from '../../enclave/worker/executions.ts';
import { languageWork, readLanguageRequest } from '../../enclave/worker/language-work.ts';
import { createReleases, type Release } from '../../enclave/worker/releases.ts';
import { tensorWork } from '../../enclave/worker/tensor-work.ts';
import { failed, type Outcome, type WorkOptions } from '../../enclave/worker/work.ts';
import type { Release as ReleaseFolder } from '../../host/releases.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { status } from '../../wire/message/receipt.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { CommandError } from '../exit-codes.ts';
import { openTrial } from '../model/trial.ts';
import { type Machine, thisMachine } from './machine.ts';
import type { Statement } from './statement.ts';

/** What came of the request here: the worker's own code ran it, in a confined process of the worker's own program. */
export interface Rerun {
  readonly outcome: Outcome;
  /** The whole body, a stream's pieces joined. */
  readonly body: Uint8Array;
  readonly milliseconds: number;
  /** What the model was given, of a model of tensors that was run. */
  readonly inputs: readonly Tensor[] | null;
}

const LOAD_MS = 600_000;

/**
 * The release is loaded as a worker loads it: manifest, signature and digests are checked on the way, by the configuration
 * that the worker attested. So a folder with other bytes is refused before anything runs.
 */
export async function rerun(statement: Statement, folder: ReleaseFolder): Promise<Rerun> {
  return withLoaded(statement, folder, (release) => timed(statement, release));
}

/** Does something with a release that is loaded by the worker's rules, in a process that ends with it. */
export async function withLoaded<T>(
  statement: Statement,
  folder: ReleaseFolder,
  work: (release: Release) => Promise<T>,
): Promise<T> {
  const { manifest } = folder;
  const trial = await openTrial({ memoryBytes: manifest.limits.memoryBytes, loadMilliseconds: LOAD_MS });
  try {
    const releases = createReleases({
      configuration: statement.configuration,
      runtime: runtimeOf(thisMachine()),
      pool: trial.pool,
      makeRecipient: () => Promise.reject(new CommandError('an encrypted release needs its key')),
    });
    await releases.announce(folder.signed);
    for (const [file, { size }] of manifest.files.entries()) {
      const pieces = size === 0 ? [new Uint8Array(0)] : folder.read(file);
      for await (const bytes of pieces) await releases.receive({ modelId: folder.modelId, file, bytes });
    }
    const release = releases.find(folder.modelId);
    if (release === undefined) throw new CommandError('the release has fewer bytes than its manifest says');
    return await work(release);
  } finally {
    trial.close();
  }
}

function runtimeOf({
  engine,
  version,
  provider,
  optimisation,
  threads,
}: Machine): Omit<Machine, 'cpuFamily' | 'cpuIsa'> {
  return { engine, version, provider, optimisation, threads };
}

async function timed(statement: Statement, release: Release): Promise<Rerun> {
  const pieces: Uint8Array[] = [];
  let inputs: Rerun['inputs'] = null;
  const watched = watching(release, (given) => {
    inputs = given;
  });
  const started = performance.now();
  const outcome = await attempt(statement, watched, (bytes) => void pieces.push(bytes));
  const milliseconds = performance.now() - started;
  return { outcome, body: concatBytes(...pieces, outcome.body.body), milliseconds, inputs };
}

/** The body is the worker's code to read: what it makes of it is seen on the way into the model. */
function watching(release: Release, onInputs: (inputs: readonly Tensor[]) => void): Release {
  if (release.kind !== 'tensor') return release;
  const { model } = release;
  const run: typeof model.run = (inputs, outputs, options) => {
    onInputs(inputs);
    return model.run(inputs, outputs, options);
  };
  return { ...release, model: { ...model, run } };
}

async function attempt(
  { request, configuration, receipt }: Statement,
  release: Release,
  onPiece: (bytes: Uint8Array) => void,
): Promise<Outcome> {
  const under = { endedBy: null, signal: new AbortController().signal };
  // A language model's answer names the execution that computed it. Here it is the worker's that is written: whether this
  // machine's is the same is compared, and said, apart.
  const executionOf = (_: ExecutionDetail): ReturnType<WorkOptions['executionOf']> => ({
    bytes: new Uint8Array(0),
    hash: receipt.execution,
  });
  const options: WorkOptions = { configuration, executionOf, under, onPiece };
  try {
    if (release.kind === 'tensor') return await tensorWork(release, request, options);
    return await languageWork(release, request, readLanguageRequest(release, request), options);
  } catch (error) {
    return failed(error, under);
  }
}

/** Why nothing came that could be compared: the fault of this machine, or a worker that answered what it must refuse. */
export function noResult({ outcome }: Rerun): string | undefined {
  if (outcome.status === status.ok) return undefined;
  return outcome.error ?? 'no result';
}
