import type { GeneratedContract } from './contract.ts';

/** What the compiler is asked for, in its own format, so that whoever compiles it gets the same bytes. */
export function standardJson(contracts: readonly GeneratedContract[]): string {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(contracts.map(({ name, source }) => [`${name}.sol`, { content: source }])),
    settings: {
      evmVersion: 'osaka',
      viaIR: false,
      optimizer: {
        enabled: true,
        runs: 999_999,
        // The assembly is written out, and its constants are words: what looks for shorter ones takes minutes.
        details: {
          yul: false,
          peephole: true,
          jumpdestRemover: true,
          orderLiterals: true,
          deduplicate: true,
          cse: false,
          constantOptimizer: false,
          inliner: true,
        },
      },
      metadata: { bytecodeHash: 'none', appendCBOR: false },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
    },
  };
  return `${JSON.stringify(input, null, 2)}\n`;
}
