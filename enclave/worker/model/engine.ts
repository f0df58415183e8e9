import type * as onnx from 'onnxruntime-node';
import type { Runtime } from '../../../wire/message/execution.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Tensor } from '../../../wire/message/tensor.ts';
import { ModelError } from './errors.ts';
import type { LoadedInfo, ModelDatatype, ModelExecution } from './messages.ts';
import { UNNAMED_DIMENSION } from './signature.ts';

/** ONNX Runtime, with the options that decide the bits of a result written out (DESIGN section 4, `execution`). */
export interface Engine {
  readonly info: LoadedInfo;
  run(inputs: readonly Tensor[], outputs: readonly string[] | 'all'): Promise<readonly Tensor[]>;
}

type Elements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

interface ElementType {
  readonly engine: onnx.Tensor.Type;
  readonly elements: {
    new (buffer: ArrayBufferLike, offset: number, length: number): Elements;
    readonly BYTES_PER_ELEMENT: number;
  };
}

/** Half floats travel as their 16 bits: the binding takes them so in every version of Node. */
const elementTypes: Readonly<Record<ModelDatatype, ElementType>> = {
  BOOL: { engine: 'bool', elements: Uint8Array },
  UINT8: { engine: 'uint8', elements: Uint8Array },
  UINT16: { engine: 'uint16', elements: Uint16Array },
  UINT32: { engine: 'uint32', elements: Uint32Array },
  UINT64: { engine: 'uint64', elements: BigUint64Array },
  INT8: { engine: 'int8', elements: Int8Array },
  INT16: { engine: 'int16', elements: Int16Array },
  INT32: { engine: 'int32', elements: Int32Array },
  INT64: { engine: 'int64', elements: BigInt64Array },
  FP16: { engine: 'float16', elements: Uint16Array },
  FP32: { engine: 'float32', elements: Float32Array },
  FP64: { engine: 'float64', elements: Float64Array },
};

const datatypes: ReadonlyMap<string, ModelDatatype> = new Map(
  Object.entries(elementTypes).map(([name, { engine }]) => [engine, name as ModelDatatype]),
);

/**
 * Loads the engine's native code and has it look at the machine, without a model: all that needs files happens here, so
 * that a process can give up its rights between this and the first byte of a model.
 */
export async function openEngine(): Promise<void> {
  const { InferenceSession } = await engineModule();
  // Refused, for no model is this short; what the engine sets up once is set up by then.
  await InferenceSession.create(Uint8Array.of(0)).catch(() => undefined);
}

async function engineModule(): Promise<typeof onnx> {
  // From 1.29 on, the official Linux builds report to Microsoft about models and sessions, and keep a database in the
  // home folder. This is the engine's own full opt-out; it counts only if it is set before the library is loaded.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  // Here and not at the top: the other roles run the same file and load no engine.
  const engine = await import('onnxruntime-node');
  // Warnings quote names and shapes of the publisher's graph, and nobody reads them here.
  engine.env.logLevel = 'fatal';
  return engine;
}

/** A graph that is ready to run, and what its receipts say about the engine. */
export interface EngineSession {
  readonly session: onnx.InferenceSession;
  readonly runtime: Runtime;
  readonly Tensor: onnx.TensorConstructor;
}

export async function openSession(bytes: Uint8Array, execution: ModelExecution): Promise<EngineSession> {
  const { env, InferenceSession, Tensor } = await engineModule();
  const session = await InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: execution.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: execution.optimisation,
    logSeverityLevel: 4,
    // Never the engine's own flatbuffer format, which the scan does not read.
    extra: { session: { load_model_format: 'ONNX' } },
  });
  const runtime: Runtime = {
    engine: 'onnxruntime',
    version: env.versions.node ?? 'unknown',
    provider: 'cpu',
    optimisation: execution.optimisation,
    threads: execution.threads,
  };
  return { session, runtime, Tensor };
}

export async function loadEngine(bytes: Uint8Array, execution: ModelExecution): Promise<Engine> {
  const { session, runtime, Tensor: EngineTensor } = await openSession(bytes, execution);
  const info: LoadedInfo = {
    engine: runtime,
    inputs: session.inputMetadata.map(describe),
    outputs: session.outputMetadata.map(describe),
  };
  return {
    info,
    run: async (inputs, outputs) => {
      const names = outputs === 'all' ? info.outputs.map(({ name }) => name) : outputs;
      const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toEngine(EngineTensor, tensor)]));
      const results = await session.run(feeds, names);
      return names.map((name) => fromEngine(name, results[name]));
    },
  };
}

function describe(value: onnx.InferenceSession.ValueMetadata): ManifestTensor {
  const datatype = value.isTensor ? datatypes.get(value.type) : undefined;
  if (!value.isTensor || datatype === undefined) {
    throw new ModelError('model_refused', `${value.name} has a type that is not served`);
  }
  // The engine gives an empty name to a free dimension without one.
  const shape = value.shape.map((size) => (size === '' ? UNNAMED_DIMENSION : size));
  return { name: value.name, datatype, shape };
}

function toEngine(EngineTensor: onnx.TensorConstructor, { name, datatype, shape, data }: Tensor): onnx.Tensor {
  const type = elementTypes[datatype as ModelDatatype] as ElementType | undefined;
  if (type === undefined) throw new ModelError('model_failed', `${name} has a type that is not served`);
  const size = type.elements.BYTES_PER_ELEMENT;
  // Typed arrays need aligned memory; a tensor in the middle of a body need not be.
  const aligned = data.byteOffset % size === 0 ? data : data.slice();
  const elements = new type.elements(aligned.buffer, aligned.byteOffset, data.length / size);
  return new EngineTensor(type.engine, elements as onnx.Tensor.DataType, [...shape]);
}

function fromEngine(name: string, result: onnx.OnnxValue | undefined): Tensor {
  const datatype = result === undefined ? undefined : datatypes.get(result.type);
  if (result === undefined || datatype === undefined || !ArrayBuffer.isView(result.data)) {
    throw new ModelError('model_failed', `the engine gave no usable output ${name}`);
  }
  const { buffer, byteOffset, byteLength } = result.data;
  return { name, datatype, shape: [...result.dims], data: new Uint8Array(buffer, byteOffset, byteLength) };
}
