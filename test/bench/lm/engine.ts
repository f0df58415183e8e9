import { join } from 'node:path';
import type { TokenOptions } from '../../../enclave/worker/model/language/token-engine.ts';
import type { TestDecoder } from '../../models/decoder.ts';
import { type Forked, startForked } from '../../support/forked.ts';

export interface EngineJob {
  readonly decoder: Partial<TestDecoder>;
  readonly endTokens: readonly number[];
  /** All of them at once. */
  readonly prompts: readonly (readonly number[])[];
  readonly sampling: TokenOptions;
}

export interface EngineResult {
  readonly seconds: number;
  readonly tokens: readonly (readonly number[])[];
}

/** One after the other in one process of their own. */
export function startEngine(): Forked<EngineJob, never, EngineResult> {
  return startForked(join(import.meta.dirname, 'engine-main.ts'));
}
