import { join } from 'node:path';
import { type Forked, startForked } from '../../support/forked.ts';

export interface TransformersJob {
  /** A folder as model hubs hold it. */
  readonly folder: string;
  readonly threads: number | 'default';
  readonly prompt: readonly number[];
  readonly maxTokens: number;
}

export interface TransformersResult {
  readonly seconds: number;
  readonly tokens: readonly number[];
}

export function startTransformers(): Forked<TransformersJob, never, TransformersResult> {
  return startForked(join(import.meta.dirname, 'transformers-main.ts'));
}
