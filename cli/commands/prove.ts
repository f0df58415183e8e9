import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegerError } from '../../contracts/integer/errors.ts';
import type { GeneratedContract } from '../../contracts/integer/evm/contract.ts';
import { standardJson } from '../../contracts/integer/evm/standard-json.ts';
import { OnnxError } from '../../enclave/worker/model/onnx-error.ts';
import { CommandError, exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { contractOf } from '../prove/evm.ts';
import { type IntegerRelease, openIntegerRelease } from '../prove/integer-release.ts';
import { ReadError } from '../prove/read-error.ts';
import { heading, jsonLine, rowLines } from '../report.ts';
import { parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const proveUsage = `proofmark prove FILE.proofmark --circuit DIR --out FILE.proof [--json]
  Proves that a saved answer is its model's, without showing input or output: the commitment in its receipt binds the
  proof to it. DIR holds circuit.key, which the answer's release names, circuit.zkey and circuit.wasm; a release that
  names a circuit has them. Needs request and answer in the file, and npm install snarkjs@0.7.6 (GPL-3).

proofmark prove --evm RELEASE-DIR --out DIR [--name NAME] [--json]
  Writes a contract that computes a small integer model itself, and so tells right answers from wrong ones: a result
  verifier for escrows that asks for no receipt (level recomputed). NAME.sol stands alone; NAME.json is what
  \`solc --standard-json\` takes. Linear models, networks with ReLU and forests, in integers from input to output; any
  other model is refused, with the node that is in the way, and one that no contract could hold with its size.`;

export async function prove(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    evm: { type: 'string' },
    circuit: { type: 'string' },
    out: { type: 'string' },
    name: { type: 'string' },
    json: { type: 'boolean' },
  });
  // Only here: the arithmetic of pairings takes a while to load.
  if (parsed.values['evm'] === undefined) {
    return (await import('../circuit/proof-commands.ts')).proveAnswer(context, parsed);
  }
  const [directory, out] = [textOption(parsed, 'evm'), textOption(parsed, 'out')];
  const mixed = parsed.positionals.length > 0 || parsed.values['circuit'] !== undefined;
  if (directory === undefined || out === undefined || mixed) {
    throw new UsageError('prove takes --evm RELEASE-DIR and --out DIR');
  }
  try {
    const release = await openIntegerRelease(directory);
    const contract = contractOf(release, textOption(parsed, 'name'));
    const files = await write(out, contract);
    const written = { release, contract, files };
    context.write(parsed.values['json'] === true ? jsonLine(JSON.stringify(facts(written))) : report(context, written));
    return exitCode.accepted;
  } catch (error) {
    if (error instanceof IntegerError && error.code === 'name_invalid') throw new UsageError(error.message);
    // The model is what it is, and no contract can be made of it; or it is no model.
    if (error instanceof ReadError || error instanceof IntegerError) {
      throw new JudgedError(error.code, error.message, { exit: exitCode.refused, cause: error });
    }
    if (!(error instanceof OnnxError)) throw error;
    throw new JudgedError(error.code, error.message, { exit: exitCode.malformed, cause: error });
  }
}

async function write(out: string, contract: GeneratedContract): Promise<readonly string[]> {
  const files = [`${contract.name}.sol`, `${contract.name}.json`];
  try {
    await mkdir(out, { recursive: true });
    await writeFile(join(out, `${contract.name}.sol`), contract.source);
    await writeFile(join(out, `${contract.name}.json`), standardJson([contract]));
  } catch (error) {
    throw new CommandError(`cannot write to ${out}: ${(error as Error).message}`);
  }
  return files.map((file) => join(out, file));
}

interface Written {
  readonly release: IntegerRelease;
  readonly contract: GeneratedContract;
  readonly files: readonly string[];
}

function facts({ release, contract, files }: Written): object {
  const { manifest, modelId, program } = release;
  return {
    ...{ model: manifest.name, version: manifest.version, modelId, contract: contract.name, tables: contract.tables },
    ...{ inputs: program.inputs.count, outputs: program.outputs.length, products: program.products },
    ...{ codeBytesAtMost: contract.codeBytes, files },
  };
}

function report({ style }: CommandContext, { release, contract, files }: Written): string {
  const { manifest, modelId, program } = release;
  const { inputs, outputs, layers, products } = program;
  const ends = outputs.map(({ least, most }) => `${least} to ${most}`);
  return (
    heading('Contract', style) +
    rowLines([
      ['model', `${manifest.name} ${manifest.version}`],
      ['model id', modelId],
      ['input', `${inputs.count} integers from ${inputs.range.least} to ${inputs.range.most}`],
      ['output', `${outputs.length}, within ${[...new Set(ends)].slice(0, 4).join(', ')}`],
      ['layers', `${layers.length}, ${products.toLocaleString('en-US')} multiplications`],
      ['code', `at most ${contract.codeBytes.toLocaleString('en-US')} bytes of the 24,576 that a contract has`],
      ...(contract.tables.length === 0
        ? []
        : [
            [
              'tables',
              `${contract.tables.join(', ')}: created first, and given to the constructor in this order`,
            ] as const,
          ]),
      ['written', files.join(', ')],
    ]) +
    '  An answer that it takes pays whoever sends it: see docs/contracts.md.\n'
  );
}
