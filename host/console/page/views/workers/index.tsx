import type { VNode } from 'preact';

export function WorkersView(_props: { readonly log: string | undefined }): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
