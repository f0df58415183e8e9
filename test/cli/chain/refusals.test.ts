import { type Abi, type AbiFunction, type AbiItem, toEventSelector, toFunctionSelector } from 'viem';
import { describe, expect, it } from 'vitest';
import { policyAbi, provedAbi, registryAbi, replayedAbi, settlementAbi } from '../../../cli/chain/abi.ts';
import { refusalName } from '../../../cli/chain/refusals.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';

type AbiError = Extract<Abi[number], { readonly type: 'error' }>;

const LONG = { timeout: 240_000 } as const;

describe('what the commands ask of contracts', () => {
  it.each<[string, readonly AbiItem[]]>([
    ['WorkerRegistry', registryAbi],
    ['Settlement', settlementAbi],
    ['ManagedPolicy', policyAbi],
    ['ProvedResult', provedAbi],
    ['ReplayedResult', replayedAbi],
  ])('is in %s as the compiler reads it', LONG, async (name, mine) => {
    const compiled = (await artifact(name)).abi as readonly AbiItem[];
    const known = new Set(compiled.flatMap(selectorOf));
    for (const item of mine)
      for (const selector of selectorOf(item)) expect(known, JSON.stringify(item)).toContain(selector);
  });

  it.each([
    'WorkerRegistry',
    'Settlement',
    'ManagedPolicy',
    'ImageListPolicy',
    'ModelRegistry',
    'NitroVerifier',
    'SevSnpVerifier',
    'ProvedResult',
    'ReplayedResult',
  ])('is refused by names that %s has, all of which are known', LONG, async (name) => {
    const compiled = (await artifact(name)).abi as readonly AbiItem[];
    const errors = compiled.filter((item): item is AbiError => item.type === 'error');
    expect(errors.length).toBeGreaterThan(0);
    const unknown = errors
      .filter(
        (error) =>
          refusalName(
            toFunctionSelector({ ...error, type: 'function', outputs: [], stateMutability: 'pure' } as AbiFunction),
          ) !== error.name,
      )
      .map((error) => `${error.name}(${error.inputs.map(({ type }) => type).join()})`);
    expect(unknown).toEqual([]);
  });

  it('are told by their selector where nobody knows them, and as not told where there is nothing', () => {
    expect(refusalName('0xdeadbeef')).toBe('0xdeadbeef');
    expect(refusalName('0x')).toBe('not_told');
  });
});

/** What a call is found by; what comes back is read by the other tests. */
function selectorOf(item: AbiItem): readonly string[] {
  if (item.type === 'function') return [`${toFunctionSelector(item)} ${item.stateMutability}`];
  return item.type === 'event' ? [toEventSelector(item)] : [];
}
