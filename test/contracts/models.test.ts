import { type Address, decodeEventLog, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, type Receipt, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { fromHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { releaseMessage, releaseStatus, releaseStatusMessage } from '../../wire/message/authorisations.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../wire/message/manifest.ts';
import { listingMessage, releaseVersion } from '../../wire/message/registrations.ts';
import { sign, type TestKey, testKey } from '../vectors/golden/keys.ts';
import { statementVectors } from '../vectors/golden/messages.ts';
import { hex } from './support/hex.ts';

/** Manifests and signatures by the code of `wire`; what the contract says of them, and what its events alone say. */
let chain: Chain;
let contract: Artifact;
let registry: Address;
const logs: Receipt['logs'][number][] = [];

const owner = testKey('release owner on chain');
const key = (of: TestKey): Readonly<Record<'x' | 'y', Hex>> => ({
  x: hex(of.point.subarray(1, 33)),
  y: hex(of.point.subarray(33)),
});
const ownerId = hex(sha256(owner.point.subarray(1)));
const signed = (message: Uint8Array): Readonly<Record<'r' | 's', Hex>> => {
  const signature = sign(owner, message);
  return { r: hex(signature.subarray(0, 32)), s: hex(signature.subarray(32)) };
};

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  contract = await artifact('ModelRegistry');
  registry = await chain.deploy(contract);
});

afterAll(() => chain.stop());

/** The golden manifest under this owner's key, with another version. */
function manifest(version: string): { readonly value: Manifest; readonly modelId: Uint8Array } {
  const golden = statementVectors() as unknown as { readonly manifest: { readonly utf8: string } };
  const value = { ...decodeManifest(utf8(golden.manifest.utf8)), owner: owner.point.slice(1), version };
  return { value, modelId: sha256(encodeManifest(value)) };
}

async function send(functionName: string, args: readonly unknown[]): Promise<void> {
  // From an account that has nothing to do with the owner: signatures are the authority.
  const data = encodeFunctionData({ abi: contract.abi, functionName, args });
  const receipt = await chain.send({ to: registry, data, from: chain.accounts[3] as Address });
  expect(receipt.status).toBe('success');
  logs.push(...receipt.logs);
}

async function list(version: string): Promise<Uint8Array> {
  const { value, modelId } = manifest(version);
  const fields = {
    chainId: 31_337n,
    registry: fromHex(registry.slice(2)),
    modelId,
    nameHash: sha256(utf8(value.name)),
  };
  const numbers = releaseVersion(value.version);
  const listing = signed(listingMessage({ ...fields, version: numbers }));
  await send('list', [key(owner), value.name, numbers, hex(modelId), signed(releaseMessage(modelId)), listing]);
  return modelId;
}

async function state(modelId: Uint8Array, status: bigint, sequence: bigint): Promise<void> {
  const signature = signed(releaseStatusMessage(modelId, status, sequence));
  await send('stateStatus', [key(owner), hex(modelId), status, sequence, signature]);
}

interface Release {
  readonly modelId: Hex;
  readonly nameHash: Hex;
  readonly version: Readonly<Record<'major' | 'minor' | 'patch', number>>;
  readonly listedAt: number;
  readonly status: number;
  readonly sequence: bigint;
}

async function read<T>(functionName: string, args: readonly unknown[]): Promise<T> {
  const data = await chain.call({ to: registry, data: encodeFunctionData({ abi: contract.abi, functionName, args }) });
  return decodeFunctionResult({ abi: contract.abi, functionName, data }) as T;
}

/** Everything that was ever said, from the events alone. */
function rebuilt(): ReadonlyMap<Hex, Release> {
  const releases = new Map<Hex, Release>();
  for (const { topics, data } of logs) {
    const event = decodeEventLog({ abi: contract.abi, topics: [...topics] as [Hex, ...Hex[]], data });
    const { owner: by, modelId, ...args } = event.args as unknown as Release & { readonly owner: Hex };
    expect(by).toBe(ownerId);
    if (event.eventName === 'ReleaseListed') {
      const { nameHash, version, listedAt } = args;
      releases.set(modelId, { modelId, nameHash, version, listedAt, status: 0, sequence: 0n });
    } else {
      const { status, sequence } = args;
      releases.set(modelId, { ...(releases.get(modelId) as Release), status, sequence });
    }
  }
  return releases;
}

describe('ModelRegistry', () => {
  it('fits EIP-170', () => {
    expect(contract.runtimeBytes).toBeLessThanOrEqual(24_576);
  });

  it('takes what wire signs, and its events tell everything that its views do', async () => {
    const first = await list('1.9.0');
    const second = await list('1.10.0');
    const third = await list('0.0.0');
    await state(first, releaseStatus.deprecated, 1n);
    await state(second, releaseStatus.yanked, 7n);
    await state(first, releaseStatus.active, 2n);

    const name = manifest('1.9.0').value.name;
    expect(await read('modelIdOf', [ownerId, name, releaseVersion('1.10.0')])).toBe(hex(second));
    expect((await read<Release>('latestOf', [ownerId, name])).modelId).toBe(hex(second));
    const releases = await read<readonly Release[]>('releasesOf', [ownerId, name, 0n, 10n]);
    expect(releases.map(({ modelId }) => modelId)).toEqual([first, second, third].map(hex));
    expect(releases.map(({ status }) => status)).toEqual([0, 2, 0]);
    expect(releases).toEqual([...rebuilt().values()]);
  });

  it('has no place for a pre-release: its version does not become three numbers', () => {
    expect(() => releaseVersion(manifest('1.0.0-rc.1').value.version)).toThrow('pre-release');
  });
});
