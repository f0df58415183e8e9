/** One parser under attack: it holds for any bytes, or throws something that is no refusal. */
export interface FuzzTarget {
  readonly fuzz: (data: Uint8Array) => void | Promise<void>;
  /** Where mutation starts: small, well-formed, and together reaching every branch that a good input reaches. */
  readonly seeds: readonly Uint8Array[];
}
