import type { Address, Hex } from 'viem';
import { ChainError } from '../tools/anvil.ts';
import { artifact } from '../tools/artifacts.ts';
import type { LocalChain } from './local.ts';

/** The example pool on a chain of this machine: two tokens of no worth, and trades that write its prices. */
export interface ExamplePool {
  readonly address: Address;
  /** In millionths of what is traded. */
  fee(): Promise<number>;
  /** Asks for a forecast over the prices so far, paid by the requester. */
  ask(): Promise<void>;
  /** Of the last forecast that it took, in units of 10^-18; null while there is none. */
  volatility(): Promise<bigint | null>;
}

export interface PoolOptions {
  readonly modelId: Hex;
  readonly policy: Address;
  readonly price: bigint;
}

const LIQUIDITY = 10n ** 24n;
const WEALTH = 10n ** 26n;
const FOR_EVER = 2n ** 48n;
/** Seventeen prices make sixteen changes, and a trade writes the price that the one before it left. */
const TRADES = 18;

export async function deployExamplePool(
  local: LocalChain,
  { modelId, policy, price }: PoolOptions,
): Promise<ExamplePool> {
  const { deployment, requester: trader, token } = local;
  const testToken = await artifact('TestToken', 'TestTokens');
  const tokens = [await local.deploy(testToken), await local.deploy(testToken)] as const;
  const poolContract = await artifact('VolatilityFeePool');
  const model = {
    ask: {
      modelId,
      policy,
      resultVerifier: deployment.attestedResult,
      unitPrice: price,
      maxFee: price,
      lifetimeSeconds: 3_600n,
      callbackGas: 300_000n,
      maxAgeBlocks: 100n,
      maxAgeSeconds: 3_600n,
    },
    leastFee: 500n,
    mostFee: 30_000n,
    defaultFee: 3_000n,
    // A volatility of one per cent an hour adds a tenth of that.
    feePerVolatility: 100_000n,
    forecastBlocks: 1_000n,
    requestBlocks: 5n,
  };
  const address = await local.deploy(poolContract, [deployment.settlement, ...tokens, model]);

  const erc20 = (what: string, at: Address, functionName: string, args: readonly unknown[]): Promise<unknown> =>
    local.sendTo(what, 'TestToken', at, { from: trader, functionName, args });
  const pool = (what: string, functionName: string, args: readonly unknown[]): Promise<unknown> =>
    local.sendTo(what, 'VolatilityFeePool', address, { from: trader, functionName, args });
  for (const at of tokens) {
    await erc20('mint tokens', at, 'mint', [trader, WEALTH]);
    await erc20('approve the pool', at, 'approve', [address, WEALTH]);
  }
  await pool('add liquidity', 'addLiquidity', [LIQUIDITY, 2n * LIQUIDITY, 0n, trader, FOR_EVER]);
  for (let trade = 0; trade < TRADES; trade++) {
    const amount = (LIQUIDITY / 1_000n) * BigInt(1 + ((trade * 7) % 5));
    await pool('trade', 'swap', [trade % 2 === 0, amount, 0n, trader, FOR_EVER]);
  }

  return {
    address,
    fee: async () => Number(await local.call('VolatilityFeePool', address, 'currentFee', [])),
    async ask() {
      await erc20('mint tokens', token, 'mint', [trader, price]);
      await erc20('approve the pool', token, 'approve', [address, price]);
      await pool('ask for a forecast', 'requestForecast', []);
    },
    async volatility() {
      const taken = await local.events('VolatilityFeePool', address, 'ForecastTaken');
      const last = taken.at(-1)?.['volatility'];
      if (last === undefined) return null;
      if (typeof last !== 'bigint') throw new ChainError('an event without a volatility');
      return last;
    },
  };
}
