import type { VNode } from 'preact';
import { useId } from 'preact/hooks';
import type { WishProblems, WishTexts } from './wishes.ts';

export interface WishFieldsProps {
  readonly texts: WishTexts;
  readonly problems: WishProblems;
  readonly onChange: (texts: WishTexts) => void;
}

const FIELDS = [
  { name: 'temperature', label: 'Temperature', hint: '0 to 2; empty leaves it to the release' },
  { name: 'seed', label: 'Seed', hint: 'empty draws one for each answer, and shows it' },
  { name: 'maxTokens', label: 'Most tokens', hint: 'empty leaves it to the release' },
] as const;

/** How answers are to be made. All of it is part of what the receipt covers. */
export function WishFields({ texts, problems, onChange }: WishFieldsProps): VNode {
  const id = useId();
  return (
    <details open={Object.keys(problems).length > 0}>
      <summary>How it is to answer</summary>
      <label for={`${id}-system`}>Instructions</label>
      <textarea
        id={`${id}-system`}
        rows={2}
        value={texts.system}
        onInput={({ currentTarget }) => onChange({ ...texts, system: currentTarget.value })}
      />
      <div class="wishes">
        {FIELDS.map(({ name, label, hint }) => (
          <div key={name}>
            <label for={`${id}-${name}`}>{label}</label>
            <input
              id={`${id}-${name}`}
              type="text"
              inputMode="decimal"
              value={texts[name]}
              aria-invalid={problems[name] !== undefined}
              aria-describedby={`${id}-${name}-hint`}
              onInput={({ currentTarget }) => onChange({ ...texts, [name]: currentTarget.value })}
            />
            <p id={`${id}-${name}-hint`} class="soft">
              {problems[name] ?? hint}
            </p>
          </div>
        ))}
      </div>
    </details>
  );
}
