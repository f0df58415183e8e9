import type { Suite } from '../../wire/crypto/suite.ts';

/** What differs between Node and whatever else runs this. */
export interface HubPlatform {
  readonly suite: Suite;
  readonly hash: () => RunningHash;
  /** Rejects with the signal's reason where that is aborted meanwhile. */
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** SHA-256 of what comes in pieces. */
export interface RunningHash {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** How requests reach a hub: no redirect followed, no compression opened. Throws HubError. */
export interface HubTransport {
  /** As `https://hub.example`: what a publisher signs an upload for. */
  readonly origin: string;
  ask(request: HubRequest): Promise<HubResponse>;
}

export interface HubRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: HubBody | null;
  readonly signal: AbortSignal | undefined;
}

export interface HubBody {
  readonly length: number;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface HubResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Reading less than all of it ends the connection. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** How long it is tried again: waits double from the first to the longest, and begin again with each byte that came. */
export interface HubPatience {
  readonly firstMs: number;
  readonly longestMs: number;
  /** In a row without anything new. */
  readonly tries: number;
}

export const defaultPatience: HubPatience = { firstMs: 250, longestMs: 15_000, tries: 8 };

/** What is going on, for whoever shows it. `bytes` counts from the beginning of the file, whenever it came. */
export type HubProgress =
  /** All that is to come, and what is there already counts. */
  | { readonly event: 'plan'; readonly files: number; readonly bytes: number }
  | { readonly event: 'file'; readonly path: string; readonly size: number; readonly bytes: number }
  | { readonly event: 'bytes'; readonly path: string; readonly bytes: number }
  | { readonly event: 'done'; readonly path: string }
  | { readonly event: 'again'; readonly path: string | null; readonly why: string; readonly waitMs: number };
