import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { JsonValue } from '../../../wire/codec/json.ts';

/** A publisher's folder that a test makes and takes away. */
export interface DraftFolder {
  readonly directory: string;
  write(path: string, content: Uint8Array | string): void;
  path(name: string): string;
  /** `release.json`: the usual draft, with other members. */
  draft(members: Readonly<Record<string, JsonValue>>): void;
  remove(): void;
}

export const usualDraft: Readonly<Record<string, JsonValue>> = {
  schema: 'proofmark release draft v1',
  name: 'adder',
  version: '1.2.3',
  kind: 'tensor',
  description: 'Adds.',
  licence: 'Apache-2.0',
  task: 'arithmetic',
  tags: ['small'],
  entry: 'model.onnx',
  files: ['model.onnx', 'README.md'],
  execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
  limits: { memoryBytes: 268_435_456, runMilliseconds: 2_000 },
  samples: [],
  circuit: null,
};

export function draftFolder(): DraftFolder {
  const directory = mkdtempSync(join(tmpdir(), 'pm-draft-'));
  const write = (path: string, content: Uint8Array | string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  };
  return {
    directory,
    write,
    path: (name) => join(directory, name),
    draft: (members) => write('release.json', JSON.stringify({ ...usualDraft, ...members }, null, 2)),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
