import { type Address, type Hex, type ParseAbi, parseAbi } from 'viem';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { releaseStatus } from '../../wire/message/authorisations.ts';
import type { ReleaseStatusName, SignedStatus } from '../../wire/message/hub.ts';
import type { Manifest, SignedRelease } from '../../wire/message/manifest.ts';
import { listingMessage, releaseVersion } from '../../wire/message/registrations.ts';
import type { Payer } from '../chain/account.ts';
import { type ContractCall, openNode, openSender, requireContract } from '../chain/node.ts';
import { CommandError } from '../exit-codes.ts';

// What the commands ask of ModelRegistry. A test holds each line against what the compiler made of its source.
const models = [
  'struct ReleaseKey { bytes32 x; bytes32 y; }',
  'struct Version { uint32 major; uint32 minor; uint32 patch; }',
  'struct Signature { bytes32 r; bytes32 s; }',
  'struct Release { bytes32 modelId; bytes32 nameHash; Version version; uint48 listedAt; uint8 status; uint64 sequence; }',
  'function list(ReleaseKey key, string name, Version version, bytes32 modelId, Signature release, Signature listing)',
  'function stateStatus(ReleaseKey key, bytes32 modelId, uint8 status, uint64 sequence, Signature signature)',
  'function modelIdOf(bytes32 owner, string name, Version version) view returns (bytes32)',
  'function releaseOf(bytes32 owner, bytes32 modelId) view returns (Release found)',
  'error NameInvalid()',
  'error ModelIdInvalid()',
  'error VersionTaken()',
  'error ReleaseListedBefore()',
  'error ReleaseNotSigned()',
  'error ListingNotSigned()',
  'error StatusNotSigned()',
  'error SequenceNotGreater()',
] as const;

export const modelRegistryAbi: ParseAbi<typeof models> = parseAbi(models);

export interface ModelChainOptions {
  readonly rpc: string;
  readonly registry: Address;
}

export interface OnChainRelease {
  readonly listedAt: Date | null;
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
}

export interface ModelChain {
  readonly chainId: bigint;
  /** What the registry has of it; a status may stand before a listing. */
  release(owner: Uint8Array, modelId: Uint8Array): Promise<OnChainRelease>;
  /** Null where it is listed there already. */
  list(release: ListedRelease, payer: Payer, sign: (message: Uint8Array) => Promise<Uint8Array>): Promise<Hex | null>;
  state(status: SignedStatus, payer: Payer): Promise<Hex>;
}

export interface ListedRelease {
  readonly modelId: Uint8Array;
  readonly manifest: Manifest;
  readonly signed: SignedRelease;
}

export async function openModelChain({ rpc, registry }: ModelChainOptions): Promise<ModelChain> {
  const node = await openNode(rpc);
  const { chainId } = node;
  await requireContract(node, NAME, registry);
  const call = (functionName: string, args: readonly unknown[]): ContractCall => ({
    ...{ contract: NAME, address: registry, abi: modelRegistryAbi },
    ...{ functionName, args },
  });

  const release: ModelChain['release'] = async (owner, modelId) => {
    const found = await node.read<Listed>(call('releaseOf', [hex(sha256(owner)), hex(modelId)]));
    const status = statusNames[found.status];
    if (status === undefined) throw new CommandError(`the registry says status ${found.status}, which nobody knows`);
    return {
      listedAt: found.listedAt === 0 ? null : new Date(1_000 * found.listedAt),
      status,
      sequence: found.sequence,
    };
  };

  return {
    chainId,
    release,
    async list({ modelId, manifest, signed }, payer, sign) {
      if ((await release(manifest.owner, modelId)).listedAt !== null) return null;
      const { name } = manifest;
      const version = versionOf(manifest);
      const fields = {
        chainId,
        registry: fromHex(registry.slice(2).toLowerCase(), 20),
        modelId,
        nameHash: sha256(utf8(name)),
      };
      const listing = await sign(listingMessage({ ...fields, version }));
      const sender = await openSender(node, rpc, payer);
      const signatures = [halves(signed.signature), halves(listing)];
      return (await sender.send(call('list', [keyOf(manifest.owner), name, version, hex(modelId), ...signatures])))
        .hash;
    },
    async state({ modelId, owner, status, sequence, signature }, payer) {
      const sender = await openSender(node, rpc, payer);
      const number = Number(releaseStatus[status]);
      const args = [keyOf(owner), hex(modelId), number, sequence, halves(signature)];
      return (await sender.send(call('stateStatus', args))).hash;
    },
  };
}

const NAME = 'ModelRegistry';

interface Listed {
  readonly listedAt: number;
  readonly status: number;
  readonly sequence: bigint;
}

const statusNames = Object.keys(releaseStatus) as readonly ReleaseStatusName[];

function versionOf({ version }: Manifest): ReturnType<typeof releaseVersion> {
  try {
    return releaseVersion(version);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${version} is a pre-release: a registry keeps for ever what it lists, and takes none`);
  }
}

function keyOf(owner: Uint8Array): { readonly x: Hex; readonly y: Hex } {
  return { x: hex(owner.subarray(0, 32)), y: hex(owner.subarray(32)) };
}

function halves(signature: Uint8Array): { readonly r: Hex; readonly s: Hex } {
  return { r: hex(signature.subarray(0, 32)), s: hex(signature.subarray(32)) };
}

function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}
