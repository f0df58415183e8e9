import type { Request, RequestHandler } from 'express';
import { toHex } from '../../../wire/bytes.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Release } from '../../releases.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import type { ReleaseNames } from '../releases.ts';

/** The Open Inference Protocol's metadata. What is said of a model is in its signed manifest (`/v1/releases`). */
export const serverMetadata: RequestHandler = (_request, response) => {
  response.json({ name: 'proofmark', version: VERSION, extensions: ['binary_tensor_data'] });
};

/** The package's; a test holds the two against each other. */
const VERSION = '0.1.0';

export function modelMetadata({ names }: AppContext): RequestHandler {
  return (request, response) => {
    const release = named(names, request);
    const { name, inputs, outputs } = release.manifest;
    response.json({
      name,
      versions: names.siblings(release).map(({ manifest }) => manifest.version),
      platform: 'onnxruntime_onnx',
      inputs: inputs.map(tensorToJson),
      outputs: outputs.map(tensorToJson),
    });
  };
}

/** A model is ready when a worker has it; the protocol lets the HTTP status say so as well. */
export function modelReady({ names, workers }: AppContext): RequestHandler {
  return (request, response) => {
    const release = named(names, request);
    const ready = workers.serves(release.modelId) === 'now';
    response.status(ready ? 200 : 503).json({ name: release.manifest.name, ready });
  };
}

/** In the shape that OpenAI's libraries list models in; only what answers to its routes is listed. */
export function listModels(context: AppContext): RequestHandler {
  return (_request, response) => {
    const served = context.releases().filter(isLanguage);
    response.json({ object: 'list', data: served.map((release) => modelToJson(context, release)) });
  };
}

export function retrieveModel(context: AppContext): RequestHandler {
  return (request, response) => {
    const release = context.names.find(String(request.params['model']));
    if (!isLanguage(release)) throw new HttpError('model_unknown');
    response.json(modelToJson(context, release));
  };
}

function isLanguage({ manifest }: Release): boolean {
  return manifest.kind === 'text-generation';
}

function modelToJson({ names }: AppContext, release: Release): Readonly<Record<string, unknown>> {
  const { owner, version } = release.manifest;
  return {
    id: names.nameOf(release),
    object: 'model',
    created: 0,
    owned_by: toHex(owner),
    proofmark: { modelId: toHex(release.modelId), version },
  };
}

function named(names: ReleaseNames, request: Request): Release {
  const { model, version } = request.params;
  return names.find(String(model), version === undefined ? undefined : String(version));
}

/** A dimension that is free has a name in the manifest, and is -1 in the protocol. */
function tensorToJson({ name, datatype, shape }: ManifestTensor): Readonly<Record<string, unknown>> {
  return { name, datatype, shape: shape.map((size) => (typeof size === 'number' ? size : -1)) };
}
