import { type Address, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem';
import { proveSnp, type SnpProof } from '../../../contracts/prover/snp/index.ts';
import { type Chain, ChainError, type Receipt, startChain } from '../../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../../contracts/tools/artifacts.ts';
import type { SnpEvidence } from '../../../verifier/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { codeOf } from './codes.ts';
import { deployP384 } from './p384.ts';

/** SevSnpVerifier on a chain, with what it stands on. */
export interface SnpWorld {
  readonly chain: Chain;
  readonly verifier: Artifact;
  readonly reader: Artifact;
  readonly address: Address;
  /** A deployment of its own with other anchors. */
  deploy(roots: readonly Uint8Array[]): Promise<Address>;
  callData(proof: SnpProof, name?: SnpFunction): Hex;
  /** What a call answers, without changing anything; or the code of its revert. */
  ask(proof: SnpProof, options?: AskOptions): Promise<SnpAnswer>;
  /** The same in a transaction, which may teach the contract an authority. */
  send(proof: SnpProof, options?: AskOptions): Promise<Receipt>;
}

export type SnpFunction = 'verify' | 'verifyReport';
export type OnChainFacts = Readonly<Record<string, unknown>>;
export type SnpAnswer = { readonly facts: OnChainFacts } | { readonly code: string };

export interface AskOptions {
  readonly name?: SnpFunction;
  readonly at?: Address;
  readonly gas?: bigint;
}

export async function snpWorld(roots: readonly Uint8Array[], timestamp: number): Promise<SnpWorld> {
  return deploySnp(await startChain({ hardfork: 'osaka', timestamp }), roots);
}

export async function deploySnp(chain: Chain, roots: readonly Uint8Array[]): Promise<SnpWorld> {
  const { address: p384 } = await deployP384(chain);
  const engine = await chain.deploy(await artifact('Sha384Engine'));
  const pairEngine = await chain.deploy(await artifact('Sha384PairEngine'));
  const reader = await artifact('SnpCertificateReader');
  const readerAt = await chain.deploy(reader);
  const verifier = await artifact('SevSnpVerifier');
  const deploy = (anchors: readonly Uint8Array[]): Promise<Address> =>
    chain.deploy(verifier, [engine, pairEngine, p384, readerAt, anchors.map(hex)]);
  const address = await deploy(roots);
  const callData = ({ evidence, hints }: SnpProof, functionName: SnpFunction = 'verifyReport'): Hex =>
    encodeFunctionData({ abi: verifier.abi, functionName, args: [hex(evidence), hex(hints)] });
  return {
    chain,
    verifier,
    reader,
    address,
    deploy,
    callData,
    send: (proof, { name, at, gas } = {}) =>
      chain.send({ to: at ?? address, data: callData(proof, name), ...(gas !== undefined && { gas }) }),
    async ask(proof, { name = 'verifyReport', at, gas } = {}) {
      const data = callData(proof, name);
      try {
        const answer = await chain.call({ to: at ?? address, data, ...(gas !== undefined && { gas }) });
        const decoded = decodeFunctionResult({ abi: verifier.abi, functionName: name, data: answer });
        return { facts: decoded as OnChainFacts };
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        return { code: codeOf(error.data) };
      }
    },
  };
}

export function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}

export function snpProof(evidence: SnpEvidence): Promise<SnpProof> {
  return proveSnp(evidence, { suite: nodeSuite });
}

/** Moves the chain's clock for the calls and blocks that follow. */
export async function setTime(chain: Chain, seconds: number): Promise<void> {
  await chain.rpc('evm_setTime', [seconds]);
  await chain.rpc('evm_mine');
}
