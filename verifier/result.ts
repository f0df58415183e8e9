import { type MalformedCode, type Place, type RefusedCode, type UntrustedCode, VerifierError } from './errors.ts';

/**
 * `not-asked`: the policy says "any" for this check. `not-reached`: an earlier check ended the verification.
 * A check that is in no list did not run (verifier-checks X7), so every verdict lists all of them.
 */
export type CheckOutcome = 'passed' | 'failed' | 'not-asked' | 'not-reached';

/** One line of a verdict’s list: what was looked at, and what came of it. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly outcome: CheckOutcome;
  readonly detail: string;
  /** Of a failed check, where the evidence has a place for it: which certificate, field or byte. */
  readonly place?: Omit<Place, 'checkId'>;
}

/** Something that a reader might take for proven and that is not. */
export interface NotProven {
  readonly id: string;
  readonly reason: string;
}

interface Ruling {
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

/** Bytes that are not evidence, evidence that nobody vouches for, and genuine evidence that the policy does not want. */
export type Verdict<Proven> =
  | (Ruling & { readonly verdict: 'accepted'; readonly proven: Proven })
  | (Ruling & { readonly verdict: 'malformed'; readonly code: MalformedCode })
  | (Ruling & { readonly verdict: 'untrusted'; readonly code: UntrustedCode })
  | (Ruling & { readonly verdict: 'refused'; readonly code: RefusedCode });

declare const proof: unique symbol;

/** Facts that came out of a complete verification. Only this folder can make one: see `verified`. */
export type Verified<Facts extends object> = Readonly<Facts> & { readonly [proof]: 'verified' };

const made = new WeakSet<object>();

/**
 * Marks facts as proven. Called once per verification, after every check; not part of the package's exports, and the
 * boundary rules keep other folders from importing it.
 */
export function verified<Facts extends object>(facts: Facts): Verified<Facts> {
  deepFreeze(facts);
  made.add(facts);
  return facts as Verified<Facts>;
}

/** Holds at run time too: an object that merely looks like proven facts is not one. */
export function isVerified(value: unknown): value is Verified<object> {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** The proven facts, or a `VerifierError` with the verdict's code and the check that failed first. */
export function requireAccepted<Proven>(verdict: Verdict<Proven>): Proven {
  if (verdict.verdict === 'accepted') return verdict.proven;
  const failed = verdict.checks.find((check) => check.outcome === 'failed');
  throw new VerifierError(
    verdict.code,
    failed?.detail ?? verdict.verdict,
    failed === undefined ? {} : { checkId: failed.id },
  );
}

/**
 * Freezes plain objects, lists and maps. Byte arrays cannot be frozen; they are copies that nothing else holds.
 * `Object.freeze` leaves a map's contents open, so its own methods are closed as well.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const method of ['set', 'delete', 'clear']) Object.defineProperty(value, method, { value: refuseChange });
  }
  Object.freeze(value);
  const members = value instanceof Map ? value.values() : Object.values(value);
  for (const member of members) deepFreeze(member);
  return value;
}

function refuseChange(): never {
  throw new TypeError('proven facts and policies do not change');
}
