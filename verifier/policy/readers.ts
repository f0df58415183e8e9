import { equalBytes } from '../../wire/bytes.ts';
import {
  array,
  decimal,
  either,
  hexBytes,
  integer,
  literal,
  object,
  oneOf,
  type Reader,
  type Shape,
  text,
} from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { type Anchor, anchorOf, isVendorRoot } from '../anchors.ts';
import { utcTime } from '../codec/time.ts';
import { VerifierError } from '../errors.ts';
import { deepFreeze } from '../result.ts';

/** What the policies for all kinds of hardware have in common, and how they are read. */

/** The word that switches a rule off. Leaving a rule out is an error instead (DESIGN A8). */
export type Any = 'any';

/** What a receipt's money and place must be; zeros in the identity never match a chain that is named here. */
export interface PolicyChain {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly settlement: Uint8Array;
}

/** Who made the policy for what, until when, and who vouches for the hardware. */
export interface PolicyHead {
  readonly version: 1;
  readonly name: string;
  /** Milliseconds since 1970. A policy is a judgement of its day: after this time it accepts nothing. */
  readonly expires: number;
  readonly level: 'attested' | 'simulated';
  /** SHA-256 of root certificates. */
  readonly roots: readonly Uint8Array[];
}

/** Third parties whose word about time the policy takes (DESIGN section 4). An empty list takes nobody's. */
export interface AnchorRules {
  /** Keys x || y. Any one of them may date a head or a challenge. */
  readonly cosigners: readonly Uint8Array[];
  /** How long after a document was made a head may be dated that an archive accepts under its key. */
  readonly maxKeyAgeSeconds: number;
}

/** What a policy asks of a worker beyond its hardware and image, and of its receipts. */
export interface WorkerPolicyRules {
  readonly configurations: Any | readonly Uint8Array[];
  readonly runtimes: Any | readonly Uint8Array[];
  readonly operators: Any | readonly Uint8Array[];
  readonly chain: Any | PolicyChain;
  /** Release keys: x || y. */
  readonly publishers: Any | readonly Uint8Array[];
  readonly models: Any | readonly Uint8Array[];
  readonly sealed: Any | 'required';
  readonly headers: Any | 'client-only';
  readonly anchors: 'none' | AnchorRules;
}

export function listed<T>(item: Reader<T>): Reader<readonly T[]> {
  return array(item, { min: 0, max: limits.policyListItems });
}

export function orAny<T>(reader: Reader<T>): Reader<Any | T> {
  return either(literal('any'), reader);
}

export const seconds: Reader<number> = integer({ min: 0, max: 1_000_000_000 });

const expiryDate: Reader<number> = (value, path) => {
  const date = text({ min: 20, max: 20, pattern: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/ })(value, path);
  const [year, month, day, hour, minute, second] = date.split(/[-T:Z]/).map(Number) as Parameters<typeof utcTime>;
  const time = utcTime(year, month, day, hour, minute, second);
  if (time === undefined) throw new WireError('field_invalid', 'no such date', { field: path });
  return time;
};

export const headShape: Shape<PolicyHead> = {
  version: literal(1),
  name: text({ min: 1, max: 128 }),
  expires: expiryDate,
  level: oneOf(['attested', 'simulated']),
  roots: listed(hexBytes(32)),
};

export const workerShape: Shape<WorkerPolicyRules> = {
  configurations: orAny(listed(hexBytes(32))),
  runtimes: orAny(listed(hexBytes(32))),
  operators: orAny(listed(hexBytes(20))),
  chain: orAny(object<PolicyChain>({ chainId: decimal(256), registry: hexBytes(20), settlement: hexBytes(20) })),
  publishers: orAny(listed(hexBytes(64))),
  models: orAny(listed(hexBytes(32))),
  sealed: oneOf(['any', 'required']),
  headers: oneOf(['any', 'client-only']),
  anchors: either(literal('none'), object<AnchorRules>({ cosigners: listed(hexBytes(64)), maxKeyAgeSeconds: seconds })),
};

/** Reads and freezes a policy. Throws `policy_invalid` with the place, whatever the source is. */
export function readPolicy<Rules extends PolicyHead & { readonly tee: Anchor['tee'] }>(
  read: Reader<Rules>,
  source: Uint8Array | JsonValue,
): Rules {
  try {
    const rules = read(source instanceof Uint8Array ? parseJson(source, limits.policyBytes) : source, '');
    checkRoots(rules);
    return deepFreeze(rules);
  } catch (error) {
    if (error instanceof VerifierError) throw error;
    // Anything else comes out of the caller's own object: a getter that throws, a revoked proxy.
    if (!(error instanceof WireError)) throw new VerifierError('policy_invalid', 'the object cannot be read');
    const { field, offset } = error.place;
    throw new VerifierError('policy_invalid', error.detail, {
      ...(field === undefined ? {} : { field }),
      ...(offset === undefined ? {} : { offset }),
    });
  }
}

/** DESIGN A2: a hardware policy names its own vendor's roots and no others, a simulated one no vendor's. */
function checkRoots({ tee, level, roots }: PolicyHead & { readonly tee: Anchor['tee'] }): void {
  for (const [index, root] of roots.entries()) {
    const place = { field: `roots[${index}]` };
    if (level === 'attested' && anchorOf(tee, root) === undefined) {
      throw new VerifierError('policy_invalid', 'not a pinned vendor root', place);
    }
    if (level === 'simulated' && isVendorRoot(root)) {
      throw new VerifierError('policy_invalid', 'a vendor root in a simulated policy', place);
    }
  }
}

/** Whether a value is admitted by a rule; "any" must be asked about separately, so that it is reported as not asked. */
export function isListed(list: readonly Uint8Array[], value: Uint8Array): boolean {
  return list.some((entry) => equalBytes(entry, value));
}
