import { chmodSync } from 'node:fs';
import {
  type AbiFunction,
  type AbiItem,
  type AbiParameter,
  type Address,
  type Hex,
  toFunctionSelector,
  toFunctionSignature,
} from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Payer } from '../../../cli/chain/account.ts';
import { type ModelChain, modelRegistryAbi, openModelChain } from '../../../cli/model/chain.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../../contracts/tools/artifacts.ts';
import { owner, ownerOf, signedStatus, stranger, testRelease } from '../../client/hub/releases.ts';
import { temporaryFolder } from '../../support/command.ts';
import { sign } from '../../vectors/golden/keys.ts';

/** A node that starts while everything else does. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

/** Anvil's first account, whose key everybody knows. */
const KNOWN_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const folder = temporaryFolder();
let chain: Chain;
let contract: Artifact;
let registry: Address;
let models: ModelChain;
let payer: Payer;

const signing = async (message: Uint8Array): Promise<Uint8Array> => sign(owner, message);

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  contract = await artifact('ModelRegistry');
  registry = await chain.deploy(contract);
  models = await openModelChain({ rpc: chain.url, registry });
  payer = { unlocked: chain.accounts[3] as Address };
});

afterAll(async () => {
  folder.remove();
  await chain.stop();
});

async function succeeded(hash: Hex | null): Promise<boolean> {
  if (hash === null) return false;
  return (await chain.rpc<{ readonly status: Hex }>('eth_getTransactionReceipt', [hash])).status === '0x1';
}

/** Without what the compiler adds: the names that the source has for types. */
function parameter(given: AbiParameter): object {
  const components = 'components' in given ? given.components.map(parameter) : [];
  return { name: given.name ?? '', type: given.type, components };
}

describe('a registry of models, for whoever publishes', () => {
  it('is asked in the words of its source', () => {
    const compiled = contract.abi as readonly AbiItem[];
    const functions = (abi: readonly AbiItem[]): readonly AbiFunction[] =>
      abi.filter((item): item is AbiFunction => item.type === 'function');
    for (const mine of functions(modelRegistryAbi as readonly AbiItem[])) {
      const theirs = functions(compiled).find((one) => toFunctionSelector(one) === toFunctionSelector(mine));
      expect(theirs, toFunctionSignature(mine)).toBeDefined();
      const shape = ({ outputs, stateMutability }: AbiFunction) => ({
        outputs: outputs.map(parameter),
        stateMutability,
      });
      if (theirs !== undefined) expect(shape(mine)).toEqual(shape(theirs));
    }
    const errors = (abi: readonly AbiItem[]): readonly string[] =>
      abi.flatMap((item) => (item.type === 'error' ? [item.name] : []));
    expect(errors(compiled)).toEqual(expect.arrayContaining([...errors(modelRegistryAbi as readonly AbiItem[])]));
  });

  it('lists a release once, and its status whenever that is said', async () => {
    const one = testRelease({ version: '1.0.0' });
    expect(await models.release(ownerOf(owner), one.modelId)).toEqual({
      listedAt: null,
      status: 'active',
      sequence: 0n,
    });
    expect(await succeeded(await models.list(one, payer, signing))).toBe(true);
    expect(await models.list(one, payer, signing)).toBeNull();
    expect(await succeeded(await models.state(signedStatus(one.modelId, 'yanked', 7n), payer))).toBe(true);
    const found = await models.release(ownerOf(owner), one.modelId);
    expect(found).toMatchObject({ status: 'yanked', sequence: 7n });
    expect(found.listedAt).toBeInstanceOf(Date);
  });

  it('is paid by a key in a file', async () => {
    const keyFile = folder.file('key', `${KNOWN_KEY}\n`);
    const unsafe = testRelease({ version: '1.0.9' });
    await expect(models.list(unsafe, { keyFile }, signing)).rejects.toThrow('can be read by others');
    chmodSync(keyFile, 0o600);
    const one = testRelease({ version: '1.1.0' });
    expect(await succeeded(await models.list(one, { keyFile }, signing))).toBe(true);
  });

  it('refuses what another key signed: the release, the listing, or the status', async () => {
    const forged = testRelease({ version: '2.0.0', signedBy: stranger });
    await expect(models.list(forged, payer, signing)).rejects.toThrow('ModelRegistry refuses: ReleaseNotSigned');
    const genuine = testRelease({ version: '2.1.0' });
    const byStranger = async (message: Uint8Array): Promise<Uint8Array> => sign(stranger, message);
    await expect(models.list(genuine, payer, byStranger)).rejects.toThrow('ModelRegistry refuses: ListingNotSigned');
    const status = { ...signedStatus(genuine.modelId, 'yanked', 1n, stranger), owner: ownerOf(owner) };
    await expect(models.state(status, payer)).rejects.toThrow('ModelRegistry refuses: StatusNotSigned');
    expect((await models.release(ownerOf(owner), genuine.modelId)).listedAt).toBeNull();
  });

  it('refuses a second release under a version, and an older status', async () => {
    const first = testRelease({ version: '3.0.0' });
    await models.list(first, payer, signing);
    const second = testRelease({ version: '3.0.0', files: { 'other.onnx': new Uint8Array(5) } });
    await expect(models.list(second, payer, signing)).rejects.toThrow('ModelRegistry refuses: VersionTaken');
    await models.state(signedStatus(first.modelId, 'deprecated', 2n), payer);
    const older = models.state(signedStatus(first.modelId, 'active', 1n), payer);
    await expect(older).rejects.toThrow('ModelRegistry refuses: SequenceNotGreater');
  });

  it('takes no pre-release', async () => {
    const one = testRelease({ version: '4.0.0-rc.1' });
    await expect(models.list(one, payer, signing)).rejects.toThrow('4.0.0-rc.1 is a pre-release');
  });

  it('is somewhere else, or nowhere', async () => {
    const empty = `0x${'11'.repeat(20)}` as const;
    await expect(openModelChain({ rpc: chain.url, registry: empty })).rejects.toThrow(`no ModelRegistry at ${empty}`);
    await expect(openModelChain({ rpc: 'http://127.0.0.1:9', registry })).rejects.toThrow('the chain: ');
  });

  it('says nothing of a key that is none', async () => {
    const keyFile = folder.file('wrong', 'deadbeef-secret');
    chmodSync(keyFile, 0o600);
    const one = testRelease({ version: '5.0.0' });
    const failure = await models.list(one, { keyFile }, signing).catch((error: unknown) => String(error));
    expect(failure).toContain('is no private key');
    expect(failure).not.toContain('deadbeef');
  });
});
