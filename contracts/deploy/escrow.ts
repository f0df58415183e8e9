import type { Address, Hex } from 'viem';
import { ChainError } from '../tools/anvil.ts';
import type { Deployment } from './deploy.ts';
import type { LocalChain } from './local.ts';

/** What of a local chain these need. */
export type EscrowChain = Pick<
  LocalChain,
  'chain' | 'deploy' | 'operator' | 'requester' | 'fund' | 'call' | 'sendTo' | 'events'
> & { readonly deployment: Pick<Deployment, 'settlement'> };

/** Requests on a chain of this machine that need no worker. What is credited is the operator's. */
export interface ProvenEscrow {
  readonly verifier: Address;
  /** Puts the price aside for whoever has the answer. */
  open(input: Hex): Promise<Hex>;
  /** Whether the settlement would take this answer now. */
  wouldFulfil(escrow: Hex, output: Hex, proof: Hex): Promise<boolean>;
  /** Sends the answer, and gives what its sender is credited with. */
  fulfil(escrow: Hex, output: Hex, proof: Hex): Promise<bigint>;
}

/** Requests that a worker's receipt settles, with what the result verifier wants besides. */
export interface ReceiptEscrow {
  readonly verifier: Address;
  /** Puts the price aside for the operator of a worker that the policy accepts. */
  open(input: Hex): Promise<Hex>;
  wouldFulfil(answer: ReceiptAnswer): Promise<boolean>;
  fulfil(answer: ReceiptAnswer): Promise<bigint>;
}

/** The arguments of the settlement's `fulfil`. */
export interface ReceiptAnswer {
  readonly escrow: Hex;
  readonly output: Hex;
  /** The receipt with its path and signed head, as the contract's ABI names them. */
  readonly logged: object;
  readonly proof: Hex;
}

export interface EscrowOptions {
  /** The level, for whoever reports what things cost. */
  readonly level: string;
  readonly verifier: Address;
  readonly modelId: Hex;
  readonly price: bigint;
}

const NOBODY: Address = `0x${'00'.repeat(20)}`;
const FOR_EVER = 2n ** 48n;

export function provenEscrow(local: EscrowChain, options: EscrowOptions): ProvenEscrow {
  const { verifier } = options;
  const call = (escrow: Hex, output: Hex, proof: Hex): Call => ({
    functionName: 'fulfilProven',
    args: [escrow, output, local.operator, proof],
  });
  return {
    verifier,
    open: (input) => opened(local, { ...options, policy: NOBODY }, input),
    wouldFulfil: (escrow, output, proof) => wouldSucceed(local, call(escrow, output, proof)),
    fulfil: (escrow, output, proof) => credited(local, options.level, call(escrow, output, proof)),
  };
}

export function receiptEscrow(
  local: EscrowChain,
  options: EscrowOptions & { readonly policy: Address },
): ReceiptEscrow {
  const call = ({ escrow, output, logged, proof }: ReceiptAnswer): Call => ({
    functionName: 'fulfil',
    args: [escrow, output, logged, proof],
  });
  return {
    verifier: options.verifier,
    open: (input) => opened(local, options, input),
    wouldFulfil: (answer) => wouldSucceed(local, call(answer)),
    fulfil: (answer) => credited(local, options.level, call(answer)),
  };
}

interface Call {
  readonly functionName: 'fulfil' | 'fulfilProven';
  readonly args: readonly unknown[];
}

async function opened(
  local: EscrowChain,
  { verifier, modelId, price, policy }: EscrowOptions & { readonly policy: Address },
  input: Hex,
): Promise<Hex> {
  const { deployment, requester } = local;
  const terms = {
    ...{ modelId, policy, resultVerifier: verifier, unitPrice: price, maxFee: price, deadline: FOR_EVER },
    ...{ callback: NOBODY, callbackGas: 0n },
  };
  await local.fund(requester, price);
  await local.sendTo('open an escrow', 'Settlement', deployment.settlement, {
    from: requester,
    functionName: 'openEscrow',
    args: [terms, input],
  });
  const events = await local.events('Settlement', deployment.settlement, 'EscrowOpened');
  return events.at(-1)?.['escrow'] as Hex;
}

async function wouldSucceed(local: EscrowChain, { functionName, args }: Call): Promise<boolean> {
  try {
    await local.call('Settlement', local.deployment.settlement, functionName, args);
    return true;
  } catch (error) {
    if (error instanceof ChainError) return false;
    throw error;
  }
}

async function credited(local: EscrowChain, level: string, call: Call): Promise<bigint> {
  const { operator, deployment } = local;
  const credit = async (): Promise<bigint> =>
    (await local.call('Settlement', deployment.settlement, 'creditOf', [operator])) as bigint;
  const before = await credit();
  await local.sendTo(`fulfil, ${level}`, 'Settlement', deployment.settlement, { from: operator, ...call });
  return (await credit()) - before;
}
