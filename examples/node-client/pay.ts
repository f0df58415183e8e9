import { join } from 'node:path';
import {
  channelStatus,
  clientSuite,
  connect,
  createSessionKey,
  fileStore,
  openChannel,
  type PaymentOptions,
  viemChannelChain,
} from 'proofmark/client';
import { unitPriceOf } from 'proofmark/wire';
import { createPublicClient, createWalletClient, getAddress, type Hex, http } from 'viem';
import { modelInputs } from './inputs.ts';
import { readSettings } from './settings.ts';

const { url, policy, modelId, more } = readSettings();
const [rpc = 'http://127.0.0.1:8545', account = '', folder = '.'] = more;
if (policy.chain === 'any') throw new Error('a payer names the chain and the settlement that it pays on');
const hex = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;

// The account is one that the node signs for, as a local chain does; with a wallet of your own pass its account object.
const payer = getAddress(account);
const transport = http(rpc);
const reads = createPublicClient({ transport });
const wallet = createWalletClient({ transport, account: payer });
const chain = await viemChannelChain({
  reads,
  writes: {
    // The node's own price: a chain for tests may take nothing, which estimates of two fees do not expect.
    writeContract: async (call) => wallet.writeContract({ ...call, chain: null, gasPrice: await reads.getGasPrice() }),
  },
  payer,
  settlement: hex(policy.chain.settlement),
});

// Whom to pay is the word of a worker that was proven, and so is the price; ten calls are locked.
const free = connect(url, { policy });
const worker = await free.worker();
const unitPrice = unitPriceOf(worker.configuration, modelId, 0n) ?? 0n;
const key = await createSessionKey();
const channel = await openChannel({
  chain,
  payee: worker.identity.operator,
  key,
  amount: 10n * unitPrice,
  suite: clientSuite,
});

const store = fileStore(join(folder, 'payments.json'));
const payment: PaymentOptions = {
  channel,
  sign: key.sign,
  store,
  // To a worker whose key was stolen, or to a host that swallows answers, one call is lost and no more.
  maxOutstanding: unitPrice,
  // Two calls in all, whatever the channel holds.
  maxSpend: 2n * unitPrice,
  maxUnitPrice: unitPrice,
};
const client = connect(url, { policy, payment });
const inputs = modelInputs(await client.release(modelId));
for (let call = 1; call <= 3; call++) {
  try {
    const { receipt } = await client.infer({ modelId, inputs, outputs: 'all', format: 'binary' });
    console.log(`call ${call}: fee ${receipt.fee}, the channel owes ${receipt.cumulativeFee}`);
  } catch (error) {
    console.log(`call ${call}: ${error instanceof Error ? error.message : 'failed'}`);
  }
}
const { verified, outstanding, balance, claimed } = await channelStatus({ chain, channel, store, suite: clientSuite });
console.log(`verified ${verified}, outstanding ${outstanding}, locked ${balance}, claimed ${claimed}`);
