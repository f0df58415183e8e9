import { hull } from '../integer/bounds.ts';
import type { Bounded, Dense } from '../integer/program.ts';
import { rectifier, type Template, templateText } from './rectify.ts';

/**
 * A linear layer is free in a system of linear combinations: one row for each output. Weights lie in arrays and sums in
 * loops, because the compiler ends its memory on wide expressions that are written out.
 */
export function denseTemplates(name: string, { layer, sums }: Bounded<Dense>): readonly Template[] {
  const { weights, bias, rectify } = layer;
  const rows = weights.length;
  const columns = weights[0]?.length ?? 0;
  // One rectifier for all outputs: their bits differ by one or two.
  const through = rectify === 'none' ? 'identity' : rectifier(hull(sums), rectify);
  const own = typeof through === 'string' ? [] : [through];
  const lines = [
    ...[`signal input in[${columns}];`, `signal output out[${rows}];`],
    `var W[${rows}][${columns}] = [${weights.map((row) => `[${row.join(',')}]`).join(',')}];`,
    `var B[${rows}] = [${bias.join(',')}];`,
    ...own.map(() => `component value[${rows}];`),
    `for (var to = 0; to < ${rows}; to++) {`,
    '  var sum = B[to];',
    `  for (var from = 0; from < ${columns}; from++) { sum += W[to][from] * in[from]; }`,
    ...(typeof through === 'string'
      ? [through === 'zero' ? '  out[to] <== 0;' : '  out[to] <== sum;']
      : [`  value[to] = ${through.name}();`, '  value[to].in <== sum;', '  out[to] <== value[to].out;']),
    '}',
  ];
  const each = own.reduce((all, { constraints }) => all + constraints, 1);
  return [...own, { name, text: templateText(name, lines), constraints: rows * each }];
}
