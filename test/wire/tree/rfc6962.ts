import { createHash } from 'node:crypto';

/**
 * The recursive definitions of RFC 6962 section 2.1, as its text has them, over leaf hashes that are already made. Slow
 * and obvious on purpose, and sharing no code with what it checks: the hash comes straight from node:crypto.
 */
export interface NaiveTree {
  /** MTH(D[start:end]) */
  hash(start: number, end: number): Uint8Array;
  /** PATH(m, D[0:size]) */
  path(m: number, size: number): Uint8Array[];
  /** PROOF(m, D[0:size]) */
  proof(m: number, size: number): Uint8Array[];
  /** The same recursion as PATH, stopped at the subtree D[start:end] instead of a leaf. */
  subtreePath(start: number, end: number, size: number): Uint8Array[];
}

export function sha256Of(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function leafHashOf(data: Uint8Array): Uint8Array {
  return sha256Of(Uint8Array.of(0), data);
}

/** Distinct leaves for as many indexes as a test asks for. */
export function testLeaf(index: number): Uint8Array {
  return leafHashOf(new TextEncoder().encode(`leaf ${index}`));
}

export function testLeaves(start: number, end: number): Uint8Array[] {
  return Array.from({ length: end - start }, (_, i) => testLeaf(start + i));
}

/** The largest power of two smaller than n, for n > 1. */
function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

export function naiveTree(leafHashes: readonly Uint8Array[]): NaiveTree {
  const known = new Map<string, Uint8Array>();

  function compute(start: number, end: number): Uint8Array {
    const n = end - start;
    if (n === 0) return sha256Of();
    if (n === 1) return leafHashes[start] as Uint8Array;
    const k = splitOf(n);
    return sha256Of(Uint8Array.of(1), hash(start, start + k), hash(start + k, end));
  }

  function hash(start: number, end: number): Uint8Array {
    const name = `${start}:${end}`;
    const found = known.get(name) ?? compute(start, end);
    known.set(name, found);
    return found;
  }

  function subtreePathIn(wanted: readonly [number, number], start: number, end: number): Uint8Array[] {
    if (wanted[0] === start && wanted[1] === end) return [];
    const middle = start + splitOf(end - start);
    return wanted[0] < middle
      ? [...subtreePathIn(wanted, start, middle), hash(middle, end)]
      : [...subtreePathIn(wanted, middle, end), hash(start, middle)];
  }

  function subproof(m: number, start: number, end: number, isWhole: boolean): Uint8Array[] {
    const n = end - start;
    if (m === n) return isWhole ? [] : [hash(start, end)];
    const k = splitOf(n);
    return m <= k
      ? [...subproof(m, start, start + k, isWhole), hash(start + k, end)]
      : [...subproof(m - k, start + k, end, false), hash(start, start + k)];
  }

  return {
    hash,
    path: (m, size) => subtreePathIn([m, m + 1], 0, size),
    proof: (m, size) => subproof(m, 0, size, true),
    subtreePath: (start, end, size) => subtreePathIn([start, end], 0, size),
  };
}
