import type { VNode } from 'preact';

export function ReceiptsView(_props: { readonly requestId: string | undefined }): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
