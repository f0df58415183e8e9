import { OnnxError } from '../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../enclave/worker/model/onnx-scan.ts';
import { loopModel, model } from '../../enclave/worker/model/models.ts';

/** A model is admitted or refused with a code: a publisher's signature does not make its bytes safe. */
export function fuzz(data: Uint8Array): void {
  try {
    scanOnnx(data);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
  }
}

export const seeds: readonly Uint8Array[] = [model({}), loopModel()];
