import type { ComponentChildren, VNode } from 'preact';

export interface ShownFact {
  readonly label: string;
  readonly value: ComponentChildren;
}

export function FactList({ facts }: { readonly facts: readonly ShownFact[] }): VNode {
  return (
    <dl class="facts">
      {facts.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
