import { ModelError } from '../../enclave/worker/model/errors.ts';
import { OnnxError } from '../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import type { ManifestExecution, ManifestTensor } from '../../wire/message/manifest.ts';
import { DraftError } from './draft-error.ts';

export interface ModelSignature {
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
}

/**
 * What a tensor model takes and gives, as the worker will see it: by the worker's scan, its engine and its words. The file
 * alone does not say it, since the engine replaces dimensions of outputs that it can tell by what it found, and a worker
 * refuses a manifest that differs from its engine.
 */
export async function engineSignature(
  entry: string,
  bytes: Uint8Array,
  execution: ManifestExecution,
): Promise<ModelSignature> {
  // Only here: it needs the engine, an optional package of hundreds of megabytes.
  const { loadEngine } = await import('../../enclave/worker/model/engine.ts');
  try {
    scanOnnx(bytes, { kind: 'tensor' });
    const { info } = await loadEngine(bytes, execution);
    return { inputs: info.inputs, outputs: info.outputs };
  } catch (error) {
    // What is missing to ask the engine says nothing about the model.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') throw error;
    const known = error instanceof OnnxError || error instanceof ModelError;
    const detail = error instanceof Error ? error.message : String(error);
    throw new DraftError('model_refused', `${entry}: ${known ? '' : 'the engine refuses it: '}${detail}`, entry, {
      cause: error,
    });
  }
}
