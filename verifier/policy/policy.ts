import { either, hexBytes, literal, object, oneOf, type Reader, text } from '../../wire/codec/fields.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import {
  type Any,
  headShape,
  listed,
  orAny,
  type PolicyHead,
  readPolicy,
  seconds,
  type WorkerPolicyRules,
  workerShape,
} from './readers.ts';

export interface NitroImage {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

/** Every rule of a policy for AWS Nitro evidence. Nothing is optional; an empty list accepts nothing. */
export interface NitroPolicyRules extends PolicyHead, WorkerPolicyRules {
  readonly tee: 'aws-nitro';
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

const measurements = orAny(listed(hexBytes(48)));
const userDataLimit: Reader<512 | 1024> = either(literal(512), literal(1024));

const readRules: Reader<NitroPolicyRules> = object<NitroPolicyRules>({
  ...headShape,
  ...workerShape,
  tee: literal('aws-nitro'),
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
  denied: object<NitroPolicyRules['denied']>({
    certificates: listed(hexBytes(32)),
    modules: listed(text({ min: 1, max: 128 })),
    images: listed(hexBytes(48)),
  }),
});

/**
 * Reads a policy for AWS Nitro from JSON bytes, or from what parsed JSON gave. Throws `policy_invalid` with the place.
 * The result is frozen, and the only kind of policy that verification takes.
 */
export function parsePolicy(source: Uint8Array | JsonValue): NitroPolicy {
  const rules = readPolicy(readRules, source);
  made.add(rules);
  return rules as NitroPolicy;
}

export function isParsedPolicy(value: unknown): value is NitroPolicy {
  return typeof value === 'object' && value !== null && made.has(value);
}
