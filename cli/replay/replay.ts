import { isDeepStrictEqual } from 'node:util';
import type { Release as ReleaseFolder } from '../../host/releases.ts';
import { equalBytes, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeIntegers } from '../../wire/message/integers.ts';
import { status } from '../../wire/message/receipt.ts';
import { feeFor, flag, format, operation, responsePreimage } from '../../wire/message/request.ts';
import { decodeInferResponse, type Tensor } from '../../wire/message/tensor.ts';
import { type Comparison, compareTensors, type Tolerance } from '../model/compare.ts';
import { compareMachines, sameClass, sameEngine, thisMachine } from './machine.ts';
import type { ClassFact, ReplayReport, ReplayVerdict, Unreplayable } from './report.ts';
import { noResult, type Rerun, rerun } from './rerun.ts';
import type { Statement } from './statement.ts';
import { readStream } from './stream-text.ts';

export interface ReplayOptions {
  readonly release: ReleaseFolder;
  /** For another class of processor only: on the worker's own class bits are compared, and nothing else counts. */
  readonly tolerance: Tolerance;
}

/** Computes an answer again and says what that shows. */
export async function replay(statement: Statement, options: ReplayOptions): Promise<ReplayReport> {
  return (await computeAgain(statement, options)).report;
}

export interface ComputedAgain {
  readonly report: ReplayReport;
  /** The whole body that came out here; null where none did. */
  readonly answer: Uint8Array | null;
  /** What the model was given, of a model of tensors. */
  readonly inputs: readonly Tensor[] | null;
}

/** The same, with what was computed. */
export async function computeAgain(
  statement: Statement,
  { release, tolerance }: ReplayOptions,
): Promise<ComputedAgain> {
  const here = thisMachine();
  const { execution } = statement;
  const facts = compareMachines(execution, here);
  const known = { execution: facts, sameClass: sameClass(execution, here) };
  if (release.encryption !== null) {
    return nothing({ ...unreplayable('release_encrypted', 'its files are sealed'), ...known, milliseconds: null });
  }
  if (!sameEngine(execution, here)) {
    const other = facts.find((fact) => fact.worker !== fact.here) as ClassFact;
    const detail = `${other.name} was ${other.worker}, and is ${other.here} here`;
    return nothing({ ...unreplayable('other_engine', detail), ...known, milliseconds: null });
  }
  const run = await rerun(statement, release);
  const laid = layoutFacts(statement, run);
  const facted = { ...known, execution: [...facts, ...laid], milliseconds: run.milliseconds };
  const report = { ...judge(statement, run, { tolerance, same: known.sameClass, laid }), ...facted };
  return { report, answer: noResult(run) === undefined ? run.body : null, inputs: run.inputs };
}

function nothing(report: ReplayReport): ComputedAgain {
  return { report, answer: null, inputs: null };
}

/** How the engine was fed. Rows that a worker computed together are promised to be what they are alone. */
function layoutFacts({ execution }: Statement, { outcome }: Rerun): readonly ClassFact[] {
  const here = outcome.execution;
  return [
    { name: 'layout', worker: execution.layout, here: here.layout },
    { name: 'schedule', worker: execution.schedule, here: here.schedule },
  ];
}

interface Judging {
  readonly tolerance: Tolerance;
  readonly same: boolean;
  readonly laid: readonly ClassFact[];
}

function judge(statement: Statement, run: Rerun, { tolerance, same, laid }: Judging): ReplayVerdict {
  const streamed = (statement.request.header.flags & flag.streamed) !== 0n;
  if (sameAnswer(statement, run) || (streamed && sameStream(statement, run))) {
    return { verdict: same ? 'replayed' : 'replayed-elsewhere' };
  }
  const failure = noResult(run);
  if (failure !== undefined) return unreplayable('no_result_here', failure);
  const other = laid.find(({ name, worker, here }) => name === 'layout' && worker !== here);
  if (other !== undefined) {
    return unreplayable('other_layout', `the worker computed by ${other.worker}, this machine by ${other.here}`);
  }
  if (streamed && statement.response === null) {
    return unreplayable(
      'stream_missing',
      'how a stream was cut is in its hash, so that it takes the stream to compare',
    );
  }
  const compared = compareBodies(statement, run, same ? 'exact' : tolerance);
  if (compared.outcome === 'within-tolerance' && !same) {
    return { verdict: 'near', tolerance: tolerance as number, farthest: compared.farthest };
  }
  const where = compared.outcome === 'differs' ? compared.where : feeOrBytes(statement, run);
  return { verdict: same ? 'differs' : 'differs-elsewhere', where };
}

