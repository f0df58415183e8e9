/**
 * How often a property is tried: as given in `make test`, many times as often in `make test-long`. Properties name
 * their own usual number, because what a case costs differs a thousandfold.
 */
export function runs(usual: number): number {
  return usual * Number(process.env['PROOFMARK_RUNS_FACTOR'] ?? '1');
}
