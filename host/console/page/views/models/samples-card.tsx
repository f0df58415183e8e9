import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { hrefOf } from '../../routes.ts';
import { FailurePanel } from '../play/failure-panel.tsx';
import { TensorValues } from '../play/tensor-values.tsx';
import { visible } from './card/visible.ts';
import { readSample, type Sample } from './samples.ts';

/** What the owner says that the model answers to what. */
export function SamplesOf({ release }: { readonly release: Verified<ReleaseFacts> }): VNode | null {
  const { samples } = release.manifest;
  const [shown, setShown] = useState<number>();
  if (samples.length === 0) return null;
  return (
    <Card
      title="Samples"
      actions={<a href={hrefOf({ view: 'play', modelId: toHex(release.modelId) })}>Try them in the playground</a>}
    >
      <fieldset class="sample-choice" aria-label="Samples">
        {samples.map(({ request }, index) => (
          <button key={request} type="button" aria-pressed={index === shown} onClick={() => setShown(index)}>
            {index + 1}
          </button>
        ))}
      </fieldset>
      {shown === undefined ? null : <ShownSample key={shown} release={release} index={shown} />}
    </Card>
  );
}

function ShownSample({ release, index }: { readonly release: Verified<ReleaseFacts>; readonly index: number }): VNode {
  const { transport } = useConnection();
  const sample = useLoaded(() => readSample({ host: transport, release, suite: webSuite }, index), [transport, index]);
  if (sample.kind === 'loading') return <Busy what="fetching the sample" />;
  if (sample.kind === 'failed') return <FailurePanel of={`sample ${index + 1}`} error={sample.error} />;
  return <SampleText sample={sample.value} />;
}

function SampleText({ sample }: { readonly sample: Sample }): VNode {
  if (sample.kind === 'none') return <p class="soft">Sample not shown: {sample.why}.</p>;
  if (sample.kind === 'tensor') {
    return (
      <>
        <h3>Input</h3>
        <TensorValues tensors={sample.inputs} />
        <h3>Expected by the owner</h3>
        {sample.expected === undefined ? (
          <p class="soft">not shown</p>
        ) : (
          <TensorValues tensors={sample.expected.outputs} />
        )}
      </>
    );
  }
  const { input } = sample.request;
  const messages = input.kind === 'chat' ? input.messages : [{ role: 'prompt', content: input.prompt }];
  return (
    <dl class="facts">
      {messages.map(({ role, content }, at) => (
        <div key={at}>
          <dt>{role}</dt>
          <dd class="said">{visible(content)}</dd>
        </div>
      ))}
      <div>
        <dt>Expected by the owner</dt>
        <dd class="said">{sample.expected === undefined ? 'not shown' : visible(sample.expected)}</dd>
      </div>
    </dl>
  );
}
