import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Abi,
  type Address,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  parseAbi,
  parseEventLogs,
} from 'viem';

/**
 * The example on a chain, from its deployment to an answer that moves its margin:
 * `tsx run.ts RPC SETTLEMENT RESULT_VERIFIER POLICY MODEL PRICE ACCOUNT`. The account is one that the node signs for, and holds
 * PRICE of the settlement's token.
 */
const given = process.argv.slice(2);
const [rpc = '', settlement, resultVerifier, policy, modelId, price = '', account] = given as [string, ...Address[]];
if (given.length !== 7 || account === undefined)
  throw new Error('seven arguments, as the first lines of this file say');

const PRICES = 17;
const PATIENCE_MS = 120_000;
const transport = http(rpc);
const reads = createPublicClient({ transport, pollingInterval: 200 });
const wallet = createWalletClient({ transport, account });
const artifact = JSON.parse(
  readFileSync(join(import.meta.dirname, 'out/VolatilityMargin.sol/VolatilityMargin.json'), 'utf8'),
) as { readonly abi: Abi; readonly bytecode: { readonly object: Hex } };

const fee = BigInt(price);
const ask = {
  modelId,
  policy,
  resultVerifier,
  unitPrice: fee,
  maxFee: fee,
  lifetimeSeconds: 3_600n,
  callbackGas: 400_000n,
  maxAgeBlocks: 1_000n,
  maxAgeSeconds: 3_600n,
};
const rules = {
  defaultMargin: 1_000n,
  leastMargin: 200n,
  mostMargin: 5_000n,
  perVolatility: 100_000n,
  forecastSeconds: 7_200n,
};

/** Of the node's own price, which on a chain for tests is nothing. */
async function sent(hash: Promise<Hex>): Promise<Awaited<ReturnType<typeof reads.waitForTransactionReceipt>>> {
  const receipt = await reads.waitForTransactionReceipt({ hash: await hash });
  if (receipt.status !== 'success') throw new Error(`reverted in ${receipt.transactionHash}`);
  return receipt;
}

const gasPrice = await reads.getGasPrice();
const common = { chain: null, gasPrice } as const;
const { contractAddress: keeper } = await sent(
  wallet.deployContract({
    ...common,
    abi: artifact.abi,
    bytecode: artifact.bytecode.object,
    args: [settlement, account, ask, rules],
  }),
);
if (keeper === null || keeper === undefined) throw new Error('the contract was not created');
const contract = { address: keeper, abi: artifact.abi } as const;
const margin = async (): Promise<unknown> => reads.readContract({ ...contract, functionName: 'margin' });

for (let index = 0; index < PRICES; index++) {
  const observed = BigInt(Math.round(1e9 * (1 + Math.sin(index) / 200)));
  await sent(wallet.writeContract({ ...common, ...contract, functionName: 'observe', args: [observed] }));
}
const tokenAbi = parseAbi([
  'function TOKEN() view returns (address)',
  'function transfer(address to, uint256 amount) returns (bool)',
]);
const token = await reads.readContract({ address: settlement as Address, abi: tokenAbi, functionName: 'TOKEN' });
await sent(
  wallet.writeContract({ ...common, address: token, abi: tokenAbi, functionName: 'transfer', args: [keeper, fee] }),
);
console.log(`${keeper} asks about its own prices; its margin is ${String(await margin())}`);
const { blockNumber } = await sent(wallet.writeContract({ ...common, ...contract, functionName: 'askForForecast' }));

// The host's settler sees the escrow, has its worker answer, and fulfils it, which calls back.
const deadline = Date.now() + PATIENCE_MS;
for (;;) {
  const logs = await reads.getLogs({ address: keeper, fromBlock: blockNumber });
  const [forecast] = parseEventLogs({ abi: artifact.abi, eventName: 'Forecast', logs });
  if (forecast !== undefined) {
    console.log(`answered in ${forecast.transactionHash}; its margin is ${String(await margin())}`);
    break;
  }
  if (Date.now() > deadline) throw new Error('nobody answered: is the policy one that the host serves?');
  await sleep(500);
}
