import type { ComponentChildren, VNode } from 'preact';
import { useId } from 'preact/hooks';

export interface CardProps {
  readonly title: string;
  /** Beside the title: tags. */
  readonly aside?: ComponentChildren;
  /** At the right of the title: buttons. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Card({ title, aside, actions, children }: CardProps): VNode {
  const id = useId();
  return (
    <section class="card" aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
        {actions === undefined ? null : <div class="card-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
