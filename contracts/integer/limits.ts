/** What a program may be at most. Each is far above what fits on a chain, and keeps a stranger's file from being work. */
export const programLimits = {
  /** More inputs than a transaction of 2^24 gas could carry. */
  width: 4_096,
  layers: 64,
  /** Over all layers: a contract holds some tens of thousands. */
  weights: 1_048_576,
  /** Over all trees of a forest, leaves included. */
  nodes: 65_536,
  /** Branches above a leaf: comparisons nest in the contract, too. */
  depth: 64,
  /** A weight, a bias, a threshold or a leaf. The engine's own constants have 32 bits. */
  number: 2_147_483_648n,
} as const;
