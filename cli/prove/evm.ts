import { evmContract, type GeneratedContract } from '../../contracts/integer/evm/contract.ts';
import type { IntegerRelease } from './integer-release.ts';

/** The contract of a release, under this name or one made of the release's own. */
export function contractOf(
  { manifest, modelId, program }: IntegerRelease,
  name: string = contractName(manifest.name),
): GeneratedContract {
  return evmContract(program, {
    name,
    modelId,
    title: `${manifest.name} ${manifest.version}`,
    licence: manifest.licence,
    interfaces: 'written',
  });
}

/** volatility-1h-int8 is RecomputedVolatility1hInt8. */
export function contractName(release: string): string {
  const parts = release.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  return `Recomputed${parts.map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`).join('')}`.slice(0, 64);
}
