import { spawnSync } from 'node:child_process';
import { CONTRACTS, FoundryError, foundryBinary, foundryEnvironment } from './foundry.ts';

/** The text as `forge fmt` leaves it. */
export function formatSolidity(text: string): string {
  const { status, stdout, stderr } = spawnSync(foundryBinary('forge'), ['fmt', '--raw', '-'], {
    cwd: CONTRACTS,
    env: foundryEnvironment(),
    input: text,
    encoding: 'utf8',
  });
  if (status !== 0) throw new FoundryError(`forge fmt ended with ${status}: ${stderr}`);
  return stdout;
}
