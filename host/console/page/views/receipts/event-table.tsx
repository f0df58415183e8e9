import type { ComponentChildren, VNode } from 'preact';

export interface EventTableProps {
  readonly caption: string;
  /** What is said where there are no rows. */
  readonly absent: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
}

export function EventTable({ caption, absent, names, rows }: EventTableProps): VNode {
  if (rows.length === 0)
    return (
      <p class="soft">
        {caption}: {absent}.
      </p>
    );
  return (
    <div class="scrolls">
      <table class="figures">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => (
                <td key={names[at]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
