import type { Groth16Key } from 'snarkjs';
import type { CircuitForm } from '../../contracts/circuit/circuit.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeCircuitKey, type G1Words, type G2Words } from '../../wire/message/circuit-key.ts';
import { uintWord } from '../../wire/words.ts';

export interface KeyFacts {
  readonly r1cs: Uint8Array;
  readonly zkey: Uint8Array;
  readonly phase1: number;
  readonly phase2: number;
  readonly form: CircuitForm;
  readonly verification: Groth16Key;
}

export function circuitKey({ r1cs, zkey, phase1, phase2, form, verification }: KeyFacts): Uint8Array {
  const { vk_alpha_1, vk_beta_2, vk_gamma_2, vk_delta_2, IC } = verification;
  return encodeCircuitKey({
    r1cs: sha256(r1cs),
    provingKey: sha256(zkey),
    ...{ phase1, phase2 },
    ...form,
    verification: {
      alpha: g1Words(vk_alpha_1),
      beta: g2Words(vk_beta_2),
      gamma: g2Words(vk_gamma_2),
      delta: g2Words(vk_delta_2),
      ic: IC.map(g1Words) as unknown as [G1Words, G1Words, G1Words, G1Words],
    },
  });
}

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
