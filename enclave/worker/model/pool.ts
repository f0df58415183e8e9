import type { Control } from './control.ts';
import { ModelError } from './errors.ts';
import { keepProcess } from './keeper.ts';
import { type LanguageModel, serveLanguage } from './language-model.ts';
import { decodeLanguageInfo, decodeLoadedInfo, type ModelExecution } from './messages.ts';
import { OnnxError } from './onnx-error.ts';
import { type ScanOptions, scanOnnx } from './onnx-scan.ts';
import { type ModelFiles, type ModelProcess, startModelProcess } from './process.ts';
import { serveTensors, type TensorModel } from './tensor-model.ts';

/**
 * Models that are ready to run, each in a process of its own (DESIGN section 7). Bytes that are given stay with the pool,
 * which loads them again after a crash: the caller must not change them.
 */
export interface ModelPool {
  load(options: TensorLoad): Promise<TensorModel>;
  loadLanguage(options: LanguageLoad): Promise<LanguageModel>;
}

export interface TensorLoad {
  readonly modelId: Uint8Array;
  readonly bytes: Uint8Array;
  readonly batchRows: number;
}

export interface LanguageLoad {
  readonly modelId: Uint8Array;
  readonly entry: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface PoolOptions {
  readonly control: Control;
  /** A tensor model is about to compute for so many requests at once. */
  readonly onRun: (requests: number) => void;
  /** Where sockets of model processes are made: only this sandbox sees it. */
  readonly privateDirectory: string;
  readonly execution: ModelExecution;
  readonly limits: { readonly memoryBytes: number; readonly loadMilliseconds: number };
}

export function createModelPool(options: PoolOptions): ModelPool {
  let nextId = 1;

  function starter<Info>(
    files: ModelFiles,
    decodeInfo: (payload: Uint8Array) => Info,
  ): () => Promise<ModelProcess<Info>> {
    return () =>
      startModelProcess(files, decodeInfo, {
        id: nextId++,
        control: options.control,
        privateDirectory: options.privateDirectory,
        execution: options.execution,
        memoryBytes: options.limits.memoryBytes,
        loadMilliseconds: options.limits.loadMilliseconds,
      });
  }

  return {
    async load({ modelId, bytes, batchRows }) {
      refuseUnsafe(bytes, 'tensor');
      const files = { kind: 'tensor', entry: ENTRY, files: new Map([[ENTRY, bytes]]) } as const;
      const start = starter(files, decodeLoadedInfo);
      const first = await start();
      return serveTensors(keepProcess(first, start), {
        modelId,
        info: first.info,
        batchRows,
        onRun: options.onRun,
      });
    },
    async loadLanguage({ modelId, entry, files }) {
      for (const [path, bytes] of files) if (path.endsWith('.onnx')) refuseUnsafe(bytes, 'text-generation');
      const start = starter({ kind: 'text-generation', entry, files }, decodeLanguageInfo);
      const first = await start();
      return serveLanguage(keepProcess(first, start), modelId, first.info);
    },
  };
}

/** A tensor model is one file, and what it is called is nobody's affair. */
const ENTRY = 'model.onnx';

function refuseUnsafe(bytes: Uint8Array, kind: ScanOptions['kind']): void {
  try {
    scanOnnx(bytes, { kind });
  } catch (error) {
    if (error instanceof OnnxError) throw new ModelError('model_refused', error.message, { cause: error });
    throw error;
  }
}
