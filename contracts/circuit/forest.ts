import { hull, type Interval } from '../integer/bounds.ts';
import type { Forest, Tree } from '../integer/forest.ts';
import type { Bounded } from '../integer/program.ts';
import { atMostTemplate, bitLength, type Template, templateText } from './rectify.ts';

/** Trees as lists: a branch has a comparison and two nodes before it, a leaf its values. */
interface Nodes {
  readonly comparisons: Map<string, { readonly feature: number; readonly threshold: bigint }>;
  readonly comparison: number[];
  readonly yes: number[];
  readonly no: number[];
  readonly leaves: (readonly bigint[])[];
}

/**
 * Each comparison is made once, and every branch chooses between what its two sides give. Both sides are computed, so a
 * circuit is as large as all trees together, however short the path of an input is.
 */
export function forestTemplates(
  name: string,
  { layer }: Bounded<Forest>,
  before: readonly Interval[],
): readonly Template[] {
  const { base, trees } = layer;
  const targets = base.length;
  const nodes: Nodes = { comparisons: new Map(), comparison: [], yes: [], no: [], leaves: [] };
  const roots = trees.map((tree) => add(nodes, tree, { before, none: base.map(() => 0n) }));
  const compared = [...nodes.comparisons.values()];
  const count = nodes.leaves.length;
  const { least, most } = hull(before);
  const atMost = atMostTemplate(bitLength(most - least));
  const lines = [
    ...[`signal input in[${before.length}];`, `signal output out[${targets}];`, `signal node[${count}][${targets}];`],
    ...array('COMPARISON', nodes.comparison),
    ...array('YES', nodes.yes),
    ...array('NO', nodes.no),
    ...array('ROOT', roots),
    ...array('BASE', base),
    `var LEAF[${count}][${targets}] = [${nodes.leaves.map((leaf) => `[${leaf.join(',')}]`).join(',')}];`,
    ...(compared.length === 0
      ? []
      : [
          ...array(
            'FEATURE',
            compared.map(({ feature }) => feature),
          ),
          ...array(
            'THRESHOLD',
            compared.map(({ threshold }) => threshold),
          ),
          `component yes[${compared.length}];`,
          `for (var i = 0; i < ${compared.length}; i++) {`,
          `  yes[i] = ${atMost.name}();`,
          '  yes[i].left <== in[FEATURE[i]];',
          '  yes[i].right <== THRESHOLD[i];',
          '}',
        ]),
    `for (var i = 0; i < ${count}; i++) {`,
    `  for (var target = 0; target < ${targets}; target++) {`,
    '    if (COMPARISON[i] < 0) {',
    '      node[i][target] <== LEAF[i][target];',
    '    } else {',
    ...(compared.length === 0
      ? []
      : [
          '      node[i][target] <== node[NO[i]][target] + yes[COMPARISON[i]].out * (node[YES[i]][target] - node[NO[i]][target]);',
        ]),
    '    }',
    '  }',
    '}',
    `for (var target = 0; target < ${targets}; target++) {`,
    '  var sum = BASE[target];',
    `  for (var tree = 0; tree < ${roots.length}; tree++) { sum += node[ROOT[tree]][target]; }`,
    '  out[target] <== sum;',
    '}',
  ];
  const constraints = compared.length * atMost.constraints + count * targets + targets;
  return [atMost, { name, text: templateText(name, lines), constraints }];
}

interface Known {
  readonly before: readonly Interval[];
  readonly none: readonly bigint[];
}

/** The place of the tree's root. A threshold beyond what the value can be decides nothing, and is left out. */
function add(nodes: Nodes, tree: Tree, known: Known): number {
  if ('leaf' in tree) return push(nodes, { comparison: -1, yes: -1, no: -1, leaf: tree.leaf });
  const { feature, threshold } = tree;
  const range = known.before[feature] ?? { least: 0n, most: 0n };
  if (range.most <= threshold) return add(nodes, tree.yes, known);
  if (range.least > threshold) return add(nodes, tree.no, known);
  const yes = add(nodes, tree.yes, known);
  const no = add(nodes, tree.no, known);
  const key = `${feature} ${threshold}`;
  if (!nodes.comparisons.has(key)) nodes.comparisons.set(key, { feature, threshold });
  const comparison = [...nodes.comparisons.keys()].indexOf(key);
  return push(nodes, { comparison, yes, no, leaf: known.none });
}

interface Node {
  readonly comparison: number;
  readonly yes: number;
  readonly no: number;
  readonly leaf: readonly bigint[];
}

function push(nodes: Nodes, { comparison, yes, no, leaf }: Node): number {
  nodes.comparison.push(comparison);
  nodes.yes.push(yes);
  nodes.no.push(no);
  return nodes.leaves.push(leaf) - 1;
}

function array(name: string, values: readonly (number | bigint)[]): readonly string[] {
  return [`var ${name}[${values.length}] = [${values.join(',')}];`];
}
