import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileCircuit } from '../../../cli/circuit/compile.ts';
import { g1Words, g2Words } from '../../../cli/circuit/key.ts';
import { withSnarkjs } from '../../../cli/circuit/packages.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { circuitOf } from '../../../contracts/circuit/circuit.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { networkModel } from '../../support/integer-models.ts';
import type { ProveJob } from './prover.ts';

/** As wide as a picture of 28 by 28, with random weights: what a proof costs depends on its shape alone. */
export const WIDE: readonly number[] = [784, 32, 10];

const HERE = join(import.meta.dirname, '../../../.proofmark/spectrum', WIDE.join('-'));
const SEED = 8;
const form = {
  input: { bits: 8, signed: false, count: WIDE[0] as number },
  output: { bits: 32, signed: true, count: WIDE.at(-1) as number },
} as const;

/**
 * The keys of a circuit with so many constraints take minutes, and powers of tau that take longer: they are made once, from
 * the file that PROOFMARK_PHASE1 names, kept in .proofmark/, and never made in CI. Undefined where there are none.
 */
export async function wideProver(rounds: number): Promise<ProveJob | undefined> {
  const phase1 = process.env['PROOFMARK_PHASE1'];
  if (!existsSync(join(HERE, 'circuit.key'))) {
    if (phase1 === undefined) return undefined;
    console.log('  makes the keys of 784-32-10, once');
    await makeKeys(phase1);
  }
  const program = readProgram(networkModel(SEED, WIDE).onnx);
  const input = Array.from({ length: form.input.count }, (_, at) => BigInt((7 * at + 3) % 256));
  const read = (name: string): Uint8Array => Uint8Array.from(readFileSync(join(HERE, name)));
  return {
    ...{ key: read('circuit.key'), zkey: read('circuit.zkey'), wasm: read('circuit.wasm') },
    ...{ input, output: evaluate(program, input), rounds },
  };
}

async function makeKeys(phase1: string): Promise<void> {
  mkdirSync(HERE, { recursive: true });
  const at = (name: string): string => join(HERE, name);
  const { r1cs, wasm } = await compileCircuit(circuitOf(readProgram(networkModel(SEED, WIDE).onnx), form).source);
  writeFileSync(at('circuit.r1cs'), r1cs);
  writeFileSync(at('circuit.wasm'), wasm);
  const made = await withSnarkjs(async ({ zKey }) => {
    await zKey.newZKey(at('circuit.r1cs'), phase1, at('first.zkey'));
    // Nobody may believe a proof of this key: it is for measuring.
    await zKey.contribute(at('first.zkey'), at('circuit.zkey'), 'bench', 'no secret');
    return zKey.exportVerificationKey(at('circuit.zkey'));
  });
  const [constant, commitment, evaluation, point] = made.IC.map(g1Words);
  if (constant === undefined || commitment === undefined || evaluation === undefined || point === undefined) {
    throw new TypeError('a key of other public signals');
  }
  const key = encodeCircuitKey({
    ...form,
    ...{ r1cs: sha256(r1cs), provingKey: sha256(readFileSync(at('circuit.zkey'))), phase1: 1, phase2: 1 },
    verification: {
      alpha: g1Words(made.vk_alpha_1),
      ...{ beta: g2Words(made.vk_beta_2), gamma: g2Words(made.vk_gamma_2), delta: g2Words(made.vk_delta_2) },
      ic: [constant, commitment, evaluation, point],
    },
  });
  writeFileSync(at('circuit.key'), key);
}
