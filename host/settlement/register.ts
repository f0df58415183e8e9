import { nitroTbsDigests, proveNitroDocument } from '../../contracts/prover/nitro/index.ts';
import { proveSnp } from '../../contracts/prover/snp/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { blockChallengePreimage } from '../../wire/message/authorisations.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import type { Attested } from '../../wire/message/link.ts';
import { tagWord } from '../../wire/words.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import { PaymentError } from '../payments/errors.ts';
import type { ReadyWorker } from '../worker-link.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { nitroVerifierAbi, registryAbi } from './abi.ts';
import type { ChainReader, SettlementChain } from './chain.ts';
import { hex, signatureWords } from './words.ts';

export interface Registrar {
  readonly workers: Pick<WorkerPool, 'attest'>;
  readonly assemble: AssembleEvidence;
  readonly chain: SettlementChain;
  readonly prove: Prove;
  /** A registration that ends within this many seconds is renewed. */
  readonly renewBeforeSeconds: bigint;
}

/** What the registry says of a log, in seconds of the chain's clock; `unknown`: it never was there, or it has ended. */
export type Standing = 'unknown' | 'live' | 'ending' | 'revoked';

export async function standingOf({ chain, renewBeforeSeconds }: Registrar, worker: ReadyWorker): Promise<Standing> {
  const to = hex(worker.configuration.registry);
  const key = await chain.read({ to, abi: registryAbi, functionName: 'headKeyOf', args: [hex(worker.log)] });
  if (key.revokedAt !== 0) return 'revoked';
  if (key.expiresAt === 0) return 'unknown';
  const { timestamp } = await chain.block();
  if (BigInt(key.expiresAt) < timestamp) return 'unknown';
  return BigInt(key.expiresAt) < timestamp + renewBeforeSeconds ? 'ending' : 'live';
}

/**
 * Registers the log by evidence, or renews it: both are the same call (DESIGN section 8). The challenge is a block that
 * has another one above it, so that the call can be simulated, and so that the newest block may still be replaced.
 */
export async function register(registrar: Registrar, { log, info, configuration }: ReadyWorker): Promise<void> {
  const { chain, workers, assemble } = registrar;
  const { registry, operator, chainId } = configuration;
  const newest = await chain.block();
  const named = await chain.blockAt(newest.number - 1n);
  if (named === undefined || named.hash !== newest.parentHash) {
    throw new PaymentError('chain_unavailable', 'the newest block is replaced at this moment');
  }
  const challenge = sha256(
    blockChallengePreimage({
      chainId,
      registry,
      operator,
      blockNumber: named.number,
      blockHash: fromHex(named.hash.slice(2), 32),
    }),
  );
  const { attested } = await workers.attest(challenge, { log });
  const proof = await registrar.prove(chain, hex(registry), attested, await assemble(attested, info));
  const identity = Array.from({ length: 10 }, (_, word) => hex(info.identity.subarray(32 * word, 32 * (word + 1))));
  const call = {
    tee: hex(tagWord(attested.tee)),
    identity: identity as never,
    evidence: hex(proof.evidence),
    hints: hex(proof.hints),
    challengeBlock: named.number,
    ...signatureWords(attested.possession),
  };
  const intent = { what: 'register', key: `register/${hex(log)}`, version: '' } as const;
  await chain.send({ to: hex(registry), abi: registryAbi, functionName: 'register', args: [call] }, intent);
}

export interface Proof {
  readonly evidence: Uint8Array;
  readonly hints: Uint8Array;
}

/** Makes calldata for the contract: trusted for nothing, wrong hints only revert. */
export type Prove = (
  chain: Pick<ChainReader, 'read'>,
  registry: `0x${string}`,
  attested: Attested,
  evidence: Evidence,
) => Promise<Proof>;

export const prove: Prove = async (chain, registry, { tee, document }, evidence) => {
  if (tee === 'amd-sev-snp') {
    return proveSnp(
      { report: document, certificates: evidence.certificates, revocationLists: [] },
      { suite: nodeSuite },
    );
  }
  const verifier = await chain.read({ to: registry, abi: registryAbi, functionName: 'NITRO', args: [] });
  const digests = (await nitroTbsDigests(document)).map(hex);
  const known = await chain.read({
    to: verifier,
    abi: nitroVerifierAbi,
    functionName: 'knownCertificates',
    args: [digests],
  });
  return { evidence: document, hints: await proveNitroDocument(document, { known: Number(known) }) };
};
