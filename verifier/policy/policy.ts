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
  text,
} from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { anchorOf } from '../anchors.ts';
import { utcTime } from '../codec/time.ts';
import { VerifierError } from '../errors.ts';
import { deepFreeze } from '../result.ts';

/** The word that switches a rule off. Leaving a rule out is an error instead (DESIGN A8). */
export type Any = 'any';

export interface NitroImage {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

/** What a receipt's money and place must be; zeros in the identity never match a chain that is named here. */
export interface PolicyChain {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly settlement: Uint8Array;
}

/** Every rule of a policy for AWS Nitro evidence. Nothing is optional; an empty list accepts nothing. */
export interface NitroPolicyRules {
  readonly version: 1;
  readonly name: string;
  /** Milliseconds since 1970. A policy is a judgement of its day: after this time it accepts nothing. */
  readonly expires: number;
  readonly tee: 'aws-nitro';
  readonly level: 'attested' | 'simulated';
  /** SHA-256 of root certificates. */
  readonly roots: readonly Uint8Array[];
  readonly images: Any | readonly NitroImage[];
  readonly pcrs: {
    readonly '3': Any | readonly Uint8Array[];
    readonly '4': Any | readonly Uint8Array[];
    readonly '8': Any | readonly Uint8Array[];
  };
  readonly debug: 'refuse' | 'allow';
  readonly maxAgeSeconds: Any | number;
  readonly futureSkewSeconds: number;
  readonly leafLifetimeSeconds: Any | number;
  readonly moduleId: Any | 'matches-certificate';
  readonly regions: Any | readonly string[];
  readonly unknownFields: 'refuse' | 'ignore';
  readonly userDataLimit: 512 | 1024;
  readonly configurations: Any | readonly Uint8Array[];
  readonly runtimes: Any | readonly Uint8Array[];
  readonly operators: Any | readonly Uint8Array[];
  readonly chain: Any | PolicyChain;
  /** Release keys: x || y. */
  readonly publishers: Any | readonly Uint8Array[];
  readonly models: Any | readonly Uint8Array[];
  readonly sealed: Any | 'required';
  readonly headers: Any | 'client-only';
  readonly denied: {
    /** SHA-256 of the signed part (TBSCertificate): a whole certificate has more than one valid encoding (C18). */
    readonly certificates: readonly Uint8Array[];
    readonly modules: readonly string[];
    /** PCR0 alone: it covers the whole image, so nothing else can move a denied image off this list. */
    readonly images: readonly Uint8Array[];
  };
}

declare const parsed: unique symbol;

/** A policy that `parsePolicy` made. Verification takes no other object, so no rule can be missing at run time either. */
export type NitroPolicy = NitroPolicyRules & { readonly [parsed]: 'policy' };

const made = new WeakSet<object>();

const listed = <T>(item: Reader<T>): Reader<readonly T[]> => array(item, { min: 0, max: limits.policyListItems });
const orAny = <T>(reader: Reader<T>): Reader<Any | T> => either(literal('any'), reader);
const seconds = integer({ min: 0, max: 1_000_000_000 });
const measurements = orAny(listed(hexBytes(48)));

const expiryDate: Reader<number> = (value, path) => {
  const date = text({ min: 20, max: 20, pattern: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/ })(value, path);
  const [year, month, day, hour, minute, second] = date.split(/[-T:Z]/).map(Number) as Parameters<typeof utcTime>;
  const time = utcTime(year, month, day, hour, minute, second);
  if (time === undefined) throw new WireError('field_invalid', 'no such date', { field: path });
  return time;
};

const userDataLimit: Reader<512 | 1024> = either(literal(512), literal(1024));

const readRules: Reader<NitroPolicyRules> = object<NitroPolicyRules>({
  version: literal(1),
  name: text({ min: 1, max: 128 }),
  expires: expiryDate,
  tee: literal('aws-nitro'),
  level: oneOf(['attested', 'simulated']),
  roots: listed(hexBytes(32)),
  images: orAny(listed(object<NitroImage>({ pcr0: hexBytes(48), pcr1: hexBytes(48), pcr2: hexBytes(48) }))),
  pcrs: object<NitroPolicyRules['pcrs']>({ '3': measurements, '4': measurements, '8': measurements }),
  debug: oneOf(['refuse', 'allow']),
  maxAgeSeconds: orAny(seconds),
  futureSkewSeconds: seconds,
  leafLifetimeSeconds: orAny(seconds),
  moduleId: oneOf(['any', 'matches-certificate']),
  regions: orAny(listed(text({ min: 1, max: 32, pattern: /[a-z0-9-]+/ }))),
  unknownFields: oneOf(['refuse', 'ignore']),
  userDataLimit,
  configurations: orAny(listed(hexBytes(32))),
  runtimes: orAny(listed(hexBytes(32))),
  operators: orAny(listed(hexBytes(20))),
  chain: orAny(object<PolicyChain>({ chainId: decimal(256), registry: hexBytes(20), settlement: hexBytes(20) })),
  publishers: orAny(listed(hexBytes(64))),
  models: orAny(listed(hexBytes(32))),
  sealed: oneOf(['any', 'required']),
  headers: oneOf(['any', 'client-only']),
  denied: object<NitroPolicyRules['denied']>({
    certificates: listed(hexBytes(32)),
    modules: listed(text({ min: 1, max: 128 })),
    images: listed(hexBytes(48)),
  }),
});

/**
 * Reads a policy from JSON bytes, or from what parsed JSON gave. Throws `policy_invalid` with the place. The result is
 * frozen, and the only kind of policy that verification takes.
 */
export function parsePolicy(source: Uint8Array | JsonValue): NitroPolicy {
  try {
    const value = source instanceof Uint8Array ? parseJson(source, limits.policyBytes) : source;
    const rules = readRules(value, '');
    checkRoots(rules);
    made.add(rules);
    return deepFreeze(rules) as NitroPolicy;
  } catch (error) {
    if (error instanceof VerifierError) throw error;
    // Anything else comes out of the caller's own object: a getter that throws, a revoked proxy.
    if (!(error instanceof WireError)) throw new VerifierError('policy_invalid', 'the object cannot be read');
    const { field, offset } = error.place;
    throw new VerifierError('policy_invalid', error.message, {
      ...(field === undefined ? {} : { field }),
      ...(offset === undefined ? {} : { offset }),
    });
  }
}

/** DESIGN A2: a hardware policy cannot name a root of someone's own, nor a simulated one a vendor's. */
function checkRoots(rules: NitroPolicyRules): void {
  for (const [index, root] of rules.roots.entries()) {
    const vendor = anchorOf(root) !== undefined;
    if (vendor === (rules.level === 'attested')) continue;
    const detail = vendor ? 'a vendor root in a simulated policy' : 'not a pinned vendor root';
    throw new VerifierError('policy_invalid', detail, { field: `roots[${index}]` });
  }
}

export function isParsedPolicy(value: unknown): value is NitroPolicy {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** Whether a value is admitted by a rule; "any" must be asked about separately, so that it is reported as not asked. */
export function isListed(list: readonly Uint8Array[], value: Uint8Array): boolean {
  return list.some((entry) => equalBytes(entry, value));
}
