import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { releaseStatus, releaseStatusMessage } from '../../wire/message/authorisations.ts';
import {
  decodeSignedStatus,
  encodeSignedStatus,
  type ReleaseStatusName,
  type SignedStatus,
} from '../../wire/message/hub.ts';
import { copyOf } from '../copy.ts';
import type { RefusedCode, UntrustedCode } from '../errors.ts';
import { type Check, type Verdict, type Verified, verified } from '../result.ts';
import {
  type CheckName,
  checkOfError,
  failed,
  leftOpen,
  notAsked,
  notReached,
  passed,
  type Rule,
  runAll,
  runUntilFailure,
} from '../rules.ts';

/** The owner's word on a release after it was published. It carries no date: nobody can prove that it is the last one. */
export interface StatusFacts {
  readonly modelId: Uint8Array;
  readonly owner: Uint8Array;
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
}

export type SeenStatus = Pick<SignedStatus, 'status' | 'sequence'>;

export interface StatusOptions {
  readonly modelId: Uint8Array;
  /** The owner that the release's proven manifest names; what a status says of its owner does not count. */
  readonly owner: Uint8Array;
  /** The highest one of this release that was accepted before, wherever it came from. */
  readonly seen: SeenStatus | 'nothing';
  /** `deprecated` refuses what is yanked as well. */
  readonly refuse: 'nothing' | 'yanked' | 'deprecated';
  readonly suite: Suite;
}

interface Context {
  readonly given: SignedStatus;
  readonly options: StatusOptions;
}

const proofRules: readonly Rule<Context, UntrustedCode>[] = [
  {
    id: 'T1',
    title: 'the status names this release',
    run: ({ given, options }) =>
      equalBytes(given.modelId, options.modelId)
        ? passed(toHex(given.modelId))
        : failed('status_mismatch', 'it is the status of another release'),
  },
  {
    id: 'T2',
    title: "the status names the release's owner",
    run: ({ given, options }) =>
      equalBytes(given.owner, options.owner)
        ? passed(toHex(given.owner))
        : failed('status_mismatch', 'it names another owner'),
  },
  {
    id: 'T3',
    title: "the owner's signature of the status verifies",
    run: async ({ given, options }) => {
      try {
        const point = concatBytes(Uint8Array.of(4), options.owner);
        const message = releaseStatusMessage(options.modelId, releaseStatus[given.status], given.sequence);
        if (await verifyLowS(options.suite, point, message, given.signature)) return passed('ECDSA P-256, low s');
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
      return failed('status_signature', 'the owner did not sign this status');
    },
  },
];

const policyRules: readonly Rule<Context, RefusedCode>[] = [
  {
    id: 'T4',
    title: 'the status is not older than one that was seen',
    run: ({ given, options: { seen } }) => {
      if (seen === 'nothing') return passed('none was seen before');
      return given.sequence >= seen.sequence
        ? passed(`${given.sequence} after ${seen.sequence}`)
        : failed('status_replayed', `${given.sequence} after ${seen.sequence}`);
    },
  },
  {
    id: 'T5',
    title: 'the owner gave this number to no other status',
    run: ({ given, options: { seen } }) =>
      seen === 'nothing' || seen.sequence !== given.sequence || seen.status === given.status
        ? passed(`${given.sequence}`)
        : failed('status_equivocation', `${given.sequence} is ${seen.status} and ${given.status}, each signed`),
  },
  {
    id: 'T6',
    title: 'the release is not withdrawn',
    run: ({ given: { status }, options: { refuse } }) => {
      if (refuse === 'nothing') return notAsked(`any status; it is ${status}`);
      if (status === 'yanked') return failed('release_yanked', 'its owner withdrew it');
      if (status === 'deprecated' && refuse === 'deprecated') {
        return failed('release_deprecated', 'its owner advises against it');
      }
      return passed(status);
    },
  },
];

const parsing: CheckName = { id: 'T0', title: 'the status is well formed' };

/** All that is checked about a status, in order, for whoever was shown none. */
export const statusChecks: readonly CheckName[] = [parsing, ...proofRules, ...policyRules];

/** Two signed statuses under one number show that an owner, or a thief of its key, says different things to different people. */
export async function verifyStatus(
  given: SignedStatus,
  options: StatusOptions,
): Promise<Verdict<Verified<StatusFacts>>> {
  const asked: StatusOptions = {
    ...options,
    modelId: copyOf(options.modelId, 'modelId'),
    owner: copyOf(options.owner, 'owner'),
  };
  // Read once: what is judged and what is proven must be the same.
  const status = parse({
    ...given,
    modelId: copyOf(given.modelId, 'status.modelId'),
    owner: copyOf(given.owner, 'status.owner'),
    signature: copyOf(given.signature, 'status.signature'),
  });
  if (status instanceof WireError) {
    const checks: readonly Check[] = [checkOfError(parsing, status), ...notReached(statusChecks.slice(1))];
    return { verdict: 'malformed', code: 'status_invalid', checks, notProven: [] };
  }
  const context: Context = { given: status, options: asked };
  const detail = `${status.status}, number ${status.sequence}`;
  const before: readonly Check[] = [{ ...parsing, outcome: 'passed', detail }];
  const proof = await runUntilFailure(proofRules, context);
  if (proof.code !== null) {
    const checks = [...before, ...proof.checks, ...notReached(policyRules)];
    return { verdict: 'untrusted', code: proof.code, checks, notProven: [] };
  }
  const policy = await runAll(policyRules, context);
  const checks = [...before, ...proof.checks, ...policy.checks];
  const notProven = [
    ...leftOpen(policy.checks),
    {
      id: 'status',
      reason: `whether the owner has said anything since status ${status.sequence}: it has no date, and who shows it can keep a later one back`,
    },
  ];
  if (policy.code !== null) return { verdict: 'refused', code: policy.code, checks, notProven };
  const { signature: _, ...facts } = status;
  return { verdict: 'accepted', proven: verified<StatusFacts>(facts), checks, notProven };
}

function parse(given: SignedStatus): SignedStatus | WireError {
  try {
    return decodeSignedStatus(encodeSignedStatus(given));
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}
