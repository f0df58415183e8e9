import type { VNode } from 'preact';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { useConnection } from '../../connection/context.tsx';
import { listReleases } from '../../connection/served-releases.ts';
import { Card } from '../../parts/card.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { hrefOf } from '../../routes.ts';
import { visible } from './card/visible.ts';
import { siblingsOf } from './releases.ts';

/** Others of the same name, by which each can be looked at. */
export function VersionsOf({ release }: { readonly release: Verified<ReleaseFacts> }): VNode | null {
  const { transport } = useConnection();
  const listed = useLoaded(() => listReleases(transport), [transport]);
  if (listed.kind !== 'ready') return null;
  const own = toHex(release.modelId);
  return (
    <Card title="Versions here" aside={<HostWord />}>
      <ul class="plain">
        {siblingsOf(listed.value, release.manifest.name).map(({ modelId, version }) => (
          <li key={toHex(modelId)}>
            {toHex(modelId) === own ? (
              <strong aria-current="page">{visible(version)}, this one</strong>
            ) : (
              <a href={hrefOf({ view: 'models', modelId: toHex(modelId) })}>{visible(version)}</a>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
