/** What others' contracts cost for the same work, measured under the same rules; where the figures come from is in `of`. */
export interface Peer {
  readonly gas: number;
  readonly of: string;
}

export const peers: Readonly<Record<string, Peer>> = {
  'osaka.p384.verify': { gas: 4_884_393, of: 'base/nitro-validator 0ea0d12, execution alone' },
  'prague.p384.verify': { gas: 3_978_993, of: 'base/nitro-validator 0ea0d12, execution alone' },
  'osaka.sha384.block': { gas: 231_000, of: 'base/nitro-validator 0ea0d12, Sha2Ext' },
  'prague.sha384.block': { gas: 231_000, of: 'base/nitro-validator 0ea0d12, Sha2Ext' },
};
