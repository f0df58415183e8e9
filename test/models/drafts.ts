import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildRelease, DRAFT_FILE, readDraft } from '../../cli/model/draft.ts';
import { type Engine, loadEngine } from '../../enclave/worker/model/engine.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { decodeInferRequest, type InferRequest } from '../../wire/message/tensor.ts';

const MODELS = resolve(import.meta.dirname, '../../models');

/** A committed draft as `proofmark model publish` would read it, for an owner of zeros. */
export interface CommittedRelease {
  readonly manifest: Manifest;
  readonly entry: Uint8Array;
}

export function draftNames(): readonly string[] {
  return readdirSync(MODELS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(MODELS, entry.name)).includes(DRAFT_FILE))
    .map(({ name }) => name)
    .sort();
}

export function pathIn(name: string, path: string): string {
  return join(MODELS, name, path);
}

export function readIn(name: string, path: string): Uint8Array {
  return Uint8Array.from(readFileSync(pathIn(name, path)));
}

export function cardOf(name: string): string {
  return readFileSync(pathIn(name, 'README.md'), 'utf8');
}

export async function committedRelease(name: string): Promise<CommittedRelease> {
  const directory = pathIn(name, '');
  const { manifest } = await buildRelease(directory, await readDraft(directory), new Uint8Array(64));
  return { manifest, entry: readIn(name, manifest.entry) };
}

/** With the options that a worker would load it with. */
export async function engineOf({ entry, manifest }: CommittedRelease): Promise<Engine> {
  const { optimisation, threads } = manifest.execution;
  return loadEngine(entry, { optimisation, threads });
}

export function sampleRequest(name: string, path: string): InferRequest {
  const body = readIn(name, path);
  return decodeInferRequest({ body, jsonLength: body.length }, 'json');
}
