import { createHash } from 'node:crypto';
import { p384 } from '@noble/curves/nist.js';
import { type Address, encodeFunctionData, type Hex, toFunctionSelector, toHex } from 'viem';
import { type P384Signature, p384Statement, proveP384 } from '../../../contracts/prover/p384/index.ts';
import { type Chain, ChainError, startChain } from '../../../contracts/tools/anvil.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';

/** What P384Verifier says: nothing, or the name of the error it reverts with. */
export type Verdict = 'proven' | 'P384ScalarOutOfRange' | 'P384KeyNotOnCurve' | 'P384NotProven' | 'other revert';

export interface P384World {
  readonly chain: Chain;
  readonly address: Address;
  readonly runtimeBytes: number;
  callData(statement: Uint8Array, hints: Uint8Array): Hex;
  ask(statement: Uint8Array, hints: Uint8Array): Promise<Verdict>;
}

const ERRORS = ['P384ScalarOutOfRange', 'P384KeyNotOnCurve', 'P384NotProven'] as const;

/** On a chain of its own, which whoever asked has to stop. */
export async function p384World(): Promise<P384World> {
  return deployP384(await startChain({ hardfork: 'osaka' }));
}

export async function deployP384(chain: Chain): Promise<P384World> {
  const low = await chain.deploy(await artifact('P384TableLow'));
  const high = await chain.deploy(await artifact('P384TableHigh'));
  const verifier = await artifact('P384Verifier');
  const address = await chain.deploy(verifier, [low, high]);
  const callData = (statement: Uint8Array, hints: Uint8Array): Hex =>
    encodeFunctionData({ abi: verifier.abi, functionName: 'verify', args: [toHex(statement), toHex(hints)] });
  return {
    chain,
    address,
    runtimeBytes: verifier.runtimeBytes,
    callData,
    async ask(statement, hints) {
      try {
        await chain.call({ to: address, data: callData(statement, hints) });
        return 'proven';
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        const { data } = error;
        return ERRORS.find((name) => toFunctionSelector(`${name}()`) === data) ?? 'other revert';
      }
    },
  };
}

export const Point: typeof p384.Point = p384.Point;
export type Point = ReturnType<typeof Point.fromAffine>;
export const ORDER: bigint = Point.Fn.ORDER;
export const PRIME: bigint = Point.Fp.ORDER;

export const bytes48 = (value: bigint): Uint8Array => Buffer.from(value.toString(16).padStart(96, '0'), 'hex');

export const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

export const modulo = (value: bigint, modulus: bigint): bigint => ((value % modulus) + modulus) % modulus;

/** A signature made with a given key and nonce. */
export function signWith(secret: bigint, nonce: bigint, hash: bigint): P384Signature | undefined {
  const r = Point.BASE.multiply(nonce).toAffine().x % ORDER;
  const s = Point.Fn.mul(Point.Fn.inv(nonce), modulo(hash + r * secret, ORDER));
  if (s === 0n || r === 0n) return undefined;
  return { hash: bytes48(hash), r: bytes48(r), s: bytes48(s), publicKey: Point.BASE.multiply(secret).toBytes(false) };
}

/** Deterministic numbers, so that a failure comes back. */
export function numbers(seed: string): () => bigint {
  const digest = (data: Uint8Array): Buffer => createHash('sha384').update(data).digest();
  let state = digest(Buffer.from(seed));
  return () => {
    state = digest(state);
    return modulo(toInteger(state), ORDER - 1n) + 1n;
  };
}

export function randomSignature(next: () => bigint): P384Signature {
  const signature = signWith(next(), next(), next());
  if (signature === undefined) throw new RangeError('s is zero');
  return signature;
}

export function randomSignatures(seed: string, count: number): readonly P384Signature[] {
  const next = numbers(seed);
  return Array.from({ length: count }, () => randomSignature(next));
}

export const proven = (signature: P384Signature): { readonly statement: Uint8Array; readonly hints: Uint8Array } => ({
  statement: p384Statement(signature),
  hints: proveP384(signature),
});

/** Hints that are well formed and belong to another signature. */
export const foreignHints = (): Uint8Array => proveP384(randomSignature(numbers('foreign hints')));
