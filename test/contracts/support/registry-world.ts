import {
  type Address,
  decodeErrorResult,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
} from 'viem';
import { proveNitroDocument } from '../../../contracts/prover/nitro/index.ts';
import { proveSnp } from '../../../contracts/prover/snp/index.ts';
import { type Chain, ChainError, type Hardfork, type Receipt, startChain } from '../../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../../contracts/tools/artifacts.ts';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { registerMessage } from '../../../wire/message/authorisations.ts';
import {
  encodeIdentity,
  logPreimage,
  signerPoint,
  type TeeName,
  type WorkerIdentity,
} from '../../../wire/message/identity.ts';
import { tagWord } from '../../../wire/words.ts';
import { NOW, pcrsWith, ROOT } from '../../vectors/corpus/base.ts';
import { documentWith } from '../../vectors/corpus/document.ts';
import { GUEST, machine } from '../../vectors/corpus/snp/base.ts';
import { filler, sign, type TestKey, testKey } from '../../vectors/golden/keys.ts';
import { codeOf } from './codes.ts';
import { hex } from './hex.ts';
import { deployNitro } from './nitro.ts';
import { deploySnp } from './snp.ts';

/**
 * A registry behind the real verifiers, which trust the roots of the committed corpus, and workers that register by
 * evidence of the simulator made for them. Everything is the same on every run, gas included: keys and signatures are
 * the corpus's, the chain's times are set, and the block that challenges name is older than any contract.
 */
export interface RegistryWorld {
  readonly chain: Chain;
  readonly contract: Artifact;
  readonly registry: Address;
  readonly nitro: Address;
  readonly snp: Address;
  /** Whoever the default identity names, an account that the chain can send from. */
  readonly operator: Address;
  readonly settlement: Address;
  /** SHA-256 of the words, on the other contracts' side of things too. */
  logOf(identity: WorkerIdentity): Uint8Array;
  identity(changes?: Partial<WorkerIdentity>): WorkerIdentity;
  /** A recent block's challenge for that operator, asked of the contract. */
  blockChallenge(operator: Address, block: bigint): Promise<Uint8Array>;
  /** What an operator submits: evidence for the identity and the challenge, hints, and the signer's signature. */
  registration(request: RegistrationRequest): Promise<RegistrationArguments>;
  callData(registration: RegistrationArguments): Hex;
  /** The honest transaction of the identity's operator, or another's. */
  register(registration: RegistrationArguments, from?: Address): Promise<Receipt>;
  /** What it would come to: null, or the name of the error. */
  refusal(registration: RegistrationArguments, from?: Address): Promise<string | null>;
  read<T>(name: string, args: readonly unknown[]): Promise<T>;
}

export interface RegistrationRequest {
  readonly tee: TeeName;
  readonly identity?: WorkerIdentity;
  /** Zero for a challenge that the registry issued. */
  readonly block?: bigint;
  readonly challenge?: Uint8Array;
  readonly key?: TestKey;
  /** What Nitro's clock says, in milliseconds. */
  readonly at?: number;
  /** Nitro's public key and measured configuration, where they are not the identity's. */
  readonly signerOf?: TestKey;
  readonly measured?: Uint8Array;
  /** Certificates below Nitro's root whose hints are left out, because the verifier has seen them. */
  readonly known?: number;
}

export interface RegistrationArguments {
  readonly tee: Hex;
  readonly identity: readonly Hex[];
  readonly evidence: Hex;
  readonly hints: Hex;
  readonly challengeBlock: bigint;
  readonly r: Hex;
  readonly s: Hex;
}

export interface RegistryOptions {
  readonly hardfork?: Hardfork;
  readonly lifetime?: bigint;
  readonly challengeBlocks?: bigint;
}

export const SIGNER: TestKey = testKey('registered worker signer');
/** The block that challenges name where nothing else is said: mined before anything was deployed. */
export const CHALLENGE_BLOCK = 1n;
const START_SECONDS = NOW / 1_000 - 20;
/** Deploys nothing else, so that the registry's address does not depend on what stands under it. */
const DEPLOYER = 9;
const OPERATOR = 1;

export async function registryWorld({ hardfork = 'osaka', ...options }: RegistryOptions = {}): Promise<RegistryWorld> {
  const chain = await startChain({ hardfork, timestamp: START_SECONDS });
  try {
    return await deployRegistry(chain, options);
  } catch (error) {
    await chain.stop();
    throw error;
  }
}

/** On a chain without blocks that began at the corpus's time. */
export async function deployRegistry(
  chain: Chain,
  { lifetime = 86_400n, challengeBlocks = 256n }: Omit<RegistryOptions, 'hardfork'> = {},
): Promise<RegistryWorld> {
  await chain.rpc('anvil_setBlockTimestampInterval', [1]);
  await chain.rpc('evm_mine');
  const { address: nitro, engine: sha384 } = await deployNitro(chain, ROOT);
  const { address: snp } = await deploySnp(chain, [machine().certificates[2]]);
  const contract = await artifact('WorkerRegistry');
  const settings = { nitro, snp, sha384, lifetime, challengeBlocks, maxAge: 300n, maxSkew: 60n };
  const data = encodeDeployData({ abi: contract.abi, bytecode: contract.initCode, args: [settings] });
  const { contractAddress: registry } = await chain.send({ data, from: accountOf(chain, DEPLOYER) });
  if (registry === null) throw new ChainError('WorkerRegistry was not created');
  return worldOf({ chain, contract, registry, nitro, snp });
}

