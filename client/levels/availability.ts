import type { ReleaseFacts, Verified, WorkerPolicy } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { integerForm, whyUncommittable } from '../../wire/commitment/index.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { ClientError } from '../errors.ts';
import { ProofError } from '../proofs/errors.ts';
import { integersOf } from './exchange.ts';
import type { GainedLevel, Level } from './level.ts';
import type { OpenProgram, OpenProver, Reach, ReachesAuditors } from './reach.ts';

/** Why a level cannot be reached, known before anything is sent. The reason of a `level_unavailable`. */
export type UnavailableReason =
  /** The worker policy is for tests, and nobody vouches. */
  | 'policy_simulated'
  /** The worker policy is for hardware, which is more. */
  | 'policy_of_hardware'
  /** The client was not connected with anything that reaches it. */
  | 'reach_none'
  /** The levels policy accepts nobody for it. */
  | 'policy_none'
  /** Fewer of the auditors whom the policy names can be asked than it wants. */
  | 'auditors_few'
  /** The model takes or gives something else than integers. */
  | 'not_integers'
  /** The request is not one row of the shapes that the release names. */
  | 'not_one_row'
  | 'circuit_none'
  | 'circuit_of_another'
  | 'key_invalid'
  | 'setup_refused'
  /** What would reach it says that it cannot for this release. */
  | 'reach_refuses';

/** What is asked about. */
export interface LevelCall {
  readonly release: Verified<ReleaseFacts>;
  /** `text` for language calls. */
  readonly inputs: readonly Tensor[] | 'text';
}

export interface AvailabilityOptions {
  readonly reach: Reach | undefined;
  readonly worker: WorkerPolicy;
  readonly suite: Suite;
}

/** How the level will be reached. */
export type Way =
  | { readonly level: 'replayed'; readonly auditors: ReachesAuditors }
  | { readonly level: 'recomputed'; readonly by: 'this-machine' | 'chain'; readonly program: OpenProgram }
  | { readonly level: 'proved'; readonly prover: OpenProver };

function unavailable(level: Level, reason: UnavailableReason, detail: string): ClientError {
  return new ClientError('level_unavailable', `${level}: ${detail}`, { reason });
}

/** The hardware's levels are the worker policy's to choose. */
export function requireHardwareLevel(level: 'simulated' | 'attested', { level: accepted }: WorkerPolicy): void {
  if (level === accepted) return;
  throw level === 'attested'
    ? unavailable(level, 'policy_simulated', 'the worker policy accepts simulated evidence')
    : unavailable(level, 'policy_of_hardware', 'the worker policy accepts hardware only');
}

/** Everything that can be known before the request is sent: afterwards it has been paid for. */
export async function wayTo(level: GainedLevel, call: LevelCall, { reach, suite }: AvailabilityOptions): Promise<Way> {
  const available = reach?.[level] ?? 'none';
  if (reach === undefined || available === 'none') {
    throw unavailable(level, 'reach_none', 'the client was connected without anything that reaches it');
  }
  switch (level) {
    case 'replayed':
      return { level, auditors: reachableAuditors(reach) };
    case 'recomputed':
      return await programOf(call, reach);
    case 'proved':
      return { level, prover: await proverOf(call, reach, suite) };
  }
}

function reachableAuditors({ policy, replayed }: Reach): ReachesAuditors {
  if (policy.auditors === 'none' || replayed === 'none') {
    throw unavailable('replayed', 'policy_none', 'the levels policy names no auditors');
  }
  const { keys, threshold } = policy.auditors;
  const named = keys.filter((key) => replayed.keys.some((other) => equalBytes(other, key)));
  if (named.length < threshold) {
    throw unavailable('replayed', 'auditors_few', `${named.length} can be asked, and it takes ${threshold}`);
  }
  return replayed;
}

async function programOf({ release, inputs }: LevelCall, { policy, recomputed }: Reach): Promise<Way> {
  const level = 'recomputed';
  if (recomputed === 'none') throw unavailable(level, 'reach_none', 'nothing computes');
  const { by } = recomputed;
  if (policy.recomputations !== 'any' && policy.recomputations !== by) {
    throw unavailable(level, 'policy_none', `the levels policy does not accept ${by}`);
  }
  requireIntegers(level, release, inputs);
  const program = await recomputed.open(release);
  if (program === 'unavailable') throw unavailable(level, 'reach_refuses', 'nothing computes this release');
  return { level, by, program };
}

async function proverOf({ release, inputs }: LevelCall, { policy, proved }: Reach, suite: Suite): Promise<OpenProver> {
  const level = 'proved';
  const { manifest } = release;
  if (policy.setups === 'none') throw unavailable(level, 'policy_none', 'the levels policy accepts no setup');
  if (manifest.circuit === null) throw unavailable(level, 'circuit_none', 'the release names no circuit');
  const why = whyUncommittable(manifest);
  if (why !== undefined) throw unavailable(level, 'not_integers', why);
  requireIntegers(level, release, inputs);
  const prover = proved === 'none' ? 'unavailable' : await proved.open(release);
  if (prover === 'unavailable') throw unavailable(level, 'reach_refuses', 'nothing proves this release');
  const setup = await setupOfKey(prover.circuitKey, { circuit: manifest.circuit, suite });
  if (setup === 'dev' && policy.setups !== 'dev-too') {
    throw unavailable(level, 'setup_refused', 'one party made the setup, and can prove anything');
  }
  return prover;
}

async function setupOfKey(
  bytes: Uint8Array,
  { circuit, suite }: { readonly circuit: Uint8Array; readonly suite: Suite },
): Promise<'dev' | 'ceremony'> {
  if (!equalBytes(await suite.sha256(bytes), circuit)) {
    throw unavailable('proved', 'circuit_of_another', 'the key is not the one that the release names');
  }
  const { openCircuitKey } = await import('../proofs/index.ts');
  try {
    return (await openCircuitKey(suite, bytes)).setup.kind;
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    throw unavailable('proved', 'key_invalid', error.message);
  }
}

function requireIntegers(level: Level, { manifest }: Verified<ReleaseFacts>, inputs: LevelCall['inputs']): void {
  const odd = [...manifest.inputs, ...manifest.outputs].some(({ datatype }) => integerForm(datatype) === undefined);
  if (inputs === 'text' || manifest.kind !== 'tensor' || odd || integersOf(manifest.inputs, inputs) === undefined) {
    throw unavailable(level, 'not_integers', 'only integers have the same value everywhere');
  }
  const isRow = manifest.inputs.every(({ name, shape }) => {
    const tensor = inputs.find((candidate) => candidate.name === name);
    return (
      tensor?.shape.length === shape.length &&
      tensor.shape.every((size, axis) => (axis === 0 ? size === 1 : size === shape[axis]))
    );
  });
  if (!isRow) throw unavailable(level, 'not_one_row', 'one row of each input is computed and proved at a time');
}
