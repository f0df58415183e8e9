import type { G1Words, G2Words } from '../../wire/message/circuit-key.ts';
import { uintWord } from '../../wire/words.ts';

type Decimals = readonly [string, string, ...string[]];

export function g1Words([x, y]: Decimals): G1Words {
  return [uintWord(BigInt(x)), uintWord(BigInt(y))];
}

/** snarkjs has the real part first. */
export function g2Words([x, y]: readonly [Decimals, Decimals, ...Decimals[]]): G2Words {
  return [
    [uintWord(BigInt(x[1])), uintWord(BigInt(x[0]))],
    [uintWord(BigInt(y[1])), uintWord(BigInt(y[0]))],
  ];
}