function accountOf(chain: Chain, index: number): Address {
  const account = chain.accounts[index];
  if (account === undefined) throw new RangeError(`account ${index}`);
  return account;
}

type Deployed = Pick<RegistryWorld, 'chain' | 'contract' | 'registry' | 'nitro' | 'snp'>;

function worldOf(deployed: Deployed): RegistryWorld {
  const { chain, contract, registry } = deployed;
  const operator = accountOf(chain, OPERATOR);
  const settlement: Address = `0x${toHex(filler('settlement', 20))}`;
  const identity: RegistryWorld['identity'] = (changes = {}) => ({
    version: 1n,
    signerX: SIGNER.point.slice(1, 33),
    signerY: SIGNER.point.slice(33),
    sealKey: filler('seal key'),
    operator: fromHex(operator.slice(2)),
    chainId: 31_337n,
    registry: fromHex(registry.slice(2)),
    settlement: fromHex(settlement.slice(2)),
    config: filler('configuration'),
    runtime: filler('runtime'),
    ...changes,
  });
  const read = async <T>(functionName: string, args: readonly unknown[]): Promise<T> => {
    const data = encodeFunctionData({ abi: contract.abi, functionName, args });
    const answer = await chain.call({ to: registry, data });
    return decodeFunctionResult({ abi: contract.abi, functionName, data: answer }) as T;
  };
  const blockChallenge: RegistryWorld['blockChallenge'] = async (who, block) =>
    fromHex((await read<Hex>('blockChallenge', [who, block])).slice(2));
  const callData: RegistryWorld['callData'] = (registration) =>
    encodeFunctionData({ abi: contract.abi, functionName: 'register', args: [registration] });
  return {
    ...deployed,
    operator,
    settlement,
    identity,
    logOf,
    blockChallenge,
    callData,
    read,
    register: (registration, from = operator) => chain.send({ to: registry, data: callData(registration), from }),
    async refusal(registration, from = operator) {
      try {
        await chain.call({ to: registry, data: callData(registration), from });
        return null;
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        return errorNameOf(contract, error.data);
      }
    },
    async registration(request) {
      const { tee, identity: named = identity(), block = CHALLENGE_BLOCK, key = SIGNER } = request;
      const who: Address = `0x${toHex(named.operator)}`;
      const challenge = request.challenge ?? (await blockChallenge(who, block));
      const log = logOf(named);
      const proof = tee === 'aws-nitro' ? await nitroProof(named, challenge, request) : await snpProof(log, challenge);
      const signature = sign(key, registerMessage(log, challenge));
      return {
        tee: hex(tagWord(tee)),
        identity: words(encodeIdentity(named)),
        evidence: hex(proof.evidence),
        hints: hex(proof.hints),
        challengeBlock: block,
        r: hex(signature.subarray(0, 32)),
        s: hex(signature.subarray(32)),
      };
    },
  };
}

/** The registry's own errors by name, those of the verifiers under it by the verifier's code. */
function errorNameOf({ abi }: Artifact, data: Hex | undefined): string {
  try {
    return decodeErrorResult({ abi, data: data ?? '0x' }).errorName;
  } catch {
    return codeOf(data);
  }
}

interface Proof {
  readonly evidence: Uint8Array;
  readonly hints: Uint8Array;
}

/** DESIGN section 3: what a worker's attestation of each hardware binds. */
async function nitroProof(
  identity: WorkerIdentity,
  challenge: Uint8Array,
  { at = NOW, signerOf, measured = identity.config, known = 0 }: RegistrationRequest,
): Promise<Proof> {
  const evidence = documentWith({
    fields: {
      timestamp: at,
      user_data: logOf(identity),
      nonce: challenge,
      public_key: signerOf?.point ?? signerPoint(identity),
      pcrs: pcrsWith({ 16: nodeSuite.sha384(concatBytes(new Uint8Array(48), measured)) }),
    },
  });
  return { evidence, hints: await proveNitroDocument(evidence, { known }) };
}

async function snpProof(log: Uint8Array, challenge: Uint8Array): Promise<Proof> {
  const { report, certificates } = machine();
  const evidence = { report: report({ ...GUEST, reportData: concatBytes(log, challenge) }), certificates };
  return proveSnp({ ...evidence, revocationLists: [] }, { suite: nodeSuite });
}

function logOf(identity: WorkerIdentity): Uint8Array {
  return sha256(logPreimage(encodeIdentity(identity)));
}

function words(bytes: Uint8Array): readonly Hex[] {
  return Array.from({ length: bytes.length / 32 }, (_, index) => hex(bytes.subarray(32 * index, 32 * (index + 1))));
}
