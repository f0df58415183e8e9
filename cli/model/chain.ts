import { readFile } from 'node:fs/promises';
import {
  type Account,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  type Hex,
  http,
  type ParseAbi,
  type PublicClient,
  parseAbi,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { fromHex, toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { releaseStatus } from '../../wire/message/authorisations.ts';
import type { ReleaseStatusName, SignedStatus } from '../../wire/message/hub.ts';
import type { Manifest, SignedRelease } from '../../wire/message/manifest.ts';
import { listingMessage, releaseVersion } from '../../wire/message/registrations.ts';
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

/** Who pays for gas: an account that the node holds unlocked, or a key in a file. Signatures of releases are another key's. */
export type Payer = { readonly unlocked: Address } | { readonly keyFile: string };

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

const WAIT_MS = 120_000;

export async function openModelChain({ rpc, registry }: ModelChainOptions): Promise<ModelChain> {
  const client: PublicClient = createPublicClient({ transport: http(rpc) });
  const chainId = BigInt(await told(() => client.getChainId()));
  const code = await told(() => client.getCode({ address: registry }));
  if (code === undefined || code === '0x')
    throw new CommandError(`no contract stands at ${registry} on chain ${chainId}`);
  const contract = { address: registry, abi: modelRegistryAbi } as const;

  const release: ModelChain['release'] = async (owner, modelId) => {
    const args = [hex(sha256(owner)), hex(modelId)] as const;
    const found = await told(() => client.readContract({ ...contract, functionName: 'releaseOf', args }));
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
      const account = await accountOf(payer);
      const args = [
        keyOf(manifest.owner),
        name,
        version,
        hex(modelId),
        halves(signed.signature),
        halves(listing),
      ] as const;
      await told(() => client.simulateContract({ ...contract, account, functionName: 'list', args }));
      return sent(account, encodeFunctionData({ ...contract, functionName: 'list', args }));
    },
    async state({ modelId, owner, status, sequence, signature }, payer) {
      const account = await accountOf(payer);
      const number = Number(releaseStatus[status]);
      const args = [keyOf(owner), hex(modelId), number, sequence, halves(signature)] as const;
      await told(() => client.simulateContract({ ...contract, account, functionName: 'stateStatus', args }));
      return sent(account, encodeFunctionData({ ...contract, functionName: 'stateStatus', args }));
    },
  };

  /** The fees are named: a node that fills them in for its own account may name a tip above the whole. */
  async function sent(account: Account | Address, data: Hex): Promise<Hex> {
    const wallet = createWalletClient({ account, transport: http(rpc) });
    const { maxFeePerGas, maxPriorityFeePerGas } = await told(() => client.estimateFeesPerGas());
    const fees = { maxFeePerGas, maxPriorityFeePerGas };
    const hash = await told(() => wallet.sendTransaction({ to: registry, data, ...fees, chain: null }));
    const receipt = await told(() => client.waitForTransactionReceipt({ hash, timeout: WAIT_MS }));
    if (receipt.status !== 'success') throw new CommandError(`the transaction ${hash} was reverted`);
    return hash;
  }
}

const statusNames = Object.keys(releaseStatus) as readonly ReleaseStatusName[];

async function accountOf(payer: Payer): Promise<Account | Address> {
  if ('unlocked' in payer) return payer.unlocked;
  let text: string;
  try {
    text = (await readFile(payer.keyFile, 'utf8')).trim();
  } catch (error) {
    throw new CommandError(`cannot read ${payer.keyFile}: ${(error as Error).message}`);
  }
  // What is in the file is a secret, also where it is none that can be used.
  if (!/^0x[0-9a-fA-F]{64}$/.test(text))
    throw new CommandError(`${payer.keyFile} is no private key: 0x and 64 hex digits`);
  return privateKeyToAccount(text as Hex);
}

function versionOf({ version }: Manifest): ReturnType<typeof releaseVersion> {
  try {
    return releaseVersion(version);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${version} is a pre-release: a registry keeps for ever what it lists, and takes none`);
  }
}

/** What a chain refuses has a name of the contract's; whatever else a node says is told in one line. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const reverted = error.walk((inner) => inner instanceof ContractFunctionRevertedError);
    const name = reverted instanceof ContractFunctionRevertedError ? reverted.data?.errorName : undefined;
    throw new CommandError(name === undefined ? `the chain: ${error.shortMessage}` : `ModelRegistry refuses: ${name}`, {
      cause: error,
    });
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
