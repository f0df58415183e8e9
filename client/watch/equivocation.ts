import { concatBytes, fromHex } from '../../wire/bytes.ts';
import type { TreeHead } from '../../wire/message/receipt.ts';
import { bytes32Word, uintWord } from '../../wire/words.ts';

/** A head with its worker's signature, as it was signed. */
export interface SignedHead extends Pick<TreeHead, 'size' | 'root'> {
  readonly log: Uint8Array;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Two histories of one log. Whoever sends `call` to the contract has the log revoked for ever (DESIGN section 8): nobody
 * has to be believed for it, since the worker's key has signed both.
 */
export interface Equivocation {
  readonly heads: readonly [SignedHead, SignedHead | PostedRoot];
  readonly call: ContractCall;
}

/** Kept by a settlement, which has checked the signature. */
export interface PostedRoot {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface ContractCall {
  readonly contract: 'registry' | 'settlement';
  readonly data: Uint8Array;
}

/** First four bytes of Keccak-256 of the functions' signatures; test/client/watch holds them against the contracts. */
const REVOKE_TWO_ROOTS: Uint8Array = fromHex('74914cd8');
const POST_HEAD: Uint8Array = fromHex('ca82b943');

/** `WorkerRegistry.revokeTwoRoots`: two signed heads of one size. */
export function revokeTwoRoots(identity: Uint8Array, one: SignedHead, other: SignedHead): ContractCall {
  return { contract: 'registry', data: concatBytes(REVOKE_TWO_ROOTS, identity, headWords(one), headWords(other)) };
}

/** `Settlement.postHead`: a second root for a size that it has kept one for is evidence, and ends the log. */
export function postConflictingHead(head: SignedHead): ContractCall {
  return { contract: 'settlement', data: concatBytes(POST_HEAD, headWords(head)) };
}

function headWords({ log, size, root, signature }: SignedHead): Uint8Array {
  return concatBytes(bytes32Word(log), uintWord(BigInt(size)), bytes32Word(root), signature);
}
