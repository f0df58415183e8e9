import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { ProvenRelease } from '../../../../../client/hub/release.ts';
import type { HostTransport } from '../../../../../client/transport.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { usePolicy } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { FailurePanel } from '../play/failure-panel.tsx';
import { CardOf } from './card-of.tsx';
import { FilesOf } from './files.tsx';
import { hubVersions, readHubRelease } from './hub-release.ts';
import { publishersOf } from './policy-words.ts';
import { AboutRelease, ExecutionOf, TensorsOf } from './release-facts.tsx';
import { ReleaseVerdict } from './release-page.tsx';
import { StandingVerdict } from './standing-verdict.tsx';
import { seenStatuses } from './status-memory.ts';

export interface HubReleaseProps {
  readonly hub: HostTransport;
  readonly modelId: Uint8Array;
  readonly onChoose: (modelId: Uint8Array) => void;
}

/** What a hub has of a release, drawn as far as it is proven. */
export function HubReleasePage({ hub, modelId, onChoose }: HubReleaseProps): VNode {
  const policy = usePolicy();
  const publishers = useMemo(() => publishersOf(policy), [policy]);
  const loaded = useLoaded(
    () => readHubRelease(hub, modelId, { publishers, memory: seenStatuses, suite: webSuite }),
    [hub, toHex(modelId), publishers],
  );
  if (loaded.kind === 'loading') return <Busy what="asking the hub for the release" />;
  if (loaded.kind === 'failed') return <FailurePanel of="this release" error={loaded.error} />;
  const { shown, standing, hub: found } = loaded.value;
  const { manifest } = shown.facts;
  return (
    <>
      <h2 class="release-title">
        {manifest.name} {manifest.version}
      </h2>
      <p class="soft">
        Under <code>{found.namespace}</code> <span class="tag host-word">hub’s word</span>
      </p>
      <ReleaseVerdict shown={shown} policy={policy} />
      <PolicyPicker />
      <StandingVerdict standing={standing} />
      <AboutRelease facts={shown.facts} />
      <TensorsOf manifest={manifest} />
      {found.form === 'plain' ? (
        <CardOf from={{ host: hub, release: shown.facts, suite: webSuite, under: '/v1/hub/releases' }} />
      ) : (
        <p class="soft">Encrypted: only a worker that gets its key can read its files.</p>
      )}
      <ExecutionOf manifest={manifest} />
      <HubVersionsOf hub={hub} release={found} onChoose={onChoose} />
      <FilesOf manifest={manifest} />
    </>
  );
}

interface VersionsProps {
  readonly hub: HostTransport;
  readonly release: ProvenRelease;
  readonly onChoose: (modelId: Uint8Array) => void;
}

function HubVersionsOf({ hub, release, onChoose }: VersionsProps): VNode {
  const listed = useLoaded(() => hubVersions(hub, release), [hub, release]);
  if (listed.kind === 'loading') return <Busy what="asking the hub for its versions" />;
  if (listed.kind === 'failed') return <FailurePanel of="the versions" error={listed.error} />;
  const own = toHex(release.facts.modelId);
  return (
    <Card title="Versions" aside={<span class="tag host-word">hub’s word</span>}>
      <ul class="plain">
        {listed.value.map(({ version, modelId, status }) => (
          <li key={toHex(modelId)}>
            {toHex(modelId) === own ? (
              <strong aria-current="page">{version}, this one</strong>
            ) : (
              <button type="button" class="quiet" onClick={() => onChoose(modelId)}>
                {version}
              </button>
            )}{' '}
            <span class="soft">{status}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
