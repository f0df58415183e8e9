import type { VNode } from 'preact';

export function AuditView(): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
