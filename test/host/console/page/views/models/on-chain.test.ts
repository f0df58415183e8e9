import { encodeFunctionData, encodeFunctionResult, type Hex, sha256 as hexSha256, toHex as viemHex } from 'viem';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelRegistryAbi } from '../../../../../../cli/model/chain.ts';
import { ClientError } from '../../../../../../client/index.ts';
import {
  addressOf,
  type OnChainRelease,
  readOnChain,
} from '../../../../../../host/console/page/views/models/on-chain.ts';
import { type ReleaseFacts, requireAccepted, type Verified, verifyRelease } from '../../../../../../verifier/index.ts';
import { fromHex, toHex } from '../../../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../../../wire/crypto/node.ts';
import { release as makeRelease } from '../../../../../enclave/worker/core/harness.ts';

const model = makeRelease([Uint8Array.of(1)], { name: 'demo', version: '1.2.3' });
const registry = new Uint8Array(20).fill(9);
const id: Hex = `0x${toHex(model.modelId)}`;
let release: Verified<ReleaseFacts>;
beforeAll(async () => {
  const { signed, modelId } = model;
  release = requireAccepted(await verifyRelease(signed, { modelId, publishers: 'any', suite: nodeSuite }));
});

const listed = {
  modelId: id,
  nameHash: hexSha256(viemHex('demo')),
  version: { major: 1, minor: 2, patch: 3 },
  listedAt: 1_790_000_000,
  status: 1,
  sequence: 7n,
};

function answering(bytes: Uint8Array): Promise<OnChainRelease> {
  return readOnChain({ call: async () => bytes }, registry, { release, suite: nodeSuite });
}

function encoded(changes: Partial<typeof listed> = {}): Uint8Array {
  const result = { ...listed, ...changes };
  const hex = encodeFunctionResult({ abi: modelRegistryAbi, functionName: 'releaseOf', result });
  return fromHex(hex.slice(2));
}

describe('a release in the registry', () => {
  it('is asked for as the contract’s interface says', async () => {
    const asked: string[] = [];
    const chain = {
      call: async (to: Uint8Array, data: Uint8Array) => {
        asked.push(toHex(to), `0x${toHex(data)}`);
        return encoded();
      },
    };
    await readOnChain(chain, registry, { release, suite: nodeSuite });
    const args = [hexSha256(`0x${toHex(model.manifest.owner)}`), id] as const;
    expect(asked).toEqual([
      toHex(registry),
      encodeFunctionData({ abi: modelRegistryAbi, functionName: 'releaseOf', args }),
    ]);
  });

  it('is read with its place and its status', async () => {
    expect(await answering(encoded())).toEqual({
      listedAt: 1_790_000_000,
      version: '1.2.3',
      agrees: true,
      status: 'deprecated',
      sequence: 7n,
    });
  });

  it('may have a status before it is listed', async () => {
    const nothing = { ...listed, modelId: `0x${'00'.repeat(32)}` as Hex, nameHash: `0x${'00'.repeat(32)}` as Hex };
    const answer = encoded({ ...nothing, version: { major: 0, minor: 0, patch: 0 }, listedAt: 0, status: 2 });
    expect(await answering(answer)).toMatchObject({ listedAt: 0, status: 'yanked' });
  });

  it('that is listed under another name or version than its manifest is seen to be', async () => {
    expect(await answering(encoded({ nameHash: hexSha256(viemHex('other')) }))).toMatchObject({ agrees: false });
    expect(await answering(encoded({ version: { major: 9, minor: 2, patch: 3 } }))).toMatchObject({ agrees: false });
  });

  it.each<readonly [string, () => Uint8Array]>([
    ['nothing: there is no contract', () => new Uint8Array(0)],
    ['another release', () => encoded({ modelId: `0x${'11'.repeat(32)}` })],
    ['a status that nobody knows', () => encoded({ status: 3 })],
    ['more than a release', () => new Uint8Array(9 * 32)],
  ])('is not read from %s', async (_, bytes) => {
    await expect(answering(bytes())).rejects.toThrow(ClientError);
    await expect(answering(bytes())).rejects.toMatchObject({ reason: 'chain_error' });
  });

  it('is looked for at an address', () => {
    expect(addressOf(` 0x${'aB'.repeat(20)} `)).toEqual(new Uint8Array(20).fill(0xab));
    for (const text of ['', '0x12', `${'ab'.repeat(20)}`, `0x${'zz'.repeat(20)}`])
      expect(addressOf(text)).toBeUndefined();
  });
});
