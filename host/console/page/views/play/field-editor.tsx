import type { VNode } from 'preact';
import { useId } from 'preact/hooks';
import { visible } from '../models/card/visible.ts';
import {
  CELLS_SHOWN,
  type Draft,
  type DraftProblem,
  type FieldDraft,
  setCell,
  setSize,
  setText,
  toggleText,
} from './tensor/draft.ts';
import { concreteShape, shapeText } from './tensor/shape.ts';

/** How many of each free dimension there are. */
export function SizeEditor({
  draft,
  onChange,
}: {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}): VNode | null {
  const names = Object.keys(draft.sizes);
  if (names.length === 0) return null;
  return (
    <fieldset class="sizes">
      <legend>Free dimensions</legend>
      {names.map((name) => (
        <label key={name}>
          {visible(name)}{' '}
          <input
            type="number"
            min={0}
            step={1}
            value={draft.sizes[name] ?? 1}
            onInput={({ currentTarget }) => onChange(setSize(draft, name, currentTarget.valueAsNumber))}
          />
        </label>
      ))}
    </fieldset>
  );
}

export interface FieldEditorProps {
  readonly field: FieldDraft;
  readonly draft: Draft;
  readonly problem: DraftProblem | undefined;
  readonly onChange: (draft: Draft) => void;
}

export function FieldEditor({ field, draft, problem, onChange }: FieldEditorProps): VNode {
  const { tensor, text, cells } = field;
  const { name, datatype, shape } = tensor;
  const concrete = concreteShape(shape, draft.sizes);
  const told = field.problem ?? problem?.detail;
  const id = useId();
  return (
    <fieldset class="field">
      <legend>
        <code>{visible(name)}</code>{' '}
        <span class="soft">{`${datatype}${shape.length === 0 ? '' : shapeText(shape)}`}</span>
      </legend>
      <p class="field-tools">
        <button
          type="button"
          class="quiet"
          disabled={text !== null && (field.problem !== null || cells.length > CELLS_SHOWN)}
          onClick={() => onChange(toggleText(draft, name))}
        >
          {text === null ? 'write or paste as text' : 'show as cells'}
        </button>
      </p>
      {text === null ? (
        <Cells
          field={field}
          width={concrete.at(-1) ?? 1}
          wrong={problem?.cell ?? null}
          draft={draft}
          onChange={onChange}
        />
      ) : (
        <>
          <label for={id}>
            Values <span class="soft">as JSON, or in lines with commas, tabs or spaces</span>
          </label>
          <textarea
            id={id}
            rows={6}
            spellcheck={false}
            value={text}
            aria-invalid={told !== undefined}
            onInput={({ currentTarget }) => onChange(setText(draft, name, currentTarget.value))}
          />
        </>
      )}
      {told === undefined ? null : (
        <p class="problem" role="alert">
          {problem?.cell === null || problem?.cell === undefined || field.problem !== null
            ? ''
            : `Value ${problem.cell + 1} `}
          {visible(told)}
        </p>
      )}
    </fieldset>
  );
}

interface CellsProps {
  readonly field: FieldDraft;
  readonly draft: Draft;
  readonly width: number;
  readonly wrong: number | null;
  readonly onChange: (draft: Draft) => void;
}

function Cells({ field, draft, width, wrong, onChange }: CellsProps): VNode {
  const { cells, tensor } = field;
  if (cells.length === 0) return <p class="soft">No values: a dimension is 0.</p>;
  const step = Math.max(1, width);
  const rows = Array.from({ length: Math.ceil(cells.length / step) }, (_, row) => row);
  return (
    <div class="cells">
      {rows.map((row) => (
        <div key={row} class="cell-row">
          {cells.slice(row * step, (row + 1) * step).map((text, column) => {
            const cell = row * step + column;
            return (
              <input
                key={column}
                type="text"
                inputMode={tensor.datatype === 'BYTES' || tensor.datatype === 'BOOL' ? 'text' : 'decimal'}
                aria-label={`${tensor.name}, row ${row + 1}, value ${column + 1}`}
                aria-invalid={cell === wrong}
                value={text}
                onInput={({ currentTarget }) =>
                  onChange(setCell(draft, tensor.name, { cell, text: currentTarget.value }))
                }
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}
