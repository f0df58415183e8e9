import { decodeEventLog, type Hex } from 'viem';
import { nodeTransport } from '../../client/index.ts';
import { prove } from '../../host/settlement/register.ts';
import { hex, signatureWords } from '../../host/settlement/words.ts';
import { equalBytes, fromHex, toBase64url, toHex } from '../../wire/bytes.ts';
import { base64urlBytes, literal, nullable, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { blockChallengePreimage } from '../../wire/message/authorisations.ts';
import { decodeIdentity, logPreimage } from '../../wire/message/identity.ts';
import { decodeRegistrationEvidence, type RegistrationEvidence } from '../../wire/message/registration-evidence.ts';
import { tagWord } from '../../wire/words.ts';
import { registryAbi } from './abi.ts';
import { ChainError } from './errors.ts';
import { asked, type ChainNode, type ContractCall, type Sender } from './node.ts';

type Address = Hex;

/** A challenge that a registry takes, and what it is made of. */
export interface Challenge {
  readonly value: Uint8Array;
  /** Zero: the registry drew it, for ten minutes. */
  readonly block: bigint;
}

/**
 * Of a block that has another one above it, so that the call can be simulated, and so that the newest may still be replaced.
 * The hash is computed from what the node says of the block; the registry asks the chain itself.
 */
export async function blockChallenge(node: ChainNode, registry: Address, operator: Address): Promise<Challenge> {
  const newest = await asked(() => node.client.getBlock());
  const named = await asked(() => node.client.getBlock({ blockNumber: newest.number - 1n }));
  if (named.hash !== newest.parentHash)
    throw new ChainError('block_unsteady', 'the newest block is replaced at this moment');
  const preimage = blockChallengePreimage({
    chainId: node.chainId,
    registry: bytesOf(registry),
    operator: bytesOf(operator),
    blockNumber: named.number,
    blockHash: bytesOf(named.hash),
  });
  return { value: sha256(preimage), block: named.number };
}

/** For chains where block hashes mean something else: a transaction more. */
export async function issuedChallenge(sender: Sender, registry: Address): Promise<Challenge> {
  const { receipt } = await sender.send(registryCall(registry, 'issueChallenge', []));
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== registry.toLowerCase()) continue;
    const { args } = decodeEventLog({ abi: registryAbi, data: log.data, topics: log.topics });
    return { value: bytesOf(args.challenge), block: 0n };
  }
  throw new ChainError('chain_unavailable', 'the registry drew no challenge');
}

/** What a worker says to a challenge: complete, so that it can be sent from another machine. */
export interface SavedRegistration {
  readonly chainId: bigint;
  readonly registry: Address;
  readonly challenge: Challenge;
  readonly said: RegistrationEvidence;
}

/** Asks the worker through its host; the answer is judged by the registry. */
export async function askWorker(
  url: string,
  place: { readonly chainId: bigint; readonly registry: Address },
  { challenge, log }: { readonly challenge: Challenge; readonly log: Hex | undefined },
): Promise<SavedRegistration> {
  const which = log === undefined ? '' : `&log=${log.slice(2)}`;
  const path = `/v1/registration?challenge=${toHex(challenge.value)}${which}`;
  const bytes = await nodeTransport({ url, timeoutMs: TIMEOUT_MS }).get(path, limits.evidenceBytes);
  return { ...place, challenge, said: reading(url, () => decodeRegistrationEvidence(bytes)) };
}

const TIMEOUT_MS = 60_000;

export async function registerCall(
  node: ChainNode,
  { registry, challenge, said }: SavedRegistration,
): Promise<ContractCall> {
  const { evidence, possession } = said;
  const { tee, document, identity } = evidence;
  const attested = { tee, document, certificateTable: null, possession };
  const reads = {
    read: (call: {
      readonly to: Address;
      readonly abi: unknown;
      readonly functionName: string;
      readonly args: unknown;
    }) => node.read({ ...call, contract: 'WorkerRegistry', address: call.to } as unknown as ContractCall),
  };
  const proof = await prove(reads as unknown as Parameters<typeof prove>[0], registry, attested, evidence).catch(
    (error: Error) => {
      if (error instanceof ChainError) throw error;
      throw new ChainError('registration_invalid', `no call can be made of the evidence: ${error.message}`, {
        cause: error,
      });
    },
  );
  const registration = {
    tee: hex(tagWord(tee)),
    identity: identityWords(identity),
    evidence: hex(proof.evidence),
    hints: hex(proof.hints),
    challengeBlock: challenge.block,
    ...signatureWords(possession),
  };
  return registryCall(registry, 'register', [registration]);
}

