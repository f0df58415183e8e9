import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { array, integer, nullable, object, oneOf, type Reader, text } from '../codec/fields.ts';
import { limits } from '../limits.ts';

/**
 * What decides the bits of an answer beside model and input (DESIGN sections 3 and 4). `Runtime` is the part that holds
 * for a whole process and is attested; `Execution` is bound by each receipt, and its preimage travels with the receipt.
 */
export interface Runtime {
  readonly engine: string;
  readonly version: string;
  readonly provider: string;
  readonly optimisation: 'disabled' | 'basic' | 'extended' | 'all';
  readonly threads: number;
}

export interface Execution extends Runtime {
  /** As the processor reports itself: a host can lie about it, so it is reported, not proven. */
  readonly cpuFamily: string;
  readonly cpuIsa: string;
  /** `release`: the graph as published. Language layouts get names of their own. */
  readonly layout: string;
  readonly schedule: string;
  readonly generation: Generation | null;
}

/** Language models only: everything that shaped the sampling. Fractions are decimal text, so that they hash alike everywhere. */
export interface Generation {
  readonly sampler: string;
  readonly temperature: string;
  readonly topP: string;
  readonly stop: readonly string[];
  /**
   * As it was asked. What held is the least of it, of what the header's prices pay for beyond the prompt, and of what the
   * context leaves: a layout may reserve its cache by that number, so that it decides bits, too.
   */
  readonly maxTokens: number;
}

const short: Reader<string> = text({ min: 1, max: 64 });
const decimal: Reader<string> = text({ min: 1, max: 24, pattern: /^(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/ });

const runtimeShape = {
  engine: short,
  version: short,
  provider: short,
  optimisation: oneOf(['disabled', 'basic', 'extended', 'all']),
  threads: integer({ min: 1, max: 1_024 }),
};

const runtime: Reader<Runtime> = object<Runtime>(runtimeShape);

const generation: Reader<Generation> = object<Generation>({
  sampler: short,
  temperature: decimal,
  topP: decimal,
  stop: array(text({ min: 1, max: 1_024 }), { min: 0, max: 16 }),
  maxTokens: integer({ min: 1, max: 2 ** 31 }),
});

const execution: Reader<Execution> = object<Execution>({
  ...runtimeShape,
  cpuFamily: text({ min: 1, max: 128 }),
  cpuIsa: text({ min: 1, max: 256 }),
  layout: short,
  schedule: short,
  generation: nullable(generation),
});

export function encodeRuntime(value: Runtime): Uint8Array {
  return encodeCbor(runtimeMap(value));
}

export function decodeRuntime(encoded: Uint8Array): Runtime {
  return runtime(decodeCbor(encoded, strictCbor(limits.executionBytes)), 'runtime');
}

export function encodeExecution(value: Execution): Uint8Array {
  const map = runtimeMap(value);
  map.set('cpuFamily', value.cpuFamily);
  map.set('cpuIsa', value.cpuIsa);
  map.set('layout', value.layout);
  map.set('schedule', value.schedule);
  map.set(
    'generation',
    value.generation === null
      ? null
      : new Map<string, CborValue>(Object.entries(value.generation) as [string, CborValue][]),
  );
  return encodeCbor(map);
}

export function decodeExecution(encoded: Uint8Array): Execution {
  return execution(decodeCbor(encoded, strictCbor(limits.executionBytes)), 'execution');
}

function runtimeMap(value: Runtime): Map<string, CborValue> {
  return new Map<string, CborValue>([
    ['engine', value.engine],
    ['version', value.version],
    ['provider', value.provider],
    ['optimisation', value.optimisation],
    ['threads', value.threads],
  ]);
}
