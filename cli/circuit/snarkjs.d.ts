/** What is used of snarkjs, which brings no types. Files are paths, bytes, or memory that is filled. */
declare module 'snarkjs' {
  export type Source = string | Uint8Array;

  export interface Memory {
    type: 'mem';
    data?: Uint8Array;
  }

  export interface Logger {
    debug(text: string): void;
    info(text: string): void;
    warn(text: string): void;
    error(text: string): void;
  }

  type Pair = readonly [string, string, ...string[]];

  export interface Groth16Proof {
    readonly pi_a: Pair;
    /** Real part first. */
    readonly pi_b: readonly [Pair, Pair, ...Pair[]];
    readonly pi_c: Pair;
  }

  export interface Groth16Key {
    readonly vk_alpha_1: Pair;
    readonly vk_beta_2: readonly [Pair, Pair, ...Pair[]];
    readonly vk_gamma_2: readonly [Pair, Pair, ...Pair[]];
    readonly vk_delta_2: readonly [Pair, Pair, ...Pair[]];
    readonly IC: readonly Pair[];
  }

  export const wtns: {
    calculate(input: object, wasm: Source, witness: Memory): Promise<void>;
  };
  export const groth16: {
    prove(
      zkey: Source,
      witness: Memory | Uint8Array,
    ): Promise<{ readonly proof: Groth16Proof; readonly publicSignals: readonly string[] }>;
  };
  export const powersOfTau: {
    verify(powers: Source, logger?: Logger): Promise<boolean>;
  };
  export const zKey: {
    newZKey(r1cs: Source, powers: Source, zkey: string, logger?: Logger): Promise<Uint8Array | -1>;
    contribute(from: string, to: string, name: string, entropy: string, logger?: Logger): Promise<Uint8Array>;
    verifyFromR1cs(r1cs: Source, powers: Source, zkey: Source, logger?: Logger): Promise<boolean>;
    exportVerificationKey(zkey: Source): Promise<Groth16Key>;
  };
}
