import { formatLog, parseEventLogs, type RpcLog } from 'viem';
import type { EscrowChain } from '../../../contracts/deploy/escrow.ts';
import { ChainError } from '../../../contracts/tools/anvil.ts';
import { mustSucceed, type SettlementWorld } from './settlement.ts';

/** The settlement of a world, as deployments of result verifiers take it. */
export function localOf({ chain, settlement, token, accounts }: SettlementWorld): EscrowChain {
  return {
    chain,
    ...{ operator: accounts.operator, requester: accounts.requester },
    deployment: { settlement: settlement.address },
    deploy: (contract, args) => chain.deploy(contract, args),
    call: (_, __, functionName, args) => settlement.view(functionName, args),
    async sendTo(what, _, __, { from, functionName, args }) {
      const mined = await settlement.send(functionName, args, from);
      if (mined.status !== 'success') throw new ChainError(`${what} was reverted`);
      return mined;
    },
    async events(_, address, eventName) {
      const logs = await chain.rpc<RpcLog[]>('eth_getLogs', [{ address, fromBlock: '0x0', toBlock: 'latest' }]);
      return parseEventLogs({ abi: settlement.abi, eventName, logs: logs.map((log) => formatLog(log)) }).map(
        ({ args }) => args as unknown as Readonly<Record<string, unknown>>,
      );
    },
    async fund(account, amount) {
      await mustSucceed(token.send('mint', [account, amount]));
    },
  };
}
