import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Client } from '../../../../../client/client.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useClient, useConnection, usePolicy } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { hrefOf } from '../../routes.ts';
import { publishersOf } from '../models/policy-words.ts';
import { idOf, readRelease, type ShownRelease } from '../models/releases.ts';
import { ChatPlay } from './chat/chat-play.tsx';
import { FailurePanel } from './failure-panel.tsx';
import { TensorPlay } from './tensor-play.tsx';

export function PlayView({ modelId }: { readonly modelId: string }): VNode {
  return <Playground key={modelId} modelId={modelId} />;
}

function Playground({ modelId }: { readonly modelId: string }): VNode {
  const { transport } = useConnection();
  const policy = usePolicy();
  const client = useClient();
  const publishers = useMemo(() => publishersOf(policy), [policy]);
  const loaded = useLoaded(
    () => readRelease(transport, idOf(modelId), { publishers, suite: webSuite }),
    [transport, modelId, publishers],
  );
  return (
    <>
      <p>
        <a href={hrefOf({ view: 'models', modelId })}>About this model</a>
      </p>
      <PolicyPicker />
      {loaded.kind === 'loading' ? <Busy what="asking the host for the release" /> : null}
      {loaded.kind === 'failed' ? <FailurePanel of="this release" error={loaded.error} /> : null}
      {loaded.kind === 'ready' ? <Ready shown={loaded.value} client={client} /> : null}
    </>
  );
}

function Ready({ shown, client }: { readonly shown: ShownRelease; readonly client: Client | undefined }): VNode {
  const { manifest } = shown.facts;
  // A client that has caught somebody asks there no more: neither does its page.
  const [caught, setCaught] = useState<'no' | 'yes'>('no');
  const call = { client, release: shown.facts, caught, onCaught: () => setCaught('yes') };
  return (
    <>
      <h2 class="release-title">
        {manifest.name} {manifest.version}
      </h2>
      {manifest.kind === 'tensor' ? <TensorPlay {...call} /> : <ChatPlay {...call} />}
      {caught === 'yes' ? (
        <p class="soft">
          Nothing more is sent to this host while this page is open. Load the page again to ask it all the same.
        </p>
      ) : null}
    </>
  );
}
