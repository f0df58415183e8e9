import type { VNode } from 'preact';
import { CheckList } from './check-list.tsx';
import { actionWords, explain } from './explain.ts';
import { plainText } from './words.ts';

export interface ProblemProps {
  /** What did not work, as a sentence without its end. */
  readonly title: string;
  readonly error: unknown;
}

export function Problem({ title, error }: ProblemProps): VNode {
  const { code, reason, message, action, checks } = explain(error);
  return (
    <div class={`problem${action === 'stop-trusting' ? ' distrust' : ''}`} role="alert">
      <p>
        <strong>{title}</strong> <code>{code}</code>
        {reason === undefined ? null : <code>{plainText(reason)}</code>}
      </p>
      <p>{plainText(message)}</p>
      {action === undefined ? null : <p class="soft">{actionWords[action]}</p>}
      {checks.length === 0 ? null : (
        <details>
          <summary>Every check of it</summary>
          <CheckList title="Checks" checks={checks} />
        </details>
      )}
    </div>
  );
}
