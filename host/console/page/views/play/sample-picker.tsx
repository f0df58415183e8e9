import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection } from '../../connection/context.tsx';
import { readSample, type Sample } from '../models/samples.ts';
import { FailurePanel } from './failure-panel.tsx';

export interface SamplePickerProps {
  readonly release: Verified<ReleaseFacts>;
  readonly onSample: (sample: Sample) => void;
}

/** Fills a form with one of the owner's own examples. */
export function SamplePicker({ release, onSample }: SamplePickerProps): VNode | null {
  const { transport } = useConnection();
  const [error, setError] = useState<unknown>();
  const { samples } = release.manifest;
  if (samples.length === 0) return null;
  const take = async (index: number): Promise<void> => {
    try {
      onSample(await readSample({ host: transport, release, suite: webSuite }, index));
      setError(undefined);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <>
      <fieldset class="sample-choice">
        <legend>Fill with sample</legend>
        {samples.map(({ request }, index) => (
          <button
            key={request}
            type="button"
            aria-label={`Fill with sample ${index + 1}`}
            onClick={() => void take(index)}
          >
            {index + 1}
          </button>
        ))}
      </fieldset>
      {error === undefined ? null : <FailurePanel of="the sample" error={error} />}
    </>
  );
}