/** By the receipt's hash, which the body of the file only has to fit to: it may not be there. */
function sameAnswer({ receipt, request }: Statement, { outcome, body }: Rerun): boolean {
  const hash = sha256(
    responsePreimage({
      salt: request.header.salt,
      status: outcome.status,
      format: outcome.format,
      jsonLength: BigInt(outcome.body.jsonLength),
      bodyHash: sha256(body),
    }),
  );
  return equalBytes(hash, receipt.responseHash) && feeFor(request.header, outcome.units) === receipt.fee;
}

/**
 * A stream is hashed as it was cut, which is a matter of time. So what the receipt binds is the file's stream, and its text
 * and everything around it are compared with this machine's.
 */
function sameStream({ receipt, request, response, responseFacts }: Statement, { outcome, body }: Rerun): boolean {
  if (response === null || responseFacts === null || outcome.status !== status.ok) return false;
  const bound = responsePreimage({
    salt: request.header.salt,
    status: receipt.status,
    format: BigInt(responseFacts.format),
    jsonLength: BigInt(responseFacts.jsonLength),
    bodyHash: sha256(response),
  });
  if (!equalBytes(sha256(bound), receipt.responseHash)) return false;
  if (feeFor(request.header, outcome.units) !== receipt.fee) return false;
  const [worker, here] = [readStream(response), readStream(body)];
  return worker !== undefined && here !== undefined && isDeepStrictEqual(worker, here);
}

function feeOrBytes({ receipt, request }: Statement, { outcome }: Rerun): string {
  const fee = feeFor(request.header, outcome.units);
  return fee === receipt.fee ? 'the bytes of the answer' : `the fee is ${fee} instead of ${receipt.fee}`;
}

function compareBodies(statement: Statement, { body, outcome }: Rerun, tolerance: Tolerance): Comparison {
  const { response, responseFacts, request } = statement;
  if (response === null || responseFacts === null) {
    return { outcome: 'differs', where: 'the answer has another hash, and the file does not hold it' };
  }
  if (request.header.operation !== operation.infer) {
    const [worker, here] = [readStream(response), readStream(body)];
    const uncut = worker !== undefined && here !== undefined && worker.text !== here.text;
    return { outcome: 'differs', where: uncut ? parting(utf8(worker.text), utf8(here.text)) : parting(response, body) };
  }
  try {
    if (request.header.format === format.integers) {
      return compareTensors(integerTensors(response), integerTensors(body), tolerance);
    }
    const kind = responseFacts.format === Number(format.json) ? 'json' : 'binary';
    const meant = decodeInferResponse({ body: response, jsonLength: responseFacts.jsonLength }, kind);
    const given = decodeInferResponse({ body, jsonLength: outcome.body.jsonLength }, kind);
    return compareTensors(meant.outputs, given.outputs, tolerance);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { outcome: 'differs', where: 'the answer in the file is none' };
  }
}

/** A contract's answer in the numbers that it stands for, named by place: it carries no names. */
function integerTensors(body: Uint8Array): readonly Tensor[] {
  return decodeIntegers(body).map(({ decimals, shape, values }, index) => ({
    ...{ name: `output ${index}`, datatype: 'FP64', shape },
    data: doubles(values.map((value) => Number(value) / 10 ** decimals)),
  }));
}

function doubles(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, index) => {
    view.setFloat64(8 * index, value, true);
  });
  return new Uint8Array(view.buffer);
}

const SHOWN = 24;

/** Text up to where it parts, as both go on: of a generation the first token that is another. */
function parting(worker: Uint8Array, here: Uint8Array): string {
  const length = Math.min(worker.length, here.length);
  let at = 0;
  while (at < length && worker[at] === here[at]) at += 1;
  const text = (bytes: Uint8Array): string => JSON.stringify(new TextDecoder().decode(bytes.subarray(at, at + SHOWN)));
  return `byte ${at}: the worker goes on ${text(worker)}, this machine ${text(here)}`;
}

function unreplayable(code: Unreplayable, detail: string): ReplayVerdict {
  return { verdict: 'not-replayable', code, detail };
}
