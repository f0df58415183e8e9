import { toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { CHAIN, IMAGE, INSTANCE, MODULE_ID, OTHER, REGION, ROLE, ROOT_SHA256, ZERO } from './base.ts';
import { tbsOf } from './certificate.ts';
import { EXPIRED_ROOT, FOREIGN_ROOT, FUTURE_ROOT, SHA256_ROOT } from './roots.ts';

type Rules = { readonly [rule: string]: JsonValue };

const NOBODY = { certificates: [], modules: [], images: [] };

const strict: Rules = {
  version: 1,
  name: 'TEST VECTORS ONLY: strict',
  expires: '2031-01-01T00:00:00Z',
  tee: 'aws-nitro',
  level: 'simulated',
  roots: [ROOT_SHA256],
  images: [IMAGE],
  pcrs: { '3': [ROLE], '4': [INSTANCE], '8': [toHex(ZERO)] },
  debug: 'refuse',
  maxAgeSeconds: 600,
  futureSkewSeconds: 300,
  leafLifetimeSeconds: 10_800,
  moduleId: 'matches-certificate',
  regions: [REGION],
  unknownFields: 'refuse',
  userDataLimit: 512,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: NOBODY,
};

export { strict as STRICT };

const zeroImage = { pcr0: toHex(ZERO), pcr1: toHex(ZERO), pcr2: toHex(ZERO) };
const regionalTbs = toHex(sha256(tbsOf(CHAIN[1] as Uint8Array)));
const AWS_ROOT = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';

/** What each policy answers differently from `strict`. */
const variants: { readonly [name: string]: Rules } = {
  strict: {},
  'any-image': { images: 'any' },
  'no-image': { images: [] },
  'zero-image': { images: [zeroImage] },
  'debug-allowed': { images: 'any', debug: 'allow' },
  'debug-allowed-any-registers': { images: 'any', debug: 'allow', pcrs: { '3': 'any', '4': 'any', '8': 'any' } },
  'any-registers': { pcrs: { '3': 'any', '4': 'any', '8': 'any' } },
  'no-role': { pcrs: { '3': [], '4': 'any', '8': 'any' } },
  'any-age': { maxAgeSeconds: 'any' },
  'any-future': { maxAgeSeconds: 'any', futureSkewSeconds: 1_000_000_000 },
  'any-lifetime': { leafLifetimeSeconds: 'any' },
  'any-module': { moduleId: 'any' },
  'any-region': { regions: 'any' },
  'no-region': { regions: [] },
  'other-region': { regions: ['zz-simulated-2'] },
  'two-regions': { moduleId: 'any', regions: [REGION, 'zz-simulated-2'] },
  'unknown-fields-ignored': { unknownFields: 'ignore' },
  'long-bindings': { userDataLimit: 1_024 },
  'expires-now': { expires: '2030-05-17T12:00:00Z' },
  'expired-a-second-ago': { expires: '2030-05-17T11:59:59Z' },
  'denied-certificate': { denied: { ...NOBODY, certificates: [regionalTbs] } },
  'denied-module': { denied: { ...NOBODY, modules: [MODULE_ID] } },
  'denied-image': { denied: { ...NOBODY, images: [IMAGE['pcr0'] as string] } },
  'denied-image-any': {
    images: 'any',
    denied: { ...NOBODY, images: [IMAGE['pcr0'] as string] },
  },
  'denied-others': {
    denied: { certificates: ['00'.repeat(32)], modules: ['i-0-enc0'], images: [toHex(OTHER)] },
  },
  hardware: { level: 'attested', roots: [AWS_ROOT] },
  'no-root': { roots: [] },
  'foreign-root': { roots: [toHex(sha256(FOREIGN_ROOT))] },
  'root-expired': { roots: [toHex(sha256(EXPIRED_ROOT))] },
  'root-of-tomorrow': { roots: [toHex(sha256(FUTURE_ROOT))] },
  'root-signed-with-sha256': { roots: [toHex(sha256(SHA256_ROOT))] },
};

/** Whole policies, since nothing may be left out of one. */
export const POLICIES: { readonly [name: string]: Rules } = Object.fromEntries(
  Object.entries(variants).map(([name, answers]) => [
    name,
    { ...strict, ...answers, name: `TEST VECTORS ONLY: ${name}` },
  ]),
);
