import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CONTRACTS: string = fileURLToPath(new URL('..', import.meta.url));

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export type FoundryTool = 'forge' | 'anvil';

export class FoundryError extends Error {
  override readonly name: string = 'FoundryError';
}

/**
 * The tool's own binary. The script that npm links as `forge` ends with 0 when tests fail, so nothing here runs it.
 */
export function foundryBinary(tool: FoundryTool): string {
  const platform = `${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;
  const path = join(CONTRACTS, '..', 'node_modules', '@foundry-rs', `${tool}-${platform}`, 'bin', tool);
  if (!existsSync(path)) throw new FoundryError(`${tool} has no binary for ${platform}: ${path}`);
  return path;
}

/** Nothing of the caller's own Foundry settings, so that a build is the same on every machine. */
export function foundryEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(FOUNDRY|DAPP|ETH)_/.test(name)) environment[name] = value;
  }
  // forge names what a package's files import by absolute paths, so the compiler finds it under no relative remapping.
  const remapping = `@openzeppelin/contracts/=${join(CONTRACTS, '..', 'node_modules/@openzeppelin/contracts/')}`;
  return { ...environment, FOUNDRY_DISABLE_NIGHTLY_WARNING: '1', FOUNDRY_REMAPPINGS: remapping };
}
