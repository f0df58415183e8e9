import { hex, type OnChain } from '../../../cli/stack/on-chain.ts';

type Hex = `0x${string}`;

export interface EscrowRequest {
  readonly modelId: Uint8Array;
  readonly policy: Hex;
  readonly price: bigint;
  readonly input: Uint8Array;
}

/** Asks as a contract does: the input is public, and the money waits for the answer. */
export async function openEscrow({ local }: OnChain, request: EscrowRequest): Promise<void> {
  const { deployment, requester } = local;
  await local.fund(requester, request.price);
  const { timestamp } = await local.chain.rpc<{ readonly timestamp: Hex }>('eth_getBlockByNumber', ['latest', false]);
  await local.sendTo('open an escrow', 'Settlement', deployment.settlement, {
    from: requester,
    functionName: 'openEscrow',
    args: [
      {
        modelId: hex(request.modelId),
        policy: request.policy,
        resultVerifier: deployment.attestedResult,
        unitPrice: request.price,
        maxFee: request.price,
        deadline: BigInt(timestamp) + 3_600n,
        callback: `0x${'00'.repeat(20)}`,
        callbackGas: 0n,
      },
      hex(request.input),
    ],
  });
}
