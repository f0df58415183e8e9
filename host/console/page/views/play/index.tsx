import type { VNode } from 'preact';

export function PlayView(_props: { readonly modelId: string }): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
