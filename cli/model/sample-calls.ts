import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeInferRequest, decodeInferResponse, type Tensor } from '../../wire/message/tensor.ts';
import { compareTensors } from './compare.ts';
import { type Remark, wrongRemark } from './findings.ts';
import { findPlainFile, readPlainFile } from './plain-file.ts';
import type { Subject } from './subject.ts';

/** A sample of a tensor model that can be run. */
export interface SampleCall {
  readonly response: string;
  readonly inputs: readonly Tensor[];
  /** What the publisher wrote; a text says why it is no answer. */
  readonly expected: readonly Tensor[] | string;
}

/** The requests that a release shows as samples; one that is none is a finding of its own. */
export async function sampleCalls(
  { terms, directory }: Subject,
  inputNames: ReadonlySet<string>,
): Promise<{ readonly calls: readonly SampleCall[]; readonly remarks: readonly Remark[] }> {
  const calls: SampleCall[] = [];
  const remarks: Remark[] = [];
  for (const { request, response } of terms?.samples ?? []) {
    const body = await readBody(directory, request);
    const read = reading(() => decodeInferRequest({ body, jsonLength: body.length }, 'json').inputs);
    const stranger = typeof read === 'string' ? undefined : read.find(({ name }) => !inputNames.has(name));
    if (typeof read === 'string') remarks.push(noRequest(request, read));
    else if (stranger !== undefined) remarks.push(noRequest(request, `the model has no input "${stranger.name}"`));
    else {
      const answer = await readBody(directory, response);
      const expected = reading(() => decodeInferResponse({ body: answer, jsonLength: answer.length }, 'json').outputs);
      calls.push({ response, inputs: read, expected });
    }
  }
  return { calls, remarks };
}

/** A little more than what processors differ in: bits are compared where a worker is attested. */
const TOLERANCE = 1e-5;

export function* responseRemarks(
  calls: readonly SampleCall[],
  answers: readonly (readonly Tensor[])[],
): Generator<Remark> {
  for (const [index, { response, expected }] of calls.entries()) {
    const found = typeof expected === 'string' ? expected : differenceOf(expected, answers[index] ?? []);
    if (found === undefined) continue;
    const advice = 'Write down what the model answers to the request, as the body of its answer in JSON.';
    yield wrongRemark('sample_differs', response, `it is not what the model answers: ${found}`, advice);
  }
}

function differenceOf(expected: readonly Tensor[], answer: readonly Tensor[]): string | undefined {
  const compared = compareTensors(expected, answer, TOLERANCE);
  return compared.outcome === 'differs' ? compared.where : undefined;
}

function noRequest(path: string, why: string): Remark {
  return wrongRemark(
    'sample_refused',
    path,
    `it is no request for this model: ${why}`,
    'Write it as the body of a call of the Open Inference Protocol, version 2, in JSON.',
  );
}

async function readBody(directory: string, path: string): Promise<Uint8Array> {
  return readPlainFile(directory, await findPlainFile(directory, path, limits.bodyBytes));
}

/** A text says why it cannot be read. */
function reading<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}
