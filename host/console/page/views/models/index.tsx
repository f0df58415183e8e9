import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { useConnection } from '../../connection/context.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { HubBrowser } from './hub-browser.tsx';
import { ReleaseList } from './release-list.tsx';
import { ReleasePage } from './release-page.tsx';

const PLACES = [
  { name: 'host', title: 'At this host' },
  { name: 'hub', title: 'On the hub' },
] as const;

export function ModelsView({ modelId }: { readonly modelId: string | undefined }): VNode {
  const { hub } = useConnection();
  const [place, setPlace] = useState('host');
  if (modelId !== undefined) return <ReleasePage key={modelId} modelId={modelId} />;
  if (hub === undefined) return <ReleaseList />;
  return (
    <Tabs label="Where models are looked for" tabs={PLACES} chosen={place} onChoose={setPlace}>
      {place === 'hub' ? <HubBrowser hub={hub} /> : <ReleaseList />}
    </Tabs>
  );
}
