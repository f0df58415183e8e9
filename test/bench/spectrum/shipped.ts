import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { question } from '../../../cli/levels/question.ts';
import { readProgram } from '../../../cli/prove/read-program.ts';
import { shippedDraft } from '../../../cli/stack/demo-release.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import type { ProveJob } from './prover.ts';

/** What volatility-1h-int8 ships, asked what the demo asks. */
export function shippedProver(rounds: number): ProveJob {
  const read = (path: string): Uint8Array =>
    Uint8Array.from(readFileSync(join(shippedDraft('volatility-1h-int8'), path)));
  return {
    ...{ key: read('circuit/circuit.key'), zkey: read('circuit/circuit.zkey'), wasm: read('circuit/circuit.wasm') },
    ...{ input: question, output: evaluate(readProgram(read('model.onnx')), question), rounds },
  };
}
