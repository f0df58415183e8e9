import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { HostTransport } from '../../../../../client/transport.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { Busy } from '../../parts/busy.tsx';
import { Hex } from '../../parts/hex.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { FailurePanel } from '../play/failure-panel.tsx';
import { visible } from './card/visible.ts';
import { searchHub } from './hub-release.ts';
import { HubReleasePage } from './hub-release-page.tsx';

interface Asked {
  readonly text: string;
  readonly cursor: bigint | null;
}

/** A hub is asked and not believed: what it lists are claims until a release is looked at. */
export function HubBrowser({ hub }: { readonly hub: HostTransport }): VNode {
  const [typed, setTyped] = useState('');
  const [asked, setAsked] = useState<Asked>({ text: '', cursor: null });
  const [chosen, setChosen] = useState<Uint8Array>();
  if (chosen !== undefined) {
    return (
      <>
        <p>
          <button type="button" class="quiet" onClick={() => setChosen(undefined)}>
            back to what was found
          </button>
        </p>
        <HubReleasePage key={toHex(chosen)} hub={hub} modelId={chosen} onChoose={setChosen} />
      </>
    );
  }
  return (
    <>
      <form
        class="model-search"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked({ text: typed.trim(), cursor: null });
        }}
      >
        <label>
          Search the hub
          <input
            type="search"
            maxLength={128}
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
      </form>
      <Found hub={hub} asked={asked} onChoose={setChosen} onMore={(cursor) => setAsked({ ...asked, cursor })} />
    </>
  );
}

interface FoundProps {
  readonly hub: HostTransport;
  readonly asked: Asked;
  readonly onChoose: (modelId: Uint8Array) => void;
  readonly onMore: (cursor: bigint) => void;
}

function Found({ hub, asked, onChoose, onMore }: FoundProps): VNode {
  const found = useLoaded(() => searchHub(hub, asked.text, asked.cursor), [hub, asked]);
  if (found.kind === 'loading') return <Busy what="asking the hub" />;
  if (found.kind === 'failed') return <FailurePanel of="what the hub lists" error={found.error} />;
  const { releases, next } = found.value;
  if (releases.length === 0) return <p>The hub finds nothing.</p>;
  return (
    <>
      <p class="soft">
        <span class="tag host-word">hub’s word</span> until a release is looked at: then its signature is checked.
      </p>
      <ul class="releases">
        {releases.map(({ modelId, namespace, name, version, kind, description, licence, status }) => (
          <li key={toHex(modelId)} class="release">
            <p class="release-head">
              <button type="button" onClick={() => onChoose(modelId)}>
                {namespace}/{name} {version}
              </button>{' '}
              <span class="tag">{kind}</span> <span class="tag host-word">{status}</span>
            </p>
            <p>{visible(description)}</p>
            <p class="soft">
              {visible(licence)} · <Hex value={modelId} name="model id" />
            </p>
          </li>
        ))}
      </ul>
      {next === null ? null : (
        <button type="button" onClick={() => onMore(next)}>
          Show the next ones
        </button>
      )}
    </>
  );
}
