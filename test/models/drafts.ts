import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Engine, loadEngine } from '../../enclave/worker/model/engine.ts';
import { array, literal, nullable, object, type Reader, text } from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { encodeManifest, type Manifest } from '../../wire/message/manifest.ts';
import { decodeInferRequest, type InferRequest } from '../../wire/message/tensor.ts';

const MODELS = resolve(import.meta.dirname, '../../models');

/** A committed release before its owner signs it: the manifest without what is computed from files and the key. */
export interface Draft {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly entry: Uint8Array;
}

const passed: Reader<JsonValue> = (value) => value as JsonValue;
const file = text({ min: 1, max: 256 });

/** Which members there are; what they may say is the manifest's to judge. */
const members = object({
  schema: literal('proofmark release draft v1'),
  name: passed,
  version: passed,
  kind: passed,
  description: passed,
  licence: passed,
  task: passed,
  tags: passed,
  entry: file,
  files: array(file, { min: 1, max: limits.manifestFiles }),
  execution: passed,
  limits: passed,
  samples: passed,
  circuit: nullable(text({ min: 64, max: 64 })),
});

export function draftNames(): readonly string[] {
  const folders = readdirSync(MODELS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .filter((name) => readdirSync(join(MODELS, name)).includes('release.json'))
    .sort();
}

export function pathIn(name: string, path: string): string {
  return join(MODELS, name, path);
}

export function readIn(name: string, path: string): Uint8Array {
  return Uint8Array.from(readFileSync(pathIn(name, path)));
}

/** The manifest that the draft becomes, with an owner of zeros; its own reader refuses what is not one. */
export function readDraft(name: string): Draft {
  const { schema: _, ...draft } = members(parseJson(readIn(name, 'release.json'), limits.manifestBytes), name);
  const files = draft.files.map((path) => {
    const bytes = readIn(name, path);
    return { path, size: bytes.length, sha256: Uint8Array.from(createHash('sha256').update(bytes).digest()) };
  });
  const manifest = {
    ...draft,
    schema: 'proofmark manifest v1',
    owner: new Uint8Array(64),
    files,
    inputs: [],
    outputs: [],
    circuit: null,
  } as unknown as Manifest;
  encodeManifest(manifest);
  return { folder: name, manifest, entry: readIn(name, draft.entry) };
}

export async function engineOf({ entry, manifest }: Draft): Promise<Engine> {
  const { optimisation, threads } = manifest.execution;
  return loadEngine(entry, { optimisation, threads });
}

export function sampleRequest(name: string, path: string): InferRequest {
  const body = readIn(name, path);
  return decodeInferRequest({ body, jsonLength: body.length }, 'json');
}

export function cardOf(name: string): string {
  return readFileSync(pathIn(name, 'README.md'), 'utf8');
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
