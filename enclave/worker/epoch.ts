import { sha256 } from '../../wire/crypto/node.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { encodeRuntime } from '../../wire/message/execution.ts';
import { encodeIdentity, IDENTITY_VERSION, logPreimage, type WorkerIdentity } from '../../wire/message/identity.ts';
import type { Entries, ReadyInfo } from '../../wire/message/link.ts';
import type { Attester } from './attester.ts';
import { type Channels, createChannels } from './channels.ts';
import { createSecretSource, type WorkerKeys } from './keys.ts';
import { createRecipients } from './kms/recipient.ts';
import { createLog, type TransparencyLog } from './log.ts';
import type { ModelPool } from './model/pool.ts';
import { createReleases, type Releases } from './releases.ts';
import { runtime } from './runtime.ts';
import { createSessions, type Sessions } from './sessions.ts';

/** A worker after its one configuration: a key epoch, which ends with the process. */
export interface Epoch {
  readonly configuration: Configuration;
  readonly ready: ReadyInfo;
  readonly logId: Uint8Array;
  readonly keys: WorkerKeys;
  readonly log: TransparencyLog;
  readonly sessions: Sessions;
  readonly channels: Channels;
  readonly releases: Releases;
}

export interface EpochOptions {
  readonly attester: Attester;
  /** Made once the configuration has said how much a model may use. */
  readonly createPool: (configuration: Configuration) => ModelPool;
  readonly onEntries: (entries: Entries) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Binds the configuration to the device, and makes the keys that live as long as the process (DESIGN section 3). */
export async function startEpoch(
  configuration: Configuration,
  bytes: Uint8Array,
  options: EpochOptions,
): Promise<Epoch> {
  const { attester } = options;
  const config = sha256(bytes);
  await attester.bindConfiguration(config);
  const { keys, ephemeral, primes } = createSecretSource(await attester.entropy());
  const { operator, chainId, registry, settlement } = configuration;
  const runtimeBytes = encodeRuntime(runtime);
  const identity: WorkerIdentity = {
    version: IDENTITY_VERSION,
    signerX: keys.signerPoint.slice(1, 33),
    signerY: keys.signerPoint.slice(33),
    sealKey: keys.seal.publicKey,
    operator,
    chainId,
    registry,
    settlement,
    config,
    runtime: sha256(runtimeBytes),
  };
  const identityBytes = encodeIdentity(identity);
  const logId = sha256(logPreimage(identityBytes));
  return {
    configuration,
    ready: { identity: identityBytes, configuration: bytes, runtime: runtimeBytes },
    logId,
    keys,
    log: createLog({
      chainId,
      settlement,
      log: logId,
      signer: keys.signer,
      capacity: configuration.limits.unacknowledgedLeaves,
      onEntries: options.onEntries,
      onFatal: options.onFatal,
    }),
    sessions: createSessions({ log: logId, seal: keys.seal, ephemeral, capacity: configuration.limits.sessions }),
    channels: createChannels({ identity, log: logId, capacity: configuration.limits.channels }),
    releases: createReleases({
      configuration,
      runtime,
      pool: options.createPool(configuration),
      makeRecipient: createRecipients({ attester, log: logId, draw: primes }),
    }),
  };
}
