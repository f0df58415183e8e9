/** Seconds of a chain's clock as a person reads them; null where there are none. */
export function timeOf(seconds: number | bigint): string | null {
  return Number(seconds) === 0 ? null : `${new Date(1_000 * Number(seconds)).toISOString().slice(0, 19)}Z`;
}
