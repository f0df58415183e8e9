import { basename, dirname } from 'node:path';
import { type ProvenResult, verifyProof } from '../../client/proofs/verify.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { readBytes } from '../model/hub-options.ts';
import { createSteps } from '../progress/steps.ts';
import { heading, jsonLine, rowLines } from '../report.ts';
import { type ArchivedAnswer, readAnswer, requireCircuit, rowOf } from './archived-row.ts';
import { judgedProof, readKey, readProver, writeCircuitFiles } from './folder.ts';
import { committedRow, proveRow } from './prove.ts';

export async function verifyProofCommand(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    key: { type: 'string' },
    archive: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [file, ...more] = parsed.positionals;
  const [keyFile, archive] = [textOption(parsed, 'key'), textOption(parsed, 'archive')];
  if (file === undefined || more.length > 0 || keyFile === undefined) {
    throw new UsageError('verify-proof takes one .proof file and --key');
  }
  const key = await readKey(keyFile);
  const bytes = await readBytes(file, limits.proofBytes);
  const result = await judgedProof(() => verifyProof(key, bytes));
  const answer = archive === undefined ? undefined : readAnswer(await readBytes(archive, limits.archiveBytes));
  if (answer !== undefined) requireSame(answer, result);
  context.write(
    parsed.values['json'] === true
      ? jsonLine(JSON.stringify(proofFacts(result, answer)))
      : proofText(context, result, answer),
  );
  return exitCode.accepted;
}

function requireSame(answer: ArchivedAnswer, { circuit, commitment }: ProvenResult): void {
  requireCircuit(answer, circuit);
  if (equalBytes(answer.receipt.commitment, commitment)) return;
  throw new JudgedError('commitment_mismatch', 'the proof is about another answer than the receipt', {
    exit: exitCode.untrusted,
  });
}

function proofFacts(result: ProvenResult, answer: ArchivedAnswer | undefined): object {
  const { circuit, setup, form, commitment, point, evaluation } = result;
  return {
    ...{ verdict: 'proved', circuit: toHex(circuit), setup, form },
    ...{ commitment: toHex(commitment), point: toHex(point), evaluation: toHex(evaluation) },
    answer:
      answer === undefined
        ? null
        : { model: answer.manifest.name, version: answer.manifest.version, requestId: toHex(answer.receipt.requestId) },
  };
}

function proofText(
  { style }: CommandContext,
  { circuit, setup, form, commitment }: ProvenResult,
  answer: ArchivedAnswer | undefined,
): string {
  const parties = `${setup.phase1} and ${setup.phase2} contributions`;
  const ceremony = `ceremony, ${parties}: it holds if one party in each forgot what it drew`;
  const kinds = { private: 'private: it says nothing of input and output', evaluated: 'for one escrow and payee' };
  return (
    heading('Proof', style) +
    rowLines([
      ['circuit', toHex(circuit)],
      ['setup', setup.kind === 'dev' ? `DEV, ${parties}: a single party could prove anything` : ceremony],
      ['form', kinds[form]],
      ['commitment', toHex(commitment)],
      ...(answer === undefined
        ? []
        : [['answer', `of ${answer.manifest.name} ${answer.manifest.version}, and the model's`] as const]),
    ]) +
    (answer === undefined
      ? '  Of which answer the commitment is, only somebody with its receipt can see: name its --archive.\n'
      : '  Who signed the receipt is not judged here: see proofmark audit.\n')
  );
}

/** The private form: a proof of the commitment that the receipt has. */
export async function proveAnswer(context: CommandContext, parsed: Parsed): Promise<number> {
  const [file, ...more] = parsed.positionals;
  const [folder, out] = [textOption(parsed, 'circuit'), textOption(parsed, 'out')];
  if (file === undefined || folder === undefined || out === undefined || more.length > 0) {
    throw new UsageError('prove takes one .proofmark file, --circuit DIR and --out FILE.proof; or --evm');
  }
  const answer = readAnswer(await readBytes(file, limits.archiveBytes));
  const prover = await readProver(folder);
  requireCircuit(answer, prover.key.digest);
  const row = rowOf(answer);
  if (!equalBytes(committedRow(prover.key, row).commitment, answer.receipt.commitment)) {
    throw new JudgedError('commitment_mismatch', 'the receipt does not commit to this request and answer', {
      exit: exitCode.untrusted,
    });
  }
  const steps = createSteps(context, 1);
  steps.begin('proving');
  const made = await proveRow(prover, row, 0n);
  steps.end();
  await writeCircuitFiles(dirname(out), { [basename(out)]: made.file });
  const { result } = made;
  context.write(
    parsed.values['json'] === true
      ? jsonLine(JSON.stringify({ ...proofFacts(result, answer), file: out }))
      : proofText(context, result, answer) + rowLines([['written', out]]),
  );
  return exitCode.accepted;
}
