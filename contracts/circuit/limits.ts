/** What a circuit may be at most. */
export const circuitLimits = {
  /** The compiler holds every weight as text, as a number and as a term: twice as many end its memory. */
  weights: 131_072,
  /** Estimated. Powers of tau for 2^17 are an hour's work for each party; a proof of that size takes gigabytes. */
  constraints: 131_072,
} as const;
