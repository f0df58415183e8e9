import {
  parseUnverifiedArchive,
  type ReceiptFacts,
  type ReleaseFacts,
  type Verified,
  type WorkerPolicy,
} from '../../verifier/index.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { decodeRequestHeader } from '../../wire/message/request.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { ClientError } from '../errors.ts';
import { requireHardwareLevel, type Way, wayTo } from './availability.ts';
import { joinEvidence, type LevelEvidence } from './evidence.ts';
import { integersOf } from './exchange.ts';
import { type GainedLevel, isGained, type Level } from './level.ts';
import { hasLevel, levelState, levelsOf, type ResultLevels } from './levels.ts';
import type { Reach } from './reach.ts';

/** What came of asking for a level: all that was checked, and what it was checked by, to be kept beside the archive. */
export interface LevelGain {
  readonly asked: Level;
  readonly result: ResultLevels;
  readonly evidence: LevelEvidence;
}

/** An answer that the call has verified. */
export interface GainingAnswer {
  readonly receipt: Verified<ReceiptFacts>;
  readonly header: Uint8Array;
  readonly outputs: readonly Tensor[] | 'text';
  archive(): Uint8Array;
}

/** The second half, for when the answer is there. Throws unless the level is reached. */
export type Gaining = (answer: GainingAnswer) => Promise<LevelGain | 'none-asked'>;

export interface Gains {
  /** Before anything is sent: `level_unavailable` where it is known by then that the level will not be reached. */
  prepare(level: Level | undefined, call: PreparedCall): Promise<Gaining>;
}

export interface PreparedCall {
  readonly inputs: readonly Tensor[] | 'text';
  /** Proven, from the host that would be asked. */
  release(): Promise<Verified<ReleaseFacts>>;
}

export interface GainsOptions {
  readonly reach: Reach | undefined;
  readonly worker: WorkerPolicy;
  readonly suite: Suite;
  readonly now: () => number;
}

export function createGains(options: GainsOptions): Gains {
  const { reach, worker, suite, now } = options;

  async function gain(way: Way, call: Required<PreparedCall>, answer: GainingAnswer): Promise<LevelGain> {
    const before = now();
    const gathered = await gather(way, call, answer);
    const seconds = Math.max(0, now() - before) / 1_000;
    const cost = { level: way.level, gas: 'unknown', seconds } as const;
    const evidence = joinEvidence(gathered, { costs: [cost] });
    const result = await levelsOf(
      {
        archive: parseUnverifiedArchive(answer.archive()),
        attestation: { kind: 'call', receipt: answer.receipt },
        policy: (reach as Reach).policy,
        publishers: worker.publishers,
        suite,
      },
      evidence,
    );
    requireLevel(result, way.level, answer);
    return { asked: way.level, result, evidence };
  }

  return {
    async prepare(level, call) {
      if (level === undefined) return async () => 'none-asked';
      if (!isGained(level)) {
        requireHardwareLevel(level, worker);
        return async () => 'none-asked';
      }
      const release = await call.release();
      const way = await wayTo(level, { release, inputs: call.inputs }, { reach, worker, suite });
      return (answer) => gain(way, { ...call, release: async () => release }, answer);
    },
  };
}

/** Whatever goes wrong here, an answer has been paid for: the error carries its archive, and no value that looks usable. */
async function gather(way: Way, call: PreparedCall, answer: GainingAnswer): Promise<Partial<LevelEvidence>> {
  const archive = answer.archive();
  try {
    switch (way.level) {
      case 'replayed': {
        const { requestId: escrow } = answer.receipt;
        const statement = { chainId: 0n, verifier: new Uint8Array(20), escrow };
        const { approvals, findings } = await way.auditors.ask({ archive, statement });
        return { approvals, findings };
      }
      case 'recomputed': {
        const { by, program } = way;
        const outputs = await program.compute((await rowOf(call, answer)).inputs);
        return { recomputations: [{ by, where: program.where, outputs }] };
      }
      case 'proved': {
        const { circuitKey } = way.prover;
        return { circuitKeys: [circuitKey], proofs: [await way.prover.prove(await rowOf(call, answer))] };
      }
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    throw new ClientError('level_not_reached', `${way.level}: ${why}`, { reason: 'reach_failed', archive });
  }
}

interface Row {
  readonly salt: Uint8Array;
  readonly inputs: readonly (readonly bigint[])[];
  readonly outputs: readonly (readonly bigint[])[];
}

async function rowOf({ inputs, release }: PreparedCall, { header, outputs }: GainingAnswer): Promise<Row> {
  const { manifest } = await release();
  const given = inputs === 'text' ? undefined : integersOf(manifest.inputs, inputs);
  const answered = outputs === 'text' ? undefined : integersOf(manifest.outputs, outputs);
  if (given === undefined || answered === undefined) {
    throw new ClientError('level_not_reached', 'the answer is not all of the integers that the release names');
  }
  return { salt: decodeRequestHeader(header).salt, inputs: given, outputs: answered };
}

/** What does not hold is somebody's lie or a fault of the worker; what is not there may come another time. */
function requireLevel(result: ResultLevels, level: GainedLevel, answer: GainingAnswer): void {
  if (hasLevel(result, level)) return;
  const state = levelState(result, level);
  const archive = answer.archive();
  if (result.standing === 'disputed') {
    throw new ClientError('level_refused', `${level}: an auditor whom you name computed other bits`, {
      ...{ reason: 'disputed', verdict: result, archive },
    });
  }
  if (state.state === 'reached') return;
  const code = state.state === 'refused' ? 'level_refused' : 'level_not_reached';
  throw new ClientError(code, `${level}: ${state.code}: ${state.detail}`, {
    ...{ reason: state.code, verdict: result, archive },
  });
}
