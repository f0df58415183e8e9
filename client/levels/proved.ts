import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import { commitmentOf } from '../../wire/commitment/index.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { ProofError } from '../proofs/errors.ts';
import type { OpenedKey, ProvenResult } from '../proofs/index.ts';
import type { LevelEvidence } from './evidence.ts';
import { tensorsOf } from './exchange.ts';
import type { LevelsPolicy } from './policy.ts';
import { type Judged, type LeftOut, notReached, refused } from './state.ts';
import type { Statement } from './statement.ts';

export interface ProvedOptions {
  readonly policy: LevelsPolicy;
  readonly suite: Suite;
}

/**
 * Level `proved`: a proof that holds, of the circuit that the release names, about the commitment that the receipt has and
 * that request and answer hash to. The arithmetic of pairings is loaded where there is a proof to check, and only there.
 */
export async function judgeProved(
  statement: Statement,
  { proofs, circuitKeys }: Pick<LevelEvidence, 'proofs' | 'circuitKeys'>,
  { policy, suite }: ProvedOptions,
): Promise<Judged> {
  const { manifest, receipt } = statement;
  if (policy.setups === 'none') return notReached('policy_none', 'it accepts no setup');
  if (manifest.circuit === null) return notReached('circuit_none', 'there is nothing to prove with');
  if (proofs.length === 0) return notReached('evidence_missing', 'no proof');
  if (circuitKeys.length === 0) return notReached('key_missing', toHex(manifest.circuit));
  const opened = await openNamed(manifest.circuit, circuitKeys, suite);
  if (!('key' in opened)) return opened;
  const { key, leftOut } = opened;
  if (key.setup.kind === 'dev' && policy.setups !== 'dev-too') {
    return refused('setup_refused', setupWords(key), leftOut);
  }
  if (isZero(receipt.commitment)) return refused('commitment_none', 'it is zero', leftOut);
  const committed = committedOf(statement);
  if (committed === undefined || !equalBytes(committed, receipt.commitment)) {
    return refused('commitment_contradicts', toHex(receipt.commitment), leftOut);
  }
  return await judgeProofs(proofs, { key, commitment: receipt.commitment, leftOut });
}

interface ProofQuestion {
  readonly key: OpenedKey;
  readonly commitment: Uint8Array;
  readonly leftOut: readonly LeftOut[];
}

/** One proof that holds is enough: a wrong one beside it takes nothing away, since anybody can make one. */
async function judgeProofs(
  proofs: readonly Uint8Array[],
  { key, commitment, leftOut: before }: ProofQuestion,
): Promise<Judged> {
  const { verifyProof } = await import('../proofs/index.ts');
  const wrong: LeftOut[] = [];
  const holding: ProvenResult[] = [];
  for (const proof of proofs) {
    try {
      const proven = verifyProof(key, proof);
      if (equalBytes(proven.commitment, commitment)) holding.push(proven);
      else wrong.push({ what: 'proof', code: 'commitment_of_another', detail: toHex(proven.commitment) });
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      wrong.push({ what: 'proof', code: error.code, detail: error.message });
    }
  }
  const leftOut = [...before, ...wrong];
  const [first] = wrong;
  if (holding.length === 0 && first !== undefined) {
    return refused(first.code as ProofError['code'], first.detail, leftOut);
  }
  return {
    ruling: {
      state: 'reached',
      by: [`a proof of the circuit ${toHex(key.digest)}; ${setupWords(key)}`],
      assumes: [
        key.setup.kind === 'dev'
          ? 'that the one party who made the setup proves nothing false: it can'
          : 'that one party in each phase of the setup destroyed what it drew; the counts are the publisher’s word',
        'that the circuit is the model: the publisher signed that it is, and whoever has both can compare',
        'Groth16 over BN254, and Poseidon',
      ],
    },
    leftOut,
  };
}

type Opened = { readonly key: OpenedKey; readonly leftOut: readonly LeftOut[] };

async function openNamed(circuit: Uint8Array, keys: readonly Uint8Array[], suite: Suite): Promise<Opened | Judged> {
  const leftOut: LeftOut[] = [];
  const { openCircuitKey } = await import('../proofs/index.ts');
  for (const bytes of keys) {
    const digest = await suite.sha256(bytes);
    if (!equalBytes(digest, circuit)) {
      leftOut.push({ what: 'circuit key', code: 'circuit_of_another', detail: toHex(digest) });
      continue;
    }
    try {
      return { key: await openCircuitKey(suite, bytes), leftOut };
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      return refused(error.code, error.message, leftOut);
    }
  }
  return refused('circuit_of_another', leftOut[0]?.detail ?? '', leftOut);
}

function committedOf(statement: Statement): Uint8Array | undefined {
  try {
    return commitmentOf(statement.manifest, { salt: statement.header.salt, ...tensorsOf(statement) });
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

export function setupWords({ setup }: Pick<OpenedKey, 'setup'>): string {
  const counts = `${setup.phase1} and ${setup.phase2} contributions`;
  return setup.kind === 'dev' ? `dev setup (${counts})` : `ceremony (${counts})`;
}
