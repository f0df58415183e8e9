import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import { decodeManifest, type Manifest, type SignedRelease } from '../../wire/message/manifest.ts';
import { copyOf } from '../copy.ts';
import type { RefusedCode, UntrustedCode } from '../errors.ts';
import { type Any, isListed } from '../policy/readers.ts';
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

/** A manifest that its owner signed, under the identity that receipts name. */
export interface ReleaseFacts {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
}

export interface ReleaseOptions {
  /** The model that a receipt or a person named; the host's word for it does not count. */
  readonly modelId: Uint8Array;
  readonly publishers: Any | readonly Uint8Array[];
  readonly suite: Suite;
}

interface Context {
  readonly release: SignedRelease;
  readonly manifest: Manifest;
  readonly options: ReleaseOptions;
}

const proofRules: readonly Rule<Context, UntrustedCode>[] = [
  {
    id: 'M1',
    title: 'the manifest hashes to the model id',
    run: async ({ release, options }) =>
      equalBytes(await options.suite.sha256(release.manifest), options.modelId)
        ? passed(toHex(options.modelId))
        : failed('release_mismatch', 'it is the manifest of another model'),
  },
  {
    id: 'M2',
    title: 'the manifest names the owner whose key signed',
    run: ({ release, manifest }) =>
      equalBytes(manifest.owner, release.owner)
        ? passed(toHex(release.owner))
        : failed('release_mismatch', 'it names another owner'),
  },
  {
    id: 'M3',
    title: "the owner's signature verifies",
    run: async ({ release, options }) => {
      try {
        const point = concatBytes(Uint8Array.of(4), release.owner);
        const message = releaseMessage(options.modelId);
        if (await verifyLowS(options.suite, point, message, release.signature)) return passed('ECDSA P-256, low s');
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
      return failed('release_signature', 'the owner did not sign this manifest');
    },
  },
];

const policyRules: readonly Rule<Context, RefusedCode>[] = [
  {
    id: 'M4',
    title: 'the publisher is accepted',
    run: ({ release, options }) => {
      if (options.publishers === 'any') return notAsked('any publisher');
      return isListed(options.publishers, release.owner)
        ? passed('on the list')
        : failed('publisher_refused', toHex(release.owner));
    },
  },
];

const parsing: CheckName = { id: 'M0', title: 'the manifest is well formed and canonical' };

/** All that is checked about a release, in order, for whoever did not come to it. */
export const releaseChecks: readonly CheckName[] = [parsing, ...proofRules, ...policyRules];

/** Holds a signed manifest against the model id that a receipt or a person named, and against the policy’s publishers. */
export async function verifyRelease(
  given: SignedRelease,
  options: ReleaseOptions,
): Promise<Verdict<Verified<ReleaseFacts>>> {
  // Copies: what is parsed here and what is hashed later must be the same bytes.
  const release: SignedRelease = {
    manifest: copyOf(given.manifest, 'manifest'),
    owner: copyOf(given.owner, 'owner'),
    signature: copyOf(given.signature, 'signature'),
  };
  const modelId = copyOf(options.modelId, 'modelId');
  const manifest = parse(release.manifest);
  if (manifest instanceof WireError) {
    const checks: readonly Check[] = [checkOfError(parsing, manifest), ...notReached([...proofRules, ...policyRules])];
    return { verdict: 'malformed', code: 'manifest_invalid', checks, notProven: [] };
  }
  const context: Context = { release, manifest, options: { ...options, modelId } };
  const before: readonly Check[] = [{ ...parsing, outcome: 'passed', detail: `${manifest.name} ${manifest.version}` }];
  const proof = await runUntilFailure(proofRules, context);
  if (proof.code !== null) {
    const checks = [...before, ...proof.checks, ...notReached(policyRules)];
    return { verdict: 'untrusted', code: proof.code, checks, notProven: [] };
  }
  const policy = await runAll(policyRules, context);
  const checks = [...before, ...proof.checks, ...policy.checks];
  const notProven = leftOpen(policy.checks);
  if (policy.code !== null) return { verdict: 'refused', code: policy.code, checks, notProven };
  const proven = verified<ReleaseFacts>({ modelId, manifest });
  return { verdict: 'accepted', proven, checks, notProven };
}

function parse(bytes: Uint8Array): Manifest | WireError {
  try {
    return decodeManifest(bytes);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}
