import { type Address, decodeErrorResult, encodeDeployData, type Hex } from 'viem';
import { ChainError } from '../tools/anvil.ts';
import { artifact } from '../tools/artifacts.ts';
import { type EscrowChain, type ProvenEscrow, provenEscrow, type ReceiptEscrow, receiptEscrow } from './escrow.ts';

export interface ProvedOptions {
  /** As the release's manifest names it by its SHA-256. */
  readonly circuitKey: Hex;
  readonly modelId: Hex;
  readonly price: bigint;
  /** Whether a key that one party made is taken: it proves whatever that party likes. */
  readonly dev: 'refused' | 'allowed';
}

/** Requests that a proof settles, whoever made it. A proof is what `encodeChainProof` gives. */
export async function deployProved(local: EscrowChain, options: ProvedOptions): Promise<ProvenEscrow> {
  const verifier = await create(local, options, 'none');
  return provenEscrow(local, { level: 'proved', verifier, modelId: options.modelId, price: options.price });
}

/** Requests that a worker's receipt settles, and a proof about what that receipt commits to. */
export async function deployProvedWithReceipt(
  local: EscrowChain,
  options: ProvedOptions & { readonly policy: Address },
): Promise<ReceiptEscrow> {
  const { modelId, price, policy } = options;
  const verifier = await create(local, options, 'needed');
  return receiptEscrow(local, { level: 'proved', verifier, modelId, price, policy });
}

async function create(
  local: EscrowChain,
  { circuitKey, modelId, dev }: ProvedOptions,
  receipts: 'none' | 'needed',
): Promise<Address> {
  const contract = await artifact('ProvedResult');
  const args = [circuitKey, modelId, receipts === 'needed', dev === 'allowed'];
  try {
    await local.chain.call({ data: encodeDeployData({ abi: contract.abi, bytecode: contract.initCode, args }) });
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    const { errorName } = decodeErrorResult({ abi: contract.abi, data: error.data });
    throw new ChainError(`ProvedResult takes no such key: ${errorName}`, error.data);
  }
  return local.deploy(contract, args);
}
