import { toHex } from '../../wire/bytes.ts';
import {
  array,
  either,
  hexBytes,
  integer,
  literal,
  object,
  oneOf,
  type Reader,
  text,
} from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ClientError } from '../errors.ts';

/**
 * Whom somebody believes beside the hardware. Every field is there: what is not wanted is "none". The published schema is
 * attestations/schemas/proofmark-levels-policy.schema.json.
 */
export interface LevelsPolicyRules {
  readonly format: 'proofmark levels policy v1';
  readonly name: string;
  /** Whose word counts for `replayed`, and how many of them it takes. A dispute by any one of them downgrades. */
  readonly auditors: 'none' | NamedAuditors;
  /** `ceremony`: two parties or more in each phase of a circuit's setup. `dev-too`: one party, who can prove anything. */
  readonly setups: 'none' | 'ceremony' | 'dev-too';
  /** Who may have computed it again: this machine, or a chain as the caller's node shows it. */
  readonly recomputations: 'none' | Recomputer | 'any';
}

export type Recomputer = 'this-machine' | 'chain';

export interface NamedAuditors {
  /** x || y each. */
  readonly keys: readonly Uint8Array[];
  readonly threshold: number;
}

declare const parsed: unique symbol;

/** Only `parseLevelsPolicy` makes one. */
export type LevelsPolicy = LevelsPolicyRules & { readonly [parsed]: true };

const made = new WeakSet<object>();

const rules: Reader<LevelsPolicyRules> = object<LevelsPolicyRules>({
  format: literal('proofmark levels policy v1'),
  name: text({ min: 1, max: 128 }),
  auditors: either<'none', NamedAuditors>(literal('none'), namedAuditors),
  setups: oneOf(['none', 'ceremony', 'dev-too']),
  recomputations: oneOf(['none', 'this-machine', 'chain', 'any']),
});

function namedAuditors(value: unknown, path: string): NamedAuditors {
  const named = object<NamedAuditors>({
    keys: array(hexBytes(64), { min: 1, max: limits.levelAuditors }),
    threshold: integer({ min: 1, max: limits.levelAuditors }),
  })(value, path);
  // Thresholds count parties, and one key is one party however often it is listed.
  const distinct = new Set(named.keys.map(toHex)).size;
  if (distinct < named.keys.length) {
    throw new WireError('field_invalid', 'an auditor is named twice', { field: `${path}.keys` });
  }
  if (named.threshold > distinct) {
    throw new WireError('field_invalid', 'more than are named', { field: `${path}.threshold` });
  }
  return named;
}

/** From JSON bytes, or from what parsed JSON gave. Throws `argument_invalid` with the place. */
export function parseLevelsPolicy(source: Uint8Array | JsonValue): LevelsPolicy {
  try {
    const value = source instanceof Uint8Array ? parseJson(source, limits.policyBytes) : source;
    const policy = Object.freeze(rules(value, 'levels policy'));
    made.add(policy);
    return policy as LevelsPolicy;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
}

export function isLevelsPolicy(value: unknown): value is LevelsPolicy {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** For whoever names nobody: proofs of a ceremony are mathematics, and everything else takes a choice. */
export const usualLevelsPolicy: LevelsPolicy = parseLevelsPolicy({
  format: 'proofmark levels policy v1',
  name: 'nobody but mathematics',
  auditors: 'none',
  setups: 'ceremony',
  recomputations: 'none',
});
