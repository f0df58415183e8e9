import { toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { IMAGE, ROOT_SHA256 } from './base.ts';
import { STRICT } from './policies.ts';

/** Texts that are no policy: a reader that takes one of them leaves a rule unasked. */
export interface RefusedPolicy {
  readonly id: string;
  readonly title: string;
  readonly list: string;
  readonly tee: 'aws-nitro' | 'amd-sev-snp';
  /** Base64url of the file's bytes: some of them are no JSON, and some no text. */
  readonly policy: string;
  readonly expect: { readonly verdict: 'misuse'; readonly code: 'policy_invalid' };
}

const AWS_ROOT = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';
const image = IMAGE as { readonly pcr0: string; readonly pcr1: string; readonly pcr2: string };

function refused(id: string, list: string, title: string, source: string | Uint8Array): RefusedPolicy {
  return {
    id: `policy-text-${id}`,
    title,
    list,
    tee: 'aws-nitro',
    policy: Buffer.from(source).toString('base64url'),
    expect: { verdict: 'misuse', code: 'policy_invalid' },
  };
}

const answers = (changes: { readonly [rule: string]: JsonValue }): string => JSON.stringify({ ...STRICT, ...changes });
const without = (rule: string): string =>
  JSON.stringify(Object.fromEntries(Object.entries(STRICT).filter(([name]) => name !== rule)));
/** The strict policy with one piece of its text replaced. */
const rewritten = (from: string, to: string): string => {
  const made = JSON.stringify(STRICT);
  if (!made.includes(from)) throw new RangeError(`no ${from}`);
  return made.replace(from, to);
};

export const refusedPolicies: readonly RefusedPolicy[] = [
  refused('empty', 'P1', 'no byte', ''),
  refused('empty-object', 'P1', 'an object without a rule', '{}'),
  refused('null', 'P1', 'null', 'null'),
  refused('array', 'P1', 'the policy in an array', `[${answers({})}]`),
  ...Object.keys(STRICT).map((rule) => refused(`no-${rule}`, 'P2', `the rule ${rule} is left out`, without(rule))),
  refused('null-images', 'P2', 'images is null, which is not the word "any"', answers({ images: null })),
  refused('any-other-case', 'P2', 'the word "Any"', answers({ images: 'Any' })),
  refused('any-debug', 'P2', 'debug is "any": it must be allowed by name', answers({ debug: 'any' })),
  refused('any-roots', 'P2', 'roots is "any": a root must be named', answers({ roots: 'any' })),
  refused('any-level', 'P2', 'level is "any"', answers({ level: 'any' })),
  refused('no-pcr8', 'P2', 'PCR8 is left out', answers({ pcrs: { '3': 'any', '4': 'any' } })),
  refused(
    'no-denied-modules',
    'P2',
    'the deny list of modules is left out',
    answers({ denied: { certificates: [], images: [] } }),
  ),
  refused(
    'image-without-pcr2',
    'P2',
    'an image without PCR2',
    answers({ images: [{ pcr0: image.pcr0, pcr1: image.pcr1 }] }),
  ),
  refused('unknown-rule', 'P3', 'a rule that nobody knows', answers({ revocation: 'any' })),
  refused(
    'unknown-pcr',
    'P3',
    'a rule about PCR5',
    answers({ pcrs: { '3': 'any', '4': 'any', '5': 'any', '8': 'any' } }),
  ),
  refused('prototype-rule', 'P3', 'a rule named __proto__', rewritten('{"version"', '{"__proto__":{},"version"')),
  refused('version-2', 'P3', 'policy version 2', answers({ version: 2 })),
  refused('other-tee', 'P3', 'a policy for hardware that nobody knows', answers({ tee: 'intel-tdx' })),
  refused(
    'hardware-with-own-root',
    'P4',
    'a hardware policy that names a self-made root',
    answers({ level: 'attested', roots: [ROOT_SHA256] }),
  ),
  refused(
    'simulated-with-vendor-root',
    'P5',
    "a simulated policy that names a vendor's root",
    answers({ roots: [AWS_ROOT] }),
  ),
  refused('duplicate-rule', 'P11', 'debug twice', rewritten('"debug":"refuse"', '"debug":"refuse","debug":"allow"')),
  refused(
    'duplicate-rule-escaped',
    'P11',
    'debug twice, once with an escape',
    rewritten('"debug":"refuse"', '"debug":"refuse","d\\u0065bug":"allow"'),
  ),
  refused(
    'age-2-53',
    'P11',
    'an age of 2^53 + 1 seconds',
    rewritten('"maxAgeSeconds":600', '"maxAgeSeconds":9007199254740993'),
  ),
  refused('age-minus-zero', 'P11', 'an age of -0 seconds', rewritten('"maxAgeSeconds":600', '"maxAgeSeconds":-0')),
  refused('age-1e400', 'P11', 'an age of 1e400 seconds', rewritten('"maxAgeSeconds":600', '"maxAgeSeconds":1e400')),
  refused('age-nan', 'P11', 'an age of NaN seconds', rewritten('"maxAgeSeconds":600', '"maxAgeSeconds":NaN')),
  refused('age-negative', 'P11', 'a negative age', answers({ maxAgeSeconds: -1 })),
  refused('age-fraction', 'P11', 'an age with a fraction', answers({ maxAgeSeconds: 0.5 })),
  refused('age-text', 'P11', 'an age in text', answers({ maxAgeSeconds: '600' })),
  refused('lone-surrogate', 'P11', 'a name with a lone surrogate', rewritten('TEST VECTORS ONLY', '\\ud800')),
  refused(
    'bad-utf8',
    'P11',
    'a name that is not UTF-8',
    Buffer.from(rewritten('TEST VECTORS ONLY', '\u00ff'), 'latin1'),
  ),
  refused('byte-order-mark', 'P11', 'a byte order mark before the policy', `\ufeff${answers({})}`),
  refused('trailing', 'P11', 'a second value after the policy', `${answers({})}{}`),
  refused('trailing-comma', 'P11', 'a comma too many', rewritten('"version":1,', '"version":1,,')),
  refused('comment', 'P11', 'a comment', rewritten('"version":1,', '"version":1,/* strict */')),
  refused('february-30', 'P14', 'it expires on 30 February', answers({ expires: '2031-02-30T00:00:00Z' })),
  refused('expires-local', 'P14', 'it expires at a local time', answers({ expires: '2031-01-01T00:00:00' })),
  refused('expires-never', 'P14', 'it never expires', answers({ expires: 'any' })),
  refused(
    'upper-case-image',
    'P15',
    'a measurement in upper-case digits',
    answers({ images: [{ ...image, pcr0: image.pcr0.toUpperCase() }] }),
  ),
  refused(
    'prefixed-image',
    'P15',
    'a measurement that begins with 0x',
    answers({ images: [{ ...image, pcr0: `0x${image.pcr0}` }] }),
  ),
  refused(
    'short-image',
    'P15',
    'a measurement of 47 bytes',
    answers({ images: [{ ...image, pcr0: image.pcr0.slice(2) }] }),
  ),
  refused(
    'model-upper-case',
    'P15',
    'a model digest in upper-case digits',
    answers({ models: [toHex(new Uint8Array(32).fill(0xab)).toUpperCase()] }),
  ),
];
