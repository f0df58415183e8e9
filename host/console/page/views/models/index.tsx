import type { VNode } from 'preact';

export function ModelsView(_props: { readonly modelId: string | undefined }): VNode {
  return <p class="soft">Nothing is shown here yet.</p>;
}
