import type { VNode } from 'preact';
import { useConnection, usePolicy } from '../../connection/context.tsx';
import { askServedModels, type ServedModel } from '../../fleet/served-models.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { Hex } from '../../parts/hex.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { Problem } from '../../parts/problem.tsx';
import { plainText } from '../../parts/words.ts';
import { hrefOf } from '../../routes.ts';
import { usePolled } from './use-polled.ts';

/** Releases change when an operator changes them. */
const POLL_MS = 60_000;

export function ServedModels(): VNode {
  const { transport } = useConnection();
  const policy = usePolicy();
  const chosen = policy.kind === 'chosen' ? policy.policy : undefined;
  const polled = usePolled(() => askServedModels(transport, chosen), POLL_MS, [transport, chosen]);
  return (
    <Card title="Models">
      {polled.kind === 'asking' ? <Busy what="asking the host which models it serves" /> : null}
      {polled.kind === 'failed' ? (
        <Problem title="The host does not say which models it serves." error={polled.error} />
      ) : null}
      {polled.kind === 'answered' && polled.value.length === 0 ? (
        <p>
          None <HostWord />
        </p>
      ) : null}
      {polled.kind === 'answered' && polled.value.length > 0 ? (
        <ul class="plain rows">
          {polled.value.map((model) => (
            <Model key={model.modelId} model={model} />
          ))}
        </ul>
      ) : null}
    </Card>
  );
}

function Model({ model: { modelId, name, version, standing } }: { readonly model: ServedModel }): VNode {
  return (
    <li>
      <a href={hrefOf({ view: 'models', modelId })}>
        {plainText(name)} {plainText(version)}
      </a>{' '}
      {standing.kind === 'claimed' ? <HostWord /> : null}
      {standing.kind === 'signed' ? <span class="tag proven">signed by a publisher you accept</span> : null}
      {standing.kind === 'refused' ? (
        <span class="tag broken">
          refused: <code>{standing.code}</code>
        </span>
      ) : null}{' '}
      <Hex value={modelId} name={`model id of ${plainText(name)}`} />
    </li>
  );
}
