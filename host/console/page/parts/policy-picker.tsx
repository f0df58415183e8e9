import type { VNode } from 'preact';
import { useId, useState } from 'preact/hooks';
import { limits } from '../../../../wire/limits.ts';
import { usePolicy, usePolicyActions } from '../connection/context.tsx';
import { FileDrop } from './file-drop.tsx';
import { Problem } from './problem.tsx';

/** Where nothing is accepted yet: says so, and takes a policy as a file or as text. */
export function PolicyPicker(): VNode {
  const policy = usePolicy();
  const { choosePolicy, forgetPolicy } = usePolicyActions();
  const [error, setError] = useState<unknown>();
  const choose = (text: string): void => {
    try {
      choosePolicy(text);
      setError(undefined);
    } catch (failure) {
      setError(failure);
    }
  };
  if (policy.kind === 'chosen') {
    const { name, tee } = policy.policy;
    return (
      <p class="policy-line">
        Policy <strong>{name}</strong> for <code>{tee}</code>, from{' '}
        {policy.source === 'user package' ? 'the file you named when starting the console' : 'this browser'}{' '}
        {policy.source === 'this browser' ? (
          <button type="button" class="quiet" onClick={forgetPolicy}>
            forget it
          </button>
        ) : null}
      </p>
    );
  }
  return (
    <section class="card policy-picker" aria-label="Policy">
      <p>
        <strong>No policy chosen: nothing is accepted.</strong> A policy says which images, configurations and
        publishers you accept. It is yours: take none from a host.
      </p>
      <FileDrop
        label="Policy file"
        hint="JSON, as proofmark audit --policy takes it. It stays in this browser."
        accept=".json,application/json"
        maxBytes={limits.policyBytes}
        onFile={({ bytes }) => choose(new TextDecoder().decode(bytes))}
      />
      <PastedPolicy onText={choose} />
      {error === undefined ? null : <Problem title="That is no policy." error={error} />}
    </section>
  );
}

function PastedPolicy({ onText }: { readonly onText: (text: string) => void }): VNode {
  const id = useId();
  const [text, setText] = useState('');
  return (
    <details>
      <summary>Or paste it</summary>
      <label for={id}>Policy as JSON</label>
      <textarea
        id={id}
        rows={8}
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="button" disabled={text.trim() === ''} onClick={() => onText(text)}>
        Use this policy
      </button>
    </details>
  );
}
