import type { VNode } from 'preact';
import type { ReleaseFacts, Verified } from '../../../../../verifier/index.ts';
import type { Manifest, ManifestTensor } from '../../../../../wire/message/manifest.ts';
import { Card } from '../../parts/card.tsx';
import { FactList } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { countWords } from '../../parts/words.ts';
import { shapeText } from '../play/tensor/shape.ts';
import { visible } from './card/visible.ts';

export function AboutRelease({ facts: { modelId, manifest } }: { readonly facts: Verified<ReleaseFacts> }): VNode {
  const { owner, circuit } = manifest;
  return (
    <Card title="About" aside={<span class="tag">signed by the owner</span>}>
      <FactList
        facts={[
          { label: 'Description', value: visible(manifest.description) || 'none' },
          { label: 'Model id', value: <Hex value={modelId} name="model id" size="full" /> },
          { label: 'Owner’s key', value: <Hex value={owner} name="owner’s key" size="full" /> },
          { label: 'Kind', value: manifest.kind },
          { label: 'Licence', value: visible(manifest.licence) },
          { label: 'Task', value: visible(manifest.task) || 'none' },
          { label: 'Tags', value: manifest.tags.map(visible).join(', ') || 'none' },
          {
            label: 'Circuit',
            value:
              circuit === null ? 'none: answers are not proved by mathematics' : <Hex value={circuit} name="circuit" />,
          },
        ]}
      />
    </Card>
  );
}

export function TensorsOf({ manifest }: { readonly manifest: Manifest }): VNode | null {
  const { inputs, outputs } = manifest;
  if (inputs.length + outputs.length === 0) return null;
  return (
    <Card title="Inputs and outputs">
      <table class="data">
        <thead>
          <tr>
            <th scope="col">Direction</th>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Shape</th>
          </tr>
        </thead>
        <tbody>
          {inputs.map((tensor) => (
            <TensorRow key={`in ${tensor.name}`} direction="input" tensor={tensor} />
          ))}
          {outputs.map((tensor) => (
            <TensorRow key={`out ${tensor.name}`} direction="output" tensor={tensor} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function TensorRow({ direction, tensor }: { readonly direction: string; readonly tensor: ManifestTensor }): VNode {
  return (
    <tr>
      <td>{direction}</td>
      <td>
        <code>{visible(tensor.name)}</code>
      </td>
      <td>{tensor.datatype}</td>
      <td>
        <code>{tensor.shape.length === 0 ? 'one value' : shapeText(tensor.shape)}</code>
      </td>
    </tr>
  );
}

export function ExecutionOf({ manifest: { execution, limits, entry } }: { readonly manifest: Manifest }): VNode {
  const rows = execution.batchRows;
  return (
    <Card title="Execution">
      <FactList
        facts={[
          { label: 'Engine', value: execution.engine },
          { label: 'Loads', value: <code>{entry}</code> },
          { label: 'Optimisation', value: execution.optimisation },
          { label: 'Threads', value: String(execution.threads) },
          {
            label: 'Rows together',
            value:
              rows === 1
                ? 'each request alone'
                : `up to ${rows}, of whatever requests: the owner promises that they do not depend on each other`,
          },
          { label: 'Memory', value: `at most ${countWords(Math.ceil(limits.memoryBytes / 1_048_576))} MiB` },
          { label: 'Time', value: `at most ${countWords(limits.runMilliseconds)} ms for one run` },
        ]}
      />
    </Card>
  );
}
