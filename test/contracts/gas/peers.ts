/** What others' contracts cost for the same work, measured under the same rules; where the figures come from is in `of`. */
export interface Peer {
  readonly gas: number;
  readonly of: string;
}

export const peers: Readonly<Record<string, Peer>> = {
  'osaka.nitro.verify.cold.real': { gas: 41_702_770, of: 'base/nitro-validator 0ea0d12, in five transactions' },
  'osaka.nitro.verify.warm.real': { gas: 13_825_439, of: 'base/nitro-validator 0ea0d12, leaf known too' },
  'osaka.nitro.verify.hot.real': { gas: 13_825_439, of: 'base/nitro-validator 0ea0d12' },
  'prague.nitro.verify.cold.real': { gas: 37_148_770, of: 'base/nitro-validator 0ea0d12, in five transactions' },
  'prague.nitro.verify.warm.real': { gas: 12_920_039, of: 'base/nitro-validator 0ea0d12, leaf known too' },
  'prague.nitro.verify.hot.real': { gas: 12_920_039, of: 'base/nitro-validator 0ea0d12' },
  'osaka.p384.verify': { gas: 4_884_393, of: 'base/nitro-validator 0ea0d12, execution alone' },
  'prague.p384.verify': { gas: 3_978_993, of: 'base/nitro-validator 0ea0d12, execution alone' },
  'osaka.sha384.block': { gas: 231_000, of: 'base/nitro-validator 0ea0d12, Sha2Ext' },
  'prague.sha384.block': { gas: 231_000, of: 'base/nitro-validator 0ea0d12, Sha2Ext' },
};
