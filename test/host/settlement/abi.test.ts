import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  type AbiParameter,
  toEventSelector,
  toFunctionSelector,
} from 'viem';
import { describe, expect, it } from 'vitest';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { nitroVerifierAbi, policyAbi, registryAbi, settlementAbi } from '../../../host/settlement/abi.ts';

type Item = AbiFunction | AbiEvent;

const typesOf = (parameters: readonly AbiParameter[]): unknown =>
  parameters.map((parameter) =>
    'components' in parameter ? [parameter.type, typesOf(parameter.components)] : parameter.type,
  );

/** What a call is found by, and how its answer or its data is read. */
function essence(item: Item): unknown {
  if (item.type === 'function') {
    return [item.name, toFunctionSelector(item), item.stateMutability === 'view', typesOf(item.outputs)];
  }
  return [item.name, toEventSelector(item), item.inputs.map(({ indexed, name }) => [name, indexed === true])];
}

const itemsOf = (abi: Abi): readonly Item[] =>
  abi.filter((item): item is Item => item.type === 'function' || item.type === 'event');

describe('what the host asks of contracts', () => {
  it.each<[string, Abi]>([
    ['WorkerRegistry', registryAbi],
    ['NitroVerifier', nitroVerifierAbi],
    ['ImageListPolicy', policyAbi],
    ['Settlement', settlementAbi],
  ])('is in %s as the compiler reads it', async (name, abi) => {
    const compiled = itemsOf((await artifact(name)).abi).map(essence);
    expect(itemsOf(abi).length).toBeGreaterThan(0);
    for (const item of itemsOf(abi)) expect(compiled).toContainEqual(essence(item));
  });
});
