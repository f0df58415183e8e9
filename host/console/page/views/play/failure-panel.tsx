import type { VNode } from 'preact';
import type { ClientAction } from '../../../../../client/errors.ts';
import { CheckList } from '../../parts/check-list.tsx';
import { Verdict, type VerdictWord } from '../../parts/verdict.tsx';
import { visible } from '../models/card/visible.ts';
import { type Failure, failureOf } from './failure.ts';

export interface FailurePanelProps {
  /** What there is none of, as "this answer". */
  readonly of: string;
  readonly error: unknown;
}

const HEADINGS: Readonly<Record<ClientAction, string>> = {
  'stop-trusting': 'Stop trusting: somebody showed something that cannot be genuine',
  retry: 'No answer: try again, or elsewhere',
  'fix-call': 'This cannot be done as it is',
};

const ADVICE: Readonly<Record<ClientAction, string>> = {
  'stop-trusting': 'Nothing of it is shown. Do not use anything that came from there until you know why.',
  retry: 'Nothing was proven, neither for nor against anybody.',
  'fix-call': 'The same again fails the same way: change it.',
};

/** What went wrong by its name, in one of three groups; who was caught cannot be overlooked. */
export function FailurePanel({ of, error }: FailurePanelProps): VNode {
  const failure = failureOf(error);
  const { action, code, reason } = failure;
  return (
    <section class={`failure ${action}`} role="alert" aria-label={HEADINGS[action]}>
      <p class="failure-heading">{HEADINGS[action]}</p>
      <p>{ADVICE[action]}</p>
      {action === 'stop-trusting' ? (
        <Verdict verdict={wordOf(error)} of={of} code={reason ?? code} meaning={failure.meaning}>
          <Named failure={failure} />
        </Verdict>
      ) : (
        <>
          <p>
            <code>{reason ?? code}</code> {failure.meaning}
          </p>
          <Named failure={failure} />
        </>
      )}
    </section>
  );
}

function Named({ failure }: { readonly failure: Failure }): VNode {
  const { code, reason, detail, failed, checks } = failure;
  return (
    <>
      <p class="soft">
        {reason === undefined ? null : (
          <>
            as <code>{code}</code>:{' '}
          </>
        )}
        {visible(detail)}
      </p>
      {failed === undefined ? null : (
        <p class="failed-check">
          Check <code>{failed.id}</code> failed: {failed.title} <span class="soft">({visible(failed.detail)})</span>
        </p>
      )}
      {checks.length === 0 ? null : (
        <details>
          <summary>Every check</summary>
          <CheckList title="Checks" checks={checks} />
        </details>
      )}
    </>
  );
}

/** The verifier's word where it spoke; what broke the protocol is no evidence of anything. */
function wordOf(error: unknown): VerdictWord {
  const verdict = typeof error === 'object' && error !== null && 'verdict' in error ? error.verdict : undefined;
  const word = typeof verdict === 'object' && verdict !== null && 'verdict' in verdict ? verdict.verdict : undefined;
  return word === 'malformed' || word === 'refused' ? word : 'untrusted';
}
