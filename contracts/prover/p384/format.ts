/** What the contract reads: a statement of five integers, and hints that make it easy to check. */
export const INTEGER_BYTES = 48;
export const STATEMENT_BYTES: number = 5 * INTEGER_BYTES;

/** R.y, the position of the first digit, whether R.x is r + n, and how many digits of 2 bytes follow; slopes of 48 come last. */
export const HINT_HEADER_BYTES: number = INTEGER_BYTES + 4;

/**
 * The contract's bounds on digits. Positions keep every scalar short, the count keeps sums of coordinates short; the
 * longest proof of a signature takes about 110 digits from position 192.
 */
export const MOST_DIGITS = 400;
export const HIGHEST_POSITION = 200;
/** A step starts with up to this many doublings: four bits say how many. */
export const MOST_DOUBLINGS = 15;

/** Bits of a digit: doublings (4), kind (2), table (2), index (7), sign (1). */
export const DIGIT_FIELDS = { doublings: 12, kind: 10, table: 8, index: 1 } as const;

export const KINDS = { add: 0, doubleAndAdd: 1, close: 2, firstOrRest: 3 } as const;
export const TABLES = { generator: 0, generatorHigh: 1, key: 2, commitment: 3 } as const;

/** Signed windows: odd digits below 2^8 over the tables of G, below 2^4 over those made in the call. */
export const WIDE_WINDOW = 9;
export const NARROW_WINDOW = 5;
export const WIDE_ENTRIES: number = 2 ** (WIDE_WINDOW - 2);
export const NARROW_ENTRIES: number = 2 ** (NARROW_WINDOW - 2);
/** The second table of G holds multiples of 2^192 G, so that t G needs half of the doublings. */
export const HALF_BITS = 192;
