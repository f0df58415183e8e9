import type { Measurement } from '../../enclave/simulator/measure.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeConfiguration } from '../../wire/message/configuration.ts';
import type { DemoFiles } from './demo-files.ts';
import { snpSimulatorRules } from './snp-policy.ts';

const DAY_MS = 86_400_000;

/**
 * The policy of this machine's simulator: one root, one image, one configuration, one publisher, one model. It is the
 * same kind of file as a hardware policy and every rule is answered; only the root, and so the level, is another.
 */
export function simulatorPolicy(options: {
  readonly platform: Platform;
  readonly rootCertificate: Uint8Array;
  readonly measurement: Measurement;
  readonly files: DemoFiles;
  readonly now: number;
}): JsonValue {
  const { platform, measurement, files } = options;
  const { operator, chainId, registry, settlement } = files.configuration;
  return {
    version: 1,
    name: 'simulator of this machine',
    expires: `${new Date(options.now + DAY_MS).toISOString().slice(0, 19)}Z`,
    tee: platform.tee,
    level: 'simulated',
    roots: [toHex(sha256(options.rootCertificate))],
    ...(platform.tee === 'aws-nitro' ? nitroRules(measurement) : snpSimulatorRules(platform, measurement)),
    configurations: [toHex(sha256(encodeConfiguration(files.configuration)))],
    runtimes: 'any',
    operators: [toHex(operator)],
    chain: { chainId: String(chainId), registry: toHex(registry), settlement: toHex(settlement) },
    publishers: [toHex(files.owner)],
    models: [toHex(files.modelId)],
    sealed: 'required',
    headers: 'client-only',
    anchors: 'none',
  };
}

function nitroRules(measurement: Measurement): { readonly [rule: string]: JsonValue } {
  return {
    images: [{ pcr0: toHex(measurement.pcr0), pcr1: toHex(measurement.pcr1), pcr2: toHex(measurement.pcr2) }],
    pcrs: { '3': 'any', '4': 'any', '8': 'any' },
    debug: 'refuse',
    maxAgeSeconds: 3_600,
    futureSkewSeconds: 300,
    leafLifetimeSeconds: 10_800,
    moduleId: 'matches-certificate',
    regions: 'any',
    unknownFields: 'refuse',
    userDataLimit: 512,
    denied: { certificates: [], modules: [], images: [] },
  };
}
