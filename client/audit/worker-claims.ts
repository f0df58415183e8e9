import type { Check } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { type Configuration, decodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeRuntime, type Runtime } from '../../wire/message/execution.ts';
import { decodeIdentity, imagePreimage, logPreimage, type WorkerIdentity } from '../../wire/message/identity.ts';
import { linkOf } from './links.ts';
import { type Fact, type FactGroup, fact, type TrustLink } from './report.ts';
import { standingOf } from './standing.ts';

/** What ties the words beside a document to it: DESIGN section 3. */
const BINDING = ['W0', 'W1', 'W2', 'W3', 'W4', 'W5', 'W6'] as const;

export interface WorkerClaims {
  readonly log: Uint8Array;
  readonly identity: WorkerIdentity;
  readonly configuration: Configuration;
  readonly runtime: Runtime;
  readonly imageId: Uint8Array | null;
}

/** `measurements` as the document states them; an image id is made of complete ones only. */
export async function readWorkerClaims(
  evidence: Evidence,
  measurements: readonly Uint8Array[],
  suite: Pick<Suite, 'sha256'>,
): Promise<WorkerClaims | null> {
  const log = readable(() => logPreimage(evidence.identity));
  if (log === null) return null;
  const image = readable(() => imagePreimage(evidence.tee, measurements));
  const hashes = {
    log: await suite.sha256(log),
    imageId: image === null ? null : await suite.sha256(image),
  };
  return readable(() => ({
    ...hashes,
    identity: decodeIdentity(evidence.identity),
    configuration: decodeConfiguration(evidence.configuration),
    runtime: decodeRuntime(evidence.runtime),
  }));
}

export function workerLink(
  claims: WorkerClaims | null,
  checks: readonly Check[],
  above: TrustLink | undefined,
): TrustLink {
  return linkOf(checks, above, {
    kind: 'worker',
    title: 'Worker: keys, configuration, runtime',
    by: 'its hash is in the document',
    checks: BINDING.filter((id) => checks.some((check) => check.id === id)),
    facts: claims === null ? [] : [fact('log', 'log', toHex(claims.log))],
  });
}

export function workerGroups(
  claims: WorkerClaims | null,
  checks: readonly Check[],
  accepted: boolean,
): readonly FactGroup[] {
  if (claims === null) return [];
  const ids = BINDING.filter((id) => checks.some((check) => check.id === id));
  const standing = standingOf(checks, ids, accepted);
  return [
    { key: 'worker', title: 'Worker', standing, facts: workerFacts(claims) },
    { key: 'configuration', title: 'Configuration', standing, facts: configurationFacts(claims.configuration) },
  ];
}

function workerFacts({ log, identity, imageId, runtime }: WorkerClaims): readonly Fact[] {
  return [
    fact('log', 'log', toHex(log)),
    fact('imageId', 'image id', imageId === null ? null : toHex(imageId)),
    fact('signer', 'signer (P-256, x || y)', toHex(identity.signerX) + toHex(identity.signerY)),
    fact('sealKey', 'seal key (X25519)', toHex(identity.sealKey)),
    fact('operator', 'operator', toHex(identity.operator)),
    fact('chainId', 'chain', identity.chainId === 0n ? null : String(identity.chainId)),
    fact('registry', 'registry', toHex(identity.registry)),
    fact('settlement', 'settlement', toHex(identity.settlement)),
    fact('configuration', 'configuration hash', toHex(identity.config)),
    fact('runtimeHash', 'runtime hash', toHex(identity.runtime)),
    fact('runtime', 'runtime', runtimeText(runtime)),
  ];
}

export function runtimeText({ engine, version, provider, optimisation, threads }: Runtime): string {
  return `${engine} ${version}, ${provider}, optimisation ${optimisation}, ${threads} thread(s)`;
}

function configurationFacts({ publishers, models, prices, telemetry }: Configuration): readonly Fact[] {
  return [
    fact('publishers', 'publishers', publishers.map(toHex)),
    fact('models', 'models', models === 'any' ? 'any of these publishers' : models.map(toHex)),
    fact(
      'prices',
      'prices per unit',
      prices.map(
        ({ model, operation, unitPrice }) =>
          `${model === 'any' ? 'any model' : toHex(model)}, operation ${operation}: ${unitPrice}`,
      ),
    ),
    fact('telemetry', 'telemetry', telemetry),
  ];
}

/** null for bytes that are not what they should be: the verifier says what is wrong with them. */
export function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
