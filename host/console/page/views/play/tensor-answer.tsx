import type { VNode } from 'preact';
import type { InferResult } from '../../../../../client/types.ts';
import type { Tensor } from '../../../../../wire/message/tensor.ts';
import { Verdict } from '../../parts/verdict.tsx';
import { AnswerTools } from './answer-tools.tsx';
import { type Agreement, agreementOf } from './tensor/agreement.ts';
import { TensorValues } from './tensor-values.tsx';

export interface TensorAnswerProps {
  readonly result: InferResult;
  /** Undefined where the input is the person's own. */
  readonly expected: readonly Tensor[] | undefined;
  /** Whether the form still holds what was sent. */
  readonly input: keyof typeof meanings;
}

const meanings = {
  above: 'Every check passed: this is what the model that you named answered to what you sent.',
  'changed-since':
    'Every check passed. This is the answer to what you sent, and the input above is another by now: ask again for its answer.',
} as const;

export function TensorAnswer({ result, expected, input }: TensorAnswerProps): VNode {
  const { response, worker } = result;
  return (
    <Verdict verdict="accepted" of="this answer" level={worker.level} meaning={meanings[input]}>
      <div class="answer">
        <TensorValues tensors={response.outputs} />
      </div>
      {expected === undefined ? null : <p>{wordsOf(agreementOf(response.outputs, expected))}</p>}
      <AnswerTools result={result} />
    </Verdict>
  );
}

function wordsOf(agreement: Agreement): string {
  switch (agreement.kind) {
    case 'same-bits':
      return 'It is bit for bit what the owner expects for this sample.';
    case 'close':
      return `It is what the owner expects for this sample, but for ${agreement.largest} at most: another processor can round otherwise.`;
    case 'different':
      return `It is NOT what the owner expects for this sample: ${agreement.detail}.`;
  }
}
