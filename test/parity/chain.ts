import { type Address, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem';
import { encodeSnpParts } from '../../contracts/prover/snp/index.ts';
import { type Chain, ChainError, startChain, TRANSACTION_GAS } from '../../contracts/tools/anvil.ts';
import type { Artifact } from '../../contracts/tools/artifacts.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { codeOf } from '../contracts/support/codes.ts';
import { deployNitro } from '../contracts/support/nitro.ts';
import { deploySnp } from '../contracts/support/snp.ts';
import { ROOT } from '../vectors/corpus/base.ts';
import { rootOf } from '../vectors/corpus/snp/base.ts';
import { nitroFacts, snpFacts } from './facts.ts';
import { hintsFor, nitroHints } from './hints.ts';
import { AT, type NitroEvidence, nitroEvidence } from './nitro/evidence.ts';
import { type SnpShown, snpEvidence } from './snp/evidence.ts';
import type { Verdict } from './verdict.ts';

/** What has been registered before on the contract that is asked. `remembered`: the leaf of the Nitro chain too. */
export type Cache = 'cold' | 'warm' | 'remembered';

export interface ParityChain {
  readonly chain: Chain;
  nitro(evidence: NitroEvidence, cache: Cache): Promise<Verdict>;
  snp(evidence: SnpParts, cache: Cache): Promise<Verdict>;
  stop(): Promise<void>;
}

export type SnpParts = Pick<SnpShown, 'report' | 'certificates' | 'at' | 'statement'>;

export interface Roots {
  readonly nitro: Uint8Array;
  readonly snp: readonly Uint8Array[];
}

export const corpusRoots: Roots = {
  nitro: ROOT,
  snp: (['Milan', 'Genoa', 'Turin'] as const).map((product) => rootOf(product).ark.certificate),
};

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;

interface Contract {
  readonly code: Artifact;
  readonly at: { readonly [cache in Cache]: Address };
}

/**
 * Calls change nothing, so that what is cold stays so; only the transactions that begin a chain are remembered. Contracts
 * are deployed when they are first asked.
 */
export async function startParity(roots: Roots = corpusRoots): Promise<ParityChain> {
  const chain = await startChain({ hardfork: 'osaka', timestamp: AT });
  const foreign = hintsFor(snpEvidence({}).statement) as Uint8Array;
  const world: World = { chain, foreign, isWarmed: roots === corpusRoots };
  const nitro = once(() => nitroContract(world, roots.nitro));
  // One after the other: anvil counts an account's transactions wrongly where two are sent at a time.
  const snp = once(() => nitro().then(() => snpContract(world, roots.snp)));
  return {
    chain,
    nitro: async (evidence, cache) => {
      const args = nitroArguments(evidence, foreign);
      const said = await ask(chain, await nitro(), { name: 'verifyDocument', args, cache, at: evidence.at });
      return 'cause' in said ? refusal(said.cause) : { accepted: true, facts: nitroFacts(said.facts) };
    },
    snp: async (evidence, cache) => {
      const args = snpArguments(evidence, foreign);
      const said = await ask(chain, await snp(), { name: 'verifyReport', args, cache, at: evidence.at });
      return 'cause' in said ? refusal(said.cause) : { accepted: true, facts: snpFacts(said.facts) };
    },
    stop: () => chain.stop(),
  };
}

interface World {
  readonly chain: Chain;
  /** Of another signature than any that is asked about. */
  readonly foreign: Uint8Array;
  readonly isWarmed: boolean;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const refusal = (cause: string): Verdict => ({ accepted: false, causes: [cause] });

async function nitroContract({ chain, foreign, isWarmed }: World, root: Uint8Array): Promise<Contract> {
  const { verifier: code, address: cold, engine, p384 } = await deployNitro(chain, root);
  const deploy = (): Promise<Address> => chain.deploy(code, [engine, p384, hex(root)]);
  const at = { cold, warm: await deploy(), remembered: await deploy() };
  if (!isWarmed) return { code, at };
  const document = nitroArguments(nitroEvidence({}), foreign);
  await register(chain, code, { to: at.warm, name: 'verifyDocument', args: document });
  await register(chain, code, { to: at.remembered, name: 'remember', args: document });
  return { code, at };
}

async function snpContract({ chain, foreign, isWarmed }: World, roots: readonly Uint8Array[]): Promise<Contract> {
  const { verifier: code, address: cold, deploy } = await deploySnp(chain, roots);
  const warm = await deploy(roots);
  for (const product of isWarmed ? (['Milan', 'Genoa', 'Turin'] as const) : []) {
    for (const signer of ['vcek', 'vlek'] as const) {
      const evidence = snpArguments(snpEvidence({ product, signer }), foreign);
      await register(chain, code, { to: warm, name: 'verifyReport', args: evidence });
    }
  }
  return { code, at: { cold, warm, remembered: warm } };
}

/** What no change was made to: the chains that cases start from. */
async function register(chain: Chain, { abi }: Artifact, { to, name, args }: Registration): Promise<void> {
  const { status } = await chain.send({ to, data: encodeFunctionData({ abi, functionName: name, args }) });
  if (status !== 'success') throw new ChainError(`${name} reverted, so that nothing is warm`);
}

interface Registration {
  readonly to: Address;
  readonly name: string;
  readonly args: readonly Hex[];
}

function nitroArguments({ document, statements }: NitroEvidence, foreign: Uint8Array): readonly Hex[] {
  return [hex(document), hex(nitroHints(statements, foreign))];
}

function snpArguments({ report, certificates, statement }: SnpParts, foreign: Uint8Array): readonly Hex[] {
  const [endorsement, intermediate, root] = certificates;
  const evidence = encodeSnpParts({ report, endorsement, intermediate, root: sha256(root) });
  return [hex(evidence), hex(hintsFor(statement) ?? foreign)];
}

interface Question {
  readonly name: string;
  readonly args: readonly Hex[];
  readonly cache: Cache;
  /** In seconds. */
  readonly at: number;
}

type Said = { readonly facts: Readonly<Record<string, unknown>> } | { readonly cause: string };

async function ask(chain: Chain, { code, at: addresses }: Contract, question: Question): Promise<Said> {
  const { abi } = code;
  const data = encodeFunctionData({ abi, functionName: question.name, args: question.args });
  const call = {
    from: chain.accounts[0],
    to: addresses[question.cache],
    data,
    gas: `0x${TRANSACTION_GAS.toString(16)}`,
    gasPrice: '0x0',
  };
  const time = { time: `0x${question.at.toString(16)}` };
  try {
    const answer = await chain.rpc<Hex>('eth_call', [call, 'latest', {}, time]);
    return { facts: decodeFunctionResult({ abi, functionName: question.name, data: answer }) as never };
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    if (error.data === undefined) return { cause: `no revert data: ${error.message}` };
    return { cause: codeOf(error.data) };
  }
}
