import type { VNode } from 'preact';
import { ReleaseList } from './release-list.tsx';
import { ReleasePage } from './release-page.tsx';

export function ModelsView({ modelId }: { readonly modelId: string | undefined }): VNode {
  return modelId === undefined ? <ReleaseList /> : <ReleasePage key={modelId} modelId={modelId} />;
}
