import { type Address, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem';
import { P384ProofError, proveP384 } from '../../../contracts/prover/p384/index.ts';
import { encodeSnpParts, proveSnp, type SnpParts, type SnpProof } from '../../../contracts/prover/snp/index.ts';
import { type Chain, ChainError, type Receipt, startChain, TRANSACTION_GAS } from '../../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../../contracts/tools/artifacts.ts';
import { amdProfile, parseCertificate } from '../../../verifier/codec/x509.ts';
import { VerifierError } from '../../../verifier/errors.ts';
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
  /** The arguments of the constructor that come before the anchors. */
  readonly parts: readonly [engine: Address, pairEngine: Address, p384: Address, reader: Address];
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
  /** Unix seconds that a call sees instead of the chain's own time. */
  readonly time?: number;
}

export async function snpWorld(roots: readonly Uint8Array[], timestamp: number): Promise<SnpWorld> {
  return deploySnp(await startChain({ hardfork: 'osaka', timestamp }), roots);
}

export async function deploySnp(chain: Chain, roots: readonly Uint8Array[]): Promise<SnpWorld> {
  const { address: p384 } = await deployP384(chain);
  const engine = await chain.deploy(await artifact('Sha384Engine'));
  const pairEngine = await chain.deploy(await artifact('Sha384PairEngine'));
  const reader = await artifact('SnpCertificateReader');
  const parts = [engine, pairEngine, p384, await chain.deploy(reader)] as const;
  const verifier = await artifact('SevSnpVerifier');
  const deploy = (anchors: readonly Uint8Array[]): Promise<Address> =>
    chain.deploy(verifier, [...parts, anchors.map(hex)]);
  const address = await deploy(roots);
  const callData = ({ evidence, hints }: SnpProof, functionName: SnpFunction = 'verifyReport'): Hex =>
    encodeFunctionData({ abi: verifier.abi, functionName, args: [hex(evidence), hex(hints)] });
  return {
    chain,
    verifier,
    reader,
    address,
    parts,
    deploy,
    callData,
    send: (proof, { name, at, gas } = {}) =>
      chain.send({ to: at ?? address, data: callData(proof, name), ...(gas !== undefined && { gas }) }),
    async ask(proof, { name = 'verifyReport', at, gas, time } = {}) {
      const request = {
        from: chain.accounts[0],
        to: at ?? address,
        data: callData(proof, name),
        gas: `0x${(gas ?? TRANSACTION_GAS).toString(16)}`,
        gasPrice: '0x0',
      };
      const seen = time === undefined ? {} : { time: `0x${time.toString(16)}` };
      try {
        const answer = await chain.rpc<Hex>('eth_call', [request, 'latest', {}, seen]);
        const decoded = decodeFunctionResult({ abi: verifier.abi, functionName: name, data: answer });
        return { facts: decoded as OnChainFacts };
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        return { code: codeOf(error.data) };
      }
    },
  };
}

/** `accepted`, or the code of the revert. */
export function rulingOf(answer: SnpAnswer): string {
  return 'facts' in answer ? 'accepted' : answer.code;
}

export function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}

export function snpProof(evidence: SnpEvidence): Promise<SnpProof> {
  return proveSnp(evidence, { suite: nodeSuite });
}

/** The same of bytes that no prover takes; where there are no hints to find, those of another signature. */
export function rawSnpProof(parts: Omit<SnpParts, 'root'>, rootCertificate: Uint8Array, spare: Uint8Array): SnpProof {
  const root = nodeSuite.sha256(rootCertificate);
  return { evidence: encodeSnpParts({ ...parts, root }), hints: hintsOr(parts, spare) };
}

/** AMD 56860: r and s little-endian in 72 bytes each behind the 672 signed ones. */
function hintsOr({ report, endorsement }: Omit<SnpParts, 'root'>, spare: Uint8Array): Uint8Array {
  const scalar = (at: number): Uint8Array => report.slice(at, at + 48).reverse();
  try {
    const { key } = parseCertificate(endorsement, amdProfile);
    if (key.kind !== 'P-384') return spare;
    const hash = nodeSuite.sha384(report.subarray(0, 672));
    return proveP384({ hash, r: scalar(672), s: scalar(744), publicKey: key.point });
  } catch (error) {
    if (error instanceof P384ProofError || error instanceof VerifierError) return spare;
    throw error;
  }
}