export function registryCall(registry: Address, functionName: string, args: readonly unknown[]): ContractCall {
  return { contract: 'WorkerRegistry', address: registry, abi: registryAbi, functionName, args };
}

export function identityWords(identity: Uint8Array): readonly Hex[] {
  return Array.from({ length: 10 }, (_, word) => hex(identity.subarray(32 * word, 32 * (word + 1))));
}

/** The log that the words make, if they are of this chain, registry and account: all else would cost gas to be told. */
export function logOf(
  { said, chainId, registry }: Pick<SavedRegistration, 'said' | 'chainId' | 'registry'>,
  operator: Address | undefined,
): Hex {
  const words = said.evidence.identity;
  const identity = reading('the identity', () => decodeIdentity(words));
  if (identity.chainId !== chainId) {
    const where = identity.chainId === 0n ? 'no chain' : `chain ${identity.chainId}`;
    throw new ChainError('registration_other', `the worker’s configuration names ${where}, and not ${chainId}`);
  }
  if (!equalBytes(identity.registry, bytesOf(registry))) {
    throw new ChainError(
      'registration_other',
      `the worker’s configuration names the registry 0x${toHex(identity.registry)}`,
    );
  }
  if (operator !== undefined && !equalBytes(identity.operator, bytesOf(operator))) {
    throw new ChainError(
      'registration_other',
      `the worker’s configuration names the operator 0x${toHex(identity.operator)}`,
    );
  }
  return hex(sha256(logPreimage(words)));
}

interface RegistrationFile {
  readonly format: 'proofmark registration v1';
  readonly chainId: string;
  readonly registry: string;
  readonly challenge: Uint8Array;
  /** Null for a challenge that the registry drew. */
  readonly challengeBlock: string | null;
  readonly said: Uint8Array;
}

const amount = text({ min: 1, max: 39, pattern: /^(0|[1-9][0-9]*)$/ });

const fileReader: Reader<RegistrationFile> = object<RegistrationFile>({
  format: literal('proofmark registration v1'),
  chainId: amount,
  registry: text({ min: 42, max: 42, pattern: /^0x[0-9a-fA-F]{40}$/ }),
  challenge: base64urlBytes(32),
  challengeBlock: nullable(amount),
  said: base64urlBytes({ min: 1, max: limits.evidenceBytes }),
});

export function encodeRegistration({ chainId, registry, challenge }: SavedRegistration, said: Uint8Array): string {
  const file = {
    format: 'proofmark registration v1',
    chainId: String(chainId),
    registry,
    challenge: toBase64url(challenge.value),
    challengeBlock: challenge.block === 0n ? null : String(challenge.block),
    said: toBase64url(said),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export function decodeRegistration(name: string, bytes: Uint8Array): SavedRegistration {
  return reading(name, () => {
    const file = fileReader(parseJson(bytes, REGISTRATION_BYTES), 'registration');
    return {
      chainId: BigInt(file.chainId),
      registry: file.registry as Address,
      challenge: { value: file.challenge, block: BigInt(file.challengeBlock ?? 0) },
      said: decodeRegistrationEvidence(file.said),
    };
  });
}

/** Evidence in base64url, and a few words around it. */
export const REGISTRATION_BYTES: number = 2 * limits.evidenceBytes;

function reading<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ChainError('registration_invalid', `${name}: ${error.message}`, { cause: error });
  }
}

function bytesOf(text: string): Uint8Array {
  return fromHex(text.slice(2).toLowerCase());
}
