import type { ComponentChildren, VNode } from 'preact';
import { useId, useState } from 'preact/hooks';
import { parseWorkerPolicy, type WorkerPolicy } from '../../../../../verifier/index.ts';
import { limits } from '../../../../../wire/limits.ts';
import { Card } from '../../parts/card.tsx';
import { FileDrop } from '../../parts/file-drop.tsx';
import { Problem } from '../../parts/problem.tsx';
import { plainText } from '../../parts/words.ts';
import { problemIn, type Wishes, wishProblems } from './ask.ts';

export interface WishesFormProps {
  readonly wishes: Wishes;
  readonly onWishes: (wishes: Wishes) => void;
  readonly page: WorkerPolicy | undefined;
  readonly file: WorkerPolicy | undefined;
  readonly onFile: (policy: WorkerPolicy) => void;
}

export function WishesForm({ wishes, onWishes, page, file, onFile }: WishesFormProps): VNode {
  const problem = problemIn(wishes);
  const change = (changes: Partial<Wishes>): void => onWishes({ ...wishes, ...changes });
  return (
    <Card title="What it is judged by">
      <div class="wishes">
        <Select label="Policy" value={wishes.policy} onValue={(policy) => change({ policy })}>
          <option value="page">
            {page === undefined ? 'of this page: none chosen' : `of this page: ${plainText(page.name)}`}
          </option>
          <option value="shipped">shipped default: accepts no image</option>
          <option value="file">{file === undefined ? 'another file' : `file: ${plainText(file.name)}`}</option>
        </Select>
        <Select label="Purpose" value={wishes.purpose} onValue={(purpose) => change({ purpose })}>
          <option value="live">live: is it valid at one time</option>
          <option value="archive">archive: was it valid when it was made</option>
        </Select>
        <Field
          label="Time, UTC"
          hint={wishes.purpose === 'live' ? 'empty: now' : 'its own, for an archive'}
          value={wishes.at}
          disabled={wishes.purpose === 'archive'}
          placeholder="2026-01-31T12:00:00Z"
          problem={problem === 'time_invalid' ? wishProblems[problem] : undefined}
          onValue={(at) => change({ at })}
        />
        <Field
          label="Expected challenge"
          hint="empty: any, so the evidence may be a copy"
          value={wishes.challenge}
          placeholder="64 hex digits"
          problem={problem === 'challenge_invalid' ? wishProblems[problem] : undefined}
          onValue={(challenge) => change({ challenge })}
        />
      </div>
      {wishes.policy === 'file' ? <PolicyFile onFile={onFile} /> : null}
      {wishes.policy === 'page' && page === undefined ? (
        <p class="soft">
          No policy is chosen on this page, so the shipped default is asked. Choose one on the overview, or drop a file.
        </p>
      ) : null}
    </Card>
  );
}

function PolicyFile({ onFile }: { readonly onFile: (policy: WorkerPolicy) => void }): VNode {
  const [error, setError] = useState<unknown>();
  return (
    <>
      <FileDrop
        label="Policy for this audit"
        hint="JSON, as proofmark audit --policy takes it. The page's own policy stays what it is."
        accept=".json,application/json"
        maxBytes={limits.policyBytes}
        onFile={({ bytes }) => {
          try {
            onFile(parseWorkerPolicy(bytes));
            setError(undefined);
          } catch (failure) {
            setError(failure);
          }
        }}
      />
      {error === undefined ? null : <Problem title="That is no policy." error={error} />}
    </>
  );
}

interface SelectProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly onValue: (value: Value) => void;
  readonly children: ComponentChildren;
}

function Select<Value extends string>({ label, value, onValue, children }: SelectProps<Value>): VNode {
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value as Value)}>
        {children}
      </select>
    </div>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly placeholder: string;
  readonly disabled?: boolean;
  readonly problem: string | undefined;
  readonly onValue: (value: string) => void;
}

function Field({ label, hint, value, placeholder, disabled = false, problem, onValue }: FieldProps): VNode {
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={value}
        placeholder={placeholder}
        disabled={disabled}
        aria-describedby={`${id}-hint`}
        aria-invalid={problem !== undefined}
        onInput={({ currentTarget }) => onValue(currentTarget.value.trim())}
      />
      <p id={`${id}-hint`} class={problem === undefined ? 'soft hint' : 'hint wrong'}>
        {problem ?? hint}
      </p>
    </div>
  );
}
