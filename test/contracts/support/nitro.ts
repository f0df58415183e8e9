import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, numberToHex, toHex } from 'viem';
import { encodeNitroHints, nitroStatements, nitroTbsDigests } from '../../../contracts/prover/nitro/index.ts';
import { P384ProofError, type P384Signature, p384Statement, proveP384 } from '../../../contracts/prover/p384/index.ts';
import { type Chain, type Receipt, startChain, TRANSACTION_GAS } from '../../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../../contracts/tools/artifacts.ts';
import { parseNitroEvidence } from '../../../verifier/nitro/parse.ts';
import { orCode } from './codes.ts';
import { deployP384 } from './p384.ts';

export interface NitroFacts {
  readonly simulated: boolean;
  readonly documentId: Hex;
  readonly moduleId: Hex;
  readonly timestamp: bigint;
  readonly pcrMask: number;
  readonly pcrs: Hex;
  readonly hasPublicKey: boolean;
  readonly publicKey: Hex;
  readonly hasUserData: boolean;
  readonly userData: Hex;
  readonly hasNonce: boolean;
  readonly nonce: Hex;
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  readonly certificates: readonly Hex[];
}

export type NitroFunction = 'verify' | 'verifyDocument' | 'remember';

export interface AskOptions {
  /** As good as can be where they are left out. */
  readonly hints?: Uint8Array;
  readonly now?: number;
}

export interface NitroWorld {
  readonly chain: Chain;
  readonly address: Address;
  readonly engine: Address;
  readonly p384: Address;
  readonly verifier: Artifact;
  callData(name: NitroFunction, document: Uint8Array, hints: Uint8Array): Hex;
  send(name: NitroFunction, document: Uint8Array, hints: Uint8Array): Promise<Receipt>;
  /** Changes nothing: what it comes to at a time (milliseconds), or the code of its revert. */
  ask(document: Uint8Array, options?: AskOptions): Promise<NitroFacts | string>;
  /** How many of the document's certificates below the root are known. */
  known(document: Uint8Array): Promise<number>;
}

/** On a chain of its own, whose clock stands at `now` (milliseconds) in the block of each call. */
export async function nitroWorld(root: Uint8Array, now: number): Promise<NitroWorld> {
  return deployNitro(await startChain({ hardfork: 'osaka', timestamp: Math.floor(now / 1000) - 3_600 }), root, now);
}

export async function deployNitro(chain: Chain, root: Uint8Array, now?: number): Promise<NitroWorld> {
  const engine = await chain.deploy(await artifact('Sha384Engine'));
  const { address: p384 } = await deployP384(chain);
  const verifier = await artifact('NitroVerifier');
  const address = await chain.deploy(verifier, [engine, p384, toHex(root)]);
  if (now !== undefined) await setTime(chain, now);
  const callData = (name: NitroFunction, document: Uint8Array, hints: Uint8Array): Hex =>
    encodeFunctionData({ abi: verifier.abi, functionName: name, args: [toHex(document), toHex(hints)] });
  return {
    chain,
    address,
    engine,
    p384,
    verifier,
    callData,
    send: (name, document, hints) => chain.send({ to: address, data: callData(name, document, hints) }),
    async ask(document, { hints, now: at } = {}) {
      const data = callData('verifyDocument', document, hints ?? (await hintsFor(document)));
      const time = at === undefined ? [] : [{}, { time: numberToHex(Math.floor(at / 1000)) }];
      const call = { to: address, data, gas: numberToHex(TRANSACTION_GAS) };
      const answer = await orCode(chain.rpc<Hex>('eth_call', [call, 'latest', ...time]));
      if ('code' in answer) return answer.code;
      return decodeFunctionResult({
        abi: verifier.abi,
        functionName: 'verifyDocument',
        data: answer.data,
      }) as NitroFacts;
    },
    async known(document) {
      const args = [(await nitroTbsDigests(document)).map((digest) => toHex(digest))];
      const data = encodeFunctionData({ abi: verifier.abi, functionName: 'knownCertificates', args });
      return Number(await chain.call({ to: address, data }));
    },
  };
}

/** The first certificate of a document's bundle, whoever made it. */
export function rootOfDocument(document: Uint8Array): Uint8Array {
  const report = parseNitroEvidence(document, []);
  if (!('evidence' in report)) throw report.error;
  return report.evidence.document.caBundle[0] as Uint8Array;
}

/** Mines a block of this time: calls are then made in it, and the next transaction's block is made to have it as well. */
export async function setTime(chain: Chain, now: number): Promise<void> {
  await chain.rpc('evm_setNextBlockTimestamp', [Math.floor(now / 1000)]);
  await chain.rpc('anvil_setBlockTimestampInterval', [0]);
  await chain.rpc('evm_mine');
}

/**
 * As good as hints can be: an entry is empty where its signature is not valid, and there are none where nothing can be
 * read. Documents of one test share certificates, whose hints are made once.
 */
export async function hintsFor(document: Uint8Array, known = 0): Promise<Uint8Array> {
  const statements = await nitroStatements(document).catch(() => []);
  return encodeNitroHints(
    statements.map((statement, index) => (index < known ? new Uint8Array(0) : proveOnce(statement))),
  );
}

const proofs = new Map<string, Uint8Array>();

function proveOnce(statement: P384Signature): Uint8Array {
  const key = toHex(p384Statement(statement));
  const hints = proofs.get(key) ?? proveOr(statement);
  proofs.set(key, hints);
  return hints;
}

function proveOr(statement: P384Signature): Uint8Array {
  try {
    return proveP384(statement);
  } catch (error) {
    if (!(error instanceof P384ProofError)) throw error;
    return new Uint8Array(0);
  }
}
