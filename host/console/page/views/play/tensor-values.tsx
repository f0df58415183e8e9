import type { VNode } from 'preact';
import type { Tensor } from '../../../../../wire/message/tensor.ts';
import { visible } from '../models/card/visible.ts';
import { textsOf } from './tensor/draft.ts';
import { shapeText } from './tensor/shape.ts';

/** Values that are drawn; a file has all of them. */
const SHOWN = 256;

export function TensorValues({ tensors }: { readonly tensors: readonly Tensor[] }): VNode {
  return (
    <dl class="tensors">
      {tensors.map((tensor) => (
        <Values key={tensor.name} tensor={tensor} />
      ))}
    </dl>
  );
}

function Values({ tensor }: { readonly tensor: Tensor }): VNode {
  const { name, datatype, shape } = tensor;
  const texts = textsOf(tensor);
  const cells = 'cells' in texts ? texts.cells : [];
  return (
    <div>
      <dt>
        <code>{visible(name)}</code>{' '}
        <span class="soft">
          {datatype}
          {shape.length === 0 ? '' : shapeText(shape)}
        </span>
      </dt>
      <dd>
        {'detail' in texts ? (
          <span class="soft">{texts.detail}</span>
        ) : (
          <Rows cells={cells} width={shape.at(-1) ?? 1} />
        )}
        {cells.length > SHOWN ? <p class="soft">and {cells.length - SHOWN} more</p> : null}
      </dd>
    </div>
  );
}

function Rows({ cells, width }: { readonly cells: readonly string[]; readonly width: number }): VNode {
  const shown = cells.slice(0, SHOWN);
  const step = Math.max(1, width);
  const rows = Array.from({ length: Math.ceil(shown.length / step) }, (_, row) =>
    shown.slice(row * step, (row + 1) * step),
  );
  return (
    <ol class="value-rows">
      {rows.map((row, at) => (
        <li key={at}>
          {row.map((cell, column) => (
            <code key={column}>{visible(cell)}</code>
          ))}
        </li>
      ))}
    </ol>
  );
}
