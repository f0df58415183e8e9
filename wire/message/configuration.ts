import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { array, bytes, either, integer, literal, object, oneOf, type Reader } from '../codec/fields.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { readUint, uintWord, WORD } from '../words.ts';

/**
 * DESIGN section 3: the one frame by which a host chooses what a worker does. Its SHA-256 is attested, so whoever reads
 * these bytes knows every rule that the worker will keep. Deterministic CBOR; "any" is written out, absence is refused.
 */
export interface Configuration {
  readonly version: 1;
  /** Release keys (x || y) whose manifests the worker loads. */
  readonly publishers: readonly Uint8Array[];
  readonly models: 'any' | readonly Uint8Array[];
  /** What one unit costs; an operation without a line is not offered. */
  readonly prices: readonly Price[];
  readonly limits: WorkerLimits;
  readonly operator: Uint8Array;
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly settlement: Uint8Array;
  readonly telemetry: 'none' | 'counters';
}

export interface Price {
  readonly model: 'any' | Uint8Array;
  readonly operation: number;
  readonly unitPrice: bigint;
}

export interface WorkerLimits {
  readonly bodyBytes: number;
  readonly responseBytes: number;
  /** Bytes of one release, over all its files. */
  readonly releaseBytes: number;
  readonly models: number;
  /** Address space of one model process. */
  readonly modelMemoryBytes: number;
  readonly runMilliseconds: number;
  /** Requests accepted and not yet answered. */
  readonly pending: number;
  readonly sessions: number;
  readonly unacknowledgedLeaves: number;
  /** Channels that have paid something; never evicted within a process. */
  readonly channels: number;
}

const workerLimits: Reader<WorkerLimits> = object<WorkerLimits>({
  bodyBytes: integer({ min: 1, max: limits.bodyBytes }),
  responseBytes: integer({ min: 1, max: limits.bodyBytes }),
  releaseBytes: integer({ min: 1, max: limits.modelFileBytes }),
  models: integer({ min: 1, max: limits.configurationModels }),
  modelMemoryBytes: integer({ min: 64 * 1024 * 1024, max: 2 ** 40 }),
  runMilliseconds: integer({ min: 1, max: 3_600_000 }),
  pending: integer({ min: 1, max: limits.unacknowledgedLeaves }),
  sessions: integer({ min: 1, max: limits.sessions }),
  unacknowledgedLeaves: integer({ min: 1, max: limits.unacknowledgedLeaves }),
  channels: integer({ min: 0, max: limits.channels }),
});

/** Integers that a contract reads travel as words: CBOR's own end at 64 bits, a price in a token's smallest unit may not. */
function uintOfWord(bits: number): Reader<bigint> {
  const word = bytes(WORD);
  return (value, path) => {
    const integer = readUint(word(value, path));
    if (integer >> BigInt(bits) !== 0n) throw new WireError('field_invalid', `more than ${bits} bits`, { field: path });
    return integer;
  };
}

const price: Reader<Price> = object<Price>({
  model: either(literal('any'), bytes(32)),
  operation: integer({ min: 0, max: 2 }),
  unitPrice: uintOfWord(128),
});

const configuration: Reader<Configuration> = object<Configuration>({
  version: literal(1),
  publishers: array(bytes(64), { min: 1, max: limits.configurationPublishers }),
  models: either(literal('any'), array(bytes(32), { min: 1, max: limits.configurationModels })),
  prices: array(price, { min: 1, max: 3 * (limits.configurationModels + 1) }),
  limits: workerLimits,
  operator: bytes(20),
  chainId: uintOfWord(256),
  registry: bytes(20),
  settlement: bytes(20),
  telemetry: oneOf(['none', 'counters']),
});

export function decodeConfiguration(encoded: Uint8Array): Configuration {
  const value = configuration(decodeCbor(encoded, strictCbor(limits.configurationBytes)), 'configuration');
  const seen = new Set<string>();
  for (const line of value.prices) {
    const key = `${line.model === 'any' ? 'any' : line.model.join()}/${line.operation}`;
    if (seen.has(key)) throw new WireError('field_invalid', 'two prices for one thing', { field: 'prices' });
    seen.add(key);
  }
  return value;
}

export function encodeConfiguration(value: Configuration): Uint8Array {
  const encoded = encodeCbor(
    new Map<string, CborValue>([
      ['version', value.version],
      ['publishers', value.publishers],
      ['models', value.models],
      [
        'prices',
        value.prices.map(
          (line) =>
            new Map<string, CborValue>([
              ['model', line.model],
              ['operation', line.operation],
              ['unitPrice', uintWord(line.unitPrice, 128)],
            ]),
        ),
      ],
      ['limits', new Map<string, CborValue>(Object.entries(value.limits))],
      ['operator', value.operator],
      ['chainId', uintWord(value.chainId)],
      ['registry', value.registry],
      ['settlement', value.settlement],
      ['telemetry', value.telemetry],
    ]),
  );
  // Reading back keeps the writer inside the limits that the reader has.
  decodeConfiguration(encoded);
  return encoded;
}

/** The price of one unit; a line for the model wins over a line for any. Undefined: not offered. */
export function unitPriceOf(value: Configuration, modelId: Uint8Array, operation: bigint): bigint | undefined {
  let general: bigint | undefined;
  for (const line of value.prices) {
    if (BigInt(line.operation) !== operation) continue;
    if (line.model === 'any') general = line.unitPrice;
    else if (line.model.every((byte, index) => byte === modelId[index])) return line.unitPrice;
  }
  return general;
}
