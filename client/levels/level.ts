/**
 * How a result can be vouched for (DESIGN section 6), from nobody to mathematics. They are no ladder: each rests on something
 * else, a result can have several, and gains some later.
 */
export type Level = 'simulated' | 'attested' | 'replayed' | 'recomputed' | 'proved';

/** What a request can ask for. Nobody asks for a level that nobody vouches for, but under a policy for tests. */
export type GainedLevel = Exclude<Level, 'simulated' | 'attested'>;

export const levelNames: readonly Level[] = ['simulated', 'attested', 'replayed', 'recomputed', 'proved'];

export const gainedLevels: readonly GainedLevel[] = ['replayed', 'recomputed', 'proved'];

/** Who vouches for a result at each level. */
export const vouchers: Readonly<Record<Level, string>> = {
  simulated: 'nobody: it is for tests',
  attested: 'the vendor of the hardware',
  replayed: 'auditors whom you name',
  recomputed: 'whoever computes it again: your own machine, or a chain',
  proved: 'mathematics, and whoever set the circuit up',
};

export function isGained(level: Level): level is GainedLevel {
  return level !== 'simulated' && level !== 'attested';
}
