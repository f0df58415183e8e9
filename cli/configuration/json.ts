import { toHex } from '../../wire/bytes.ts';
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
} from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type Price,
  type WorkerLimits,
} from '../../wire/message/configuration.ts';

/**
 * A worker's configuration as people write it. The worker only ever sees the CBOR made of it, whose SHA-256 is attested:
 * this text is signed by nobody, and two texts that mean the same make the same bytes.
 */
const count: Reader<number> = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const address: Reader<Uint8Array> = hexBytes(20);

const price: Reader<Price> = object<Price>({
  model: either(literal('any'), hexBytes(32)),
  operation: count,
  unitPrice: decimal(128),
});

const workerLimits: Reader<WorkerLimits> = object<WorkerLimits>({
  bodyBytes: count,
  responseBytes: count,
  releaseBytes: count,
  models: count,
  modelMemoryBytes: count,
  runMilliseconds: count,
  pending: count,
  sessions: count,
  unacknowledgedLeaves: count,
  channels: count,
});

const configuration: Reader<Configuration> = object<Configuration>({
  version: literal(1),
  publishers: array(hexBytes(64), { min: 1, max: limits.configurationPublishers }),
  models: either(literal('any'), array(hexBytes(32), { min: 1, max: limits.configurationModels })),
  prices: array(price, { min: 1, max: 3 * (limits.configurationModels + 1) }),
  limits: workerLimits,
  operator: address,
  chainId: decimal(256),
  registry: address,
  settlement: address,
  telemetry: oneOf(['none', 'counters']),
});

/** The bytes to give to a worker. The ranges of its numbers are the wire's own, and hold here too. */
export function configurationFromJson(text: Uint8Array): Uint8Array {
  // Hex takes twice the bytes, and a person's spacing as much again.
  return encodeConfiguration(configuration(parseJson(text, 4 * limits.configurationBytes), 'configuration'));
}

export function configurationToJson(encoded: Uint8Array): JsonValue {
  const value = decodeConfiguration(encoded);
  return {
    version: value.version,
    publishers: value.publishers.map(toHex),
    models: value.models === 'any' ? 'any' : value.models.map(toHex),
    prices: value.prices.map(({ model, operation, unitPrice }) => ({
      model: model === 'any' ? 'any' : toHex(model),
      operation,
      unitPrice: unitPrice.toString(),
    })),
    limits: { ...value.limits },
    operator: toHex(value.operator),
    chainId: value.chainId.toString(),
    registry: toHex(value.registry),
    settlement: toHex(value.settlement),
    telemetry: value.telemetry,
  };
}
