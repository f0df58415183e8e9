import type { VNode } from 'preact';
import { Verdict } from '../../../parts/verdict.tsx';
import { visible } from '../../models/card/visible.ts';
import { AnswerTools } from '../answer-tools.tsx';
import { FailurePanel } from '../failure-panel.tsx';
import type { Turn } from './conversation.ts';
import { usageOf } from './follow.ts';

export interface TurnViewProps {
  readonly turn: Turn;
  /** What the owner of the model expects, where the question is its sample. */
  readonly expected: string | undefined;
}

/** A question and what came of it. What is not proven yet looks like it. */
export function TurnView({ turn, expected }: TurnViewProps): VNode {
  return (
    <li class="turn">
      <p class="question">
        <span class="visually-hidden">You: </span>
        {visible(turn.question)}
      </p>
      <Answer turn={turn} expected={expected} />
    </li>
  );
}

function Answer({ turn, expected }: TurnViewProps): VNode {
  const { state, text, seed } = turn;
  switch (state.kind) {
    case 'provisional':
      return (
        <div class="said provisional">
          <p class="tag">provisional: nobody has proven it yet</p>
          <p class="text" dir="auto">
            {visible(text)}
          </p>
        </div>
      );
    case 'verified':
      return <VerifiedAnswer turn={turn} expected={expected} />;
    case 'stopped':
      return (
        <div class="said stopped">
          <p class="tag">{state.receipt === undefined ? 'stopped, not proven' : 'stopped; its receipt is verified'}</p>
          {state.receipt === undefined ? (
            <p class="soft">No receipt came for what was said until then, so that it is not shown.</p>
          ) : (
            <>
              <p class="text" dir="auto">
                {visible(text)}
              </p>
              <p class="soft">
                leaf {state.receipt.index}, fee {String(state.receipt.fee)}, seed {seed}. The worker may have said more
                than had come here; the receipt covers that, too.
              </p>
            </>
          )}
        </div>
      );
    case 'failed':
      return <FailurePanel of="this answer" error={state.error} />;
  }
}

function VerifiedAnswer({ turn, expected }: TurnViewProps): VNode | null {
  const { state, text, seed } = turn;
  if (state.kind !== 'verified') return null;
  const { result, finish } = state;
  const usage = usageOf(result);
  return (
    <div class="said verified">
      <p class="text answer" dir="auto">
        {visible(text)}
      </p>
      {finish === 'length' ? <p class="soft">It ended at its limit of tokens.</p> : null}
      {expected === undefined ? null : (
        <p>
          {expected === text
            ? 'It is what the owner expects for this sample.'
            : `It is NOT what the owner expects for this sample: ${visible(expected)}`}
        </p>
      )}
      <Verdict
        verdict="accepted"
        of="this answer"
        level={result.worker.level}
        meaning="Every check passed: this is what the model that you named said to what you sent."
      >
        <AnswerTools
          result={result}
          facts={[
            {
              label: 'Tokens',
              value: usage === undefined ? 'not counted' : `${usage.prompt} read, ${usage.generated} generated`,
            },
            { label: 'Seed', value: String(seed) },
          ]}
        />
      </Verdict>
    </div>
  );
}
