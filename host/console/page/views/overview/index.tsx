import type { VNode } from 'preact';

export function OverviewView(): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
