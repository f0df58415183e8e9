import { anchors } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';

/**
 * What a batch without a policy asks: is this genuine evidence of a vendor's hardware, and not in debug mode? Nobody
 * should rely on such a verdict, which is why these are no policy files: they live here, for looking at many pieces of
 * evidence. Every rule is answered all the same.
 */
export const nitroSurvey: JsonValue = {
  version: 1,
  name: 'survey of AWS Nitro evidence: any image, any age; no debug mode',
  expires: '2099-12-31T23:59:59Z',
  tee: 'aws-nitro',
  level: 'attested',
  roots: anchors.filter(({ tee }) => tee === 'aws-nitro').map(({ sha256 }) => sha256),
  images: 'any',
  pcrs: { '3': 'any', '4': 'any', '8': 'any' },
  debug: 'refuse',
  maxAgeSeconds: 'any',
  futureSkewSeconds: 300,
  leafLifetimeSeconds: 'any',
  moduleId: 'any',
  regions: 'any',
  unknownFields: 'ignore',
  userDataLimit: 1024,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: 'any',
  models: 'any',
  sealed: 'any',
  headers: 'any',
  denied: { certificates: [], modules: [], images: [] },
};
