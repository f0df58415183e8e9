/** Networks with random weights, which cost what trained ones of the shape cost. */
export const RECOMPUTED_SHAPES: readonly (readonly number[])[] = [
  [16, 32, 8, 2],
  [784, 32, 10],
];
