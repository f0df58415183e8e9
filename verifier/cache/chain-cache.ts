import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import { isSameP384Signature } from '../codec/p384.ts';
import { VerifierError } from '../errors.ts';

/**
 * Remembers which certificates an issuer's key signed, so that a CA's signature is checked once and not for every
 * document. It holds nothing else: roots, names, validity and constraints are judged for every document anew, and a
 * verdict is the same with this cache, without it, and with one that strangers filled.
 */
export interface ChainCache {
  readonly maxEntries: number;
  readonly size: number;
  clear(): void;
}

/** That an issuer's key made this signature over the signed part of a certificate. */
export interface ChainLink {
  readonly kind: 'P-384' | 'RSA-4096';
  /** 04 || x || y, or the modulus. */
  readonly issuerKey: Uint8Array;
  /** SHA-256 of the signed part. */
  readonly tbsSha256: Uint8Array;
  /** r || s, or the RSA signature's bytes. */
  readonly signature: Uint8Array;
  /** The earliest end of validity of the certificate and of everything above it. */
  readonly notAfter: number;
}

/** One verification's use of a cache. What it learns is kept only once everything below the links held as well. */
export interface CacheUse {
  isKnown(link: ChainLink): boolean;
  learn(link: ChainLink): void;
  commit(): void;
}

interface Entry {
  /** What one suite proved says nothing to a caller who brought another. */
  readonly suite: Suite;
  readonly signature: Uint8Array;
  readonly notAfter: number;
}

/** Only what `createChainCache` made is a cache: another object with these methods would have nothing to look up. */
const contents = new WeakMap<object, Map<string, Entry>>();

/** Spares a caller the signatures of authorities that it has verified before; no verdict differs because of it. */
export function createChainCache(options: { readonly maxEntries: number }): ChainCache {
  const maxEntries = options?.maxEntries;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1 || maxEntries > limits.chainCacheEntries) {
    throw new VerifierError('argument_invalid', `1 to ${limits.chainCacheEntries} expected`, { field: 'maxEntries' });
  }
  const entries = new Map<string, Entry>();
  const cache: ChainCache = Object.freeze({
    maxEntries,
    get size() {
      return entries.size;
    },
    clear: () => entries.clear(),
  });
  contents.set(cache, entries);
  return cache;
}

export function isChainCache(value: unknown): value is ChainCache {
  return typeof value === 'object' && value !== null && contents.has(value);
}

const withoutCache: CacheUse = { isKnown: () => false, learn: () => undefined, commit: () => undefined };

export function useCache(cache: ChainCache | 'none', suite: Suite, now: number): CacheUse {
  const entries = cache === 'none' ? undefined : contents.get(cache);
  if (cache === 'none' || entries === undefined) return withoutCache;
  const learnt: ChainLink[] = [];
  return {
    isKnown: (link) => isKnown(entries, suite, link, now),
    learn: (link) => void learnt.push(link),
    commit: () => {
      for (const link of learnt) remember(entries, suite, link, cache.maxEntries);
    },
  };
}

function isKnown(entries: Map<string, Entry>, suite: Suite, link: ChainLink, now: number): boolean {
  const key = keyOf(link);
  const entry = entries.get(key);
  if (entry === undefined || entry.suite !== suite) return false;
  entries.delete(key);
  if (now > entry.notAfter) return false;
  // Put back as the one used last: a map keeps its order, and the first is the first to go.
  entries.set(key, entry);
  // A forged signature on a genuine certificate must not pass where it would fail without a cache.
  return link.kind === 'P-384'
    ? isSameP384Signature(entry.signature, link.signature)
    : // An RSA-PSS signature has no second spelling: exactly the one that was checked is known to be good.
      equalBytes(entry.signature, link.signature);
}

function remember(entries: Map<string, Entry>, suite: Suite, link: ChainLink, maxEntries: number): void {
  const key = keyOf(link);
  entries.delete(key);
  entries.set(key, { suite, signature: Uint8Array.from(link.signature), notAfter: link.notAfter });
  for (const oldest of entries.keys()) {
    if (entries.size <= maxEntries) break;
    entries.delete(oldest);
  }
}

/** Never the certificate's bytes or its signature: anyone can respell those (C18) and would get entries for it. */
function keyOf({ kind, issuerKey, tbsSha256 }: ChainLink): string {
  return `${kind} ${toHex(issuerKey)} ${toHex(tbsSha256)}`;
}
