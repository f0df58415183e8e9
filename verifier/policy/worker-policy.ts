import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { VerifierError } from '../errors.ts';
import { isParsedPolicy, type NitroPolicy, parsePolicy } from './policy.ts';
import { isParsedSnpPolicy, parseSnpPolicy, type SnpPolicy } from './snp-policy.ts';

/** What a worker is accepted by. One policy is for one kind of hardware: measurements of another mean nothing to it. */
export type WorkerPolicy = NitroPolicy | SnpPolicy;

/**
 * Reads a policy for whichever hardware it names in `tee`, from JSON bytes or from what parsed JSON gave. Throws
 * `policy_invalid` with the place, as `parsePolicy` and `parseSnpPolicy` do.
 */
export function parseWorkerPolicy(source: Uint8Array | JsonValue): WorkerPolicy {
  const { value, tee } = lookAt(source);
  switch (tee) {
    case 'aws-nitro':
      return parsePolicy(value);
    case 'amd-sev-snp':
      return parseSnpPolicy(value);
    default:
      throw new VerifierError('policy_invalid', 'aws-nitro or amd-sev-snp expected', { field: 'tee' });
  }
}

export function isParsedWorkerPolicy(value: unknown): value is WorkerPolicy {
  return isParsedPolicy(value) || isParsedSnpPolicy(value);
}

/** Only to choose a reader, which reads the word again and takes no other. */
function lookAt(source: Uint8Array | JsonValue): { readonly value: JsonValue; readonly tee: unknown } {
  try {
    const value = source instanceof Uint8Array ? parseJson(source, limits.policyBytes) : source;
    const named = typeof value === 'object' && value !== null && Object.hasOwn(value, 'tee');
    return { value, tee: named ? (value as { readonly tee?: unknown }).tee : undefined };
  } catch (error) {
    // Anything else comes out of the caller's own object: a getter that throws, a revoked proxy.
    if (!(error instanceof WireError)) throw new VerifierError('policy_invalid', 'the object cannot be read');
    const { offset } = error.place;
    throw new VerifierError('policy_invalid', error.detail, offset === undefined ? {} : { offset });
  }
}
