import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Client } from '../../../../../client/client.ts';
import { ClientError, isDistrust } from '../../../../../client/errors.ts';
import type { InferResult } from '../../../../../client/types.ts';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import type { Tensor } from '../../../../../wire/message/tensor.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import type { Sample } from '../models/samples.ts';
import { FailurePanel } from './failure-panel.tsx';
import { FieldEditor, SizeEditor } from './field-editor.tsx';
import { SamplePicker } from './sample-picker.tsx';
import { createDraft, type Draft, type DraftProblem, fillDraft, readDraft } from './tensor/draft.ts';
import { TensorAnswer } from './tensor-answer.tsx';

export interface PlayProps {
  /** Undefined until a policy is chosen: without one nothing would be accepted. */
  readonly client: Client | undefined;
  readonly release: Verified<ReleaseFacts>;
  readonly caught: 'no' | 'yes';
  readonly onCaught: () => void;
}

type Outcome =
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | {
      readonly kind: 'answered';
      readonly result: InferResult;
      readonly expected: readonly Tensor[] | undefined;
      readonly asked: Draft;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

/** What the publisher expects, for as long as its input is not changed. */
interface Filled {
  readonly draft: Draft;
  readonly expected: readonly Tensor[] | undefined;
}

export function TensorPlay({ client, release, caught, onCaught }: PlayProps): VNode {
  const { manifest, modelId } = release;
  const [draft, setDraft] = useState(() => createDraft(manifest.inputs));
  const [filled, setFilled] = useState<Filled>();
  const [problems, setProblems] = useState<readonly DraftProblem[]>([]);
  const [notice, setNotice] = useState<string>();
  const [outcome, setOutcome] = useState<Outcome>({ kind: 'none' });
  const stop = useRef<AbortController | null>(null);

  const change = (next: Draft): void => {
    setDraft(next);
    setProblems([]);
  };
  const fill = (sample: Sample): void => {
    if (sample.kind !== 'tensor') {
      setNotice(sample.kind === 'none' ? `The sample cannot be used: ${sample.why}.` : 'The sample is a conversation.');
      return;
    }
    const next = fillDraft(draft, sample.inputs);
    if ('detail' in next) {
      setNotice(`The sample does not fit the model: ${next.detail}.`);
      return;
    }
    setNotice(undefined);
    change(next);
    setFilled({ draft: next, expected: sample.expected?.outputs });
  };
  const ask = async (): Promise<void> => {
    const read = readDraft(draft);
    if (read.kind === 'problems') {
      setProblems(read.problems);
      return;
    }
    if (client === undefined) return;
    stop.current = new AbortController();
    setOutcome({ kind: 'asking' });
    const expected = filled?.draft === draft ? filled.expected : undefined;
    try {
      const call = { modelId, inputs: read.inputs, outputs: 'all', format: 'binary' } as const;
      const result = await client.infer(call, { signal: stop.current.signal });
      setOutcome({ kind: 'answered', result, expected, asked: draft });
    } catch (error) {
      // Who stops a call wants none of its answer.
      if (stop.current.signal.aborted && !(error instanceof ClientError)) setOutcome({ kind: 'none' });
      else setOutcome({ kind: 'failed', error });
      if (isDistrust(error)) onCaught();
    }
  };
  const asking = outcome.kind === 'asking';
  return (
    <>
      <Card title="Input" actions={<SamplePicker release={release} onSample={fill} />}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          {notice === undefined ? null : (
            <p class="problem" role="alert">
              {notice}
            </p>
          )}
          <SizeEditor draft={draft} onChange={change} />
          {draft.fields.map((field) => (
            <FieldEditor
              key={field.tensor.name}
              field={field}
              draft={draft}
              problem={problems.find(({ field: name }) => name === field.tensor.name)}
              onChange={change}
            />
          ))}
          <p class="actions">
            <button type="submit" class="primary" disabled={asking || client === undefined || caught === 'yes'}>
              Ask, sealed
            </button>
            {asking ? (
              <button type="button" onClick={() => stop.current?.abort()}>
                Stop
              </button>
            ) : null}
            {client === undefined ? <span class="soft">Choose a policy first.</span> : null}
          </p>
        </form>
      </Card>
      <div aria-live="polite">
        {asking ? <Busy what="proving the worker, then asking it; nothing is shown before it is proven" /> : null}
        {outcome.kind === 'answered' ? (
          <TensorAnswer
            result={outcome.result}
            expected={outcome.expected}
            input={outcome.asked === draft ? 'above' : 'changed-since'}
          />
        ) : null}
      </div>
      {outcome.kind === 'failed' ? <FailurePanel of="this answer" error={outcome.error} /> : null}
    </>
  );
}
