import type { ReleaseFacts } from '../verifier/release/verify.ts';
import type { Verified } from '../verifier/result.ts';
import type { WorkerFacts } from '../verifier/worker/facts.ts';
import { createAttestedFetch, type Fetch } from './attested-fetch/fetch.ts';
import { createEngine } from './engine.ts';
import { infer } from './infer.ts';
import { completeWhole, type LanguageStream, streamPieces } from './language/calls.ts';
import type { CallOptions, ClientOptions, InferCall, InferResult, LanguageCall, LanguageResult } from './types.ts';

/** Calls that are sealed, and answers that were verified: whatever else happens is an error. */
export interface Client {
  /** The worker of the current session; a new one is proven when the old one is gone or its acceptance ran out. */
  worker(): Promise<Verified<WorkerFacts>>;
  /** What the owner of a model says of it, signature verified: its inputs, outputs, licence and samples. */
  release(modelId: Uint8Array): Promise<Verified<ReleaseFacts>>;
  infer(call: InferCall, options?: CallOptions): Promise<InferResult>;
  chat(call: LanguageCall, options?: CallOptions): Promise<LanguageResult>;
  complete(call: LanguageCall, options?: CallOptions): Promise<LanguageResult>;
  /** Whoever leaves the loop early has the worker end, and settles what was generated until then. */
  streamChat(call: LanguageCall, options?: CallOptions): LanguageStream;
  streamCompletion(call: LanguageCall, options?: CallOptions): LanguageStream;
  /** A `fetch` for clients of the OpenAI API and of OIP in JSON: what it answers was verified. */
  readonly fetch: Fetch;
}

/** A client from its parts, for platforms that `connect` does not know. */
export function createClient(options: ClientOptions): Client {
  const engine = createEngine(options);
  return {
    worker: async () => (await engine.sessions.take()).session.worker,
    release: async (modelId) => (await engine.release(modelId)).facts,
    infer: (call, callOptions) => infer(engine, call, callOptions),
    chat: (call, callOptions) => completeWhole(engine, 'chat', call, callOptions),
    complete: (call, callOptions) => completeWhole(engine, 'completion', call, callOptions),
    streamChat: (call, callOptions) => streamPieces(engine, 'chat', call, callOptions),
    streamCompletion: (call, callOptions) => streamPieces(engine, 'completion', call, callOptions),
    fetch: createAttestedFetch(engine),
  };
}
