import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../../enclave/worker/model/engine.ts';
import { OnnxError } from '../../../../enclave/worker/model/onnx-error.ts';
import { scanOnnx } from '../../../../enclave/worker/model/onnx-scan.ts';
import { floatTensor, type Tensor, tensorValues } from '../../../../wire/message/tensor.ts';
import { type Forest, regressor } from './forests.ts';

const WIDTH = 3;

/** Whole numbers, whose sums are exact in single precision. */
const whole = fc.integer({ min: -4, max: 4 });
const mode = fc.constantFrom('LEQ', 'LT', 'GTE', 'GT', 'EQ', 'NEQ').map((comparison) => `BRANCH_${comparison}`);

type Tree = { readonly weight: number } | Branch;

interface Branch {
  readonly mode: string;
  readonly feature: number;
  readonly value: number;
  readonly yes: Tree;
  readonly no: Tree;
}

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; branch: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie('leaf'), tie('branch'), tie('branch')),
  leaf: fc.record({ weight: whole }),
  branch: fc.record({
    mode,
    feature: fc.integer({ min: 0, max: WIDTH - 1 }),
    value: whole,
    yes: tie('tree'),
    no: tie('tree'),
  }),
}));

interface Row {
  tree: number;
  id: number;
  feature: number;
  value: number;
  mode: string;
  yes: number;
  no: number;
  weight: number;
}

/** As exporters write them: a parent, then all below its one child, then all below the other. */
function columnsOf(trees: readonly Tree[]): Forest {
  const rows: Row[] = [];
  const add = (number: number, node: Tree, id: number): number => {
    const row: Row = { tree: number, id, feature: 0, value: 0, mode: 'LEAF', yes: 0, no: 0, weight: 0 };
    rows.push(row);
    if ('weight' in node) {
      row.weight = node.weight;
      return id + 1;
    }
    Object.assign(row, { feature: node.feature, value: node.value, mode: node.mode, yes: id + 1 });
    row.no = add(number, node.yes, id + 1);
    return add(number, node.no, row.no);
  };
  for (const [number, node] of trees.entries()) add(number, node, 0);
  const leaves = rows.filter((row) => row.mode === 'LEAF');
  return {
    trees: rows.map((row) => row.tree),
    ids: rows.map((row) => row.id),
    features: rows.map((row) => row.feature),
    values: rows.map((row) => row.value),
    modes: rows.map((row) => row.mode),
    yes: rows.map((row) => row.yes),
    no: rows.map((row) => row.no),
    leafTrees: leaves.map((row) => row.tree),
    leafIds: leaves.map((row) => row.id),
    targets: leaves.map(() => 0),
    weights: leaves.map((row) => row.weight),
  };
}

const holds: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  BRANCH_LEQ: (a, b) => a <= b,
  BRANCH_LT: (a, b) => a < b,
  BRANCH_GTE: (a, b) => a >= b,
  BRANCH_GT: (a, b) => a > b,
  BRANCH_EQ: (a, b) => a === b,
  BRANCH_NEQ: (a, b) => a !== b,
};

/** What the columns mean, read without the engine. Ends on whatever the scan accepted. */
function evaluate(forest: Forest, x: readonly number[]): number {
  const place = (number: number, id: number): number =>
    forest.ids.findIndex((other, at) => other === id && forest.trees[at] === number);
  const roots = forest.trees.flatMap((number, at) => (number === forest.trees[at - 1] ? [] : [at]));
  return roots.reduce((sum, root) => {
    let at = root;
    for (let steps = 0; forest.modes[at] !== 'LEAF'; steps++) {
      if (steps > forest.ids.length) throw new Error('the walk does not end');
      const test = holds[forest.modes[at] as string] as (a: number, b: number) => boolean;
      const next = test(x[forest.features[at] as number] as number, forest.values[at] as number)
        ? forest.yes
        : forest.no;
      at = place(forest.trees[at] as number, next[at] as number);
    }
    const weights = forest.weights.filter(
      (_, leaf) => forest.leafTrees[leaf] === forest.trees[at] && forest.leafIds[leaf] === forest.ids[at],
    );
    return sum + weights.reduce((total, weight) => total + weight, 0);
  }, 0);
}

async function walk(forest: Forest, rows: readonly (readonly number[])[]): Promise<readonly number[]> {
  const engine = await loadEngine(regressor(forest), { optimisation: 'all', threads: 1 });
  const [y] = await engine.run([floatTensor('x', [rows.length, WIDTH], rows.flat())], 'all');
  return tensorValues(y as Tensor) as number[];
}

const forest = fc.array(tree, { minLength: 1, maxLength: 4 }).map(columnsOf);
const table = fc.array(fc.array(whole, { minLength: WIDTH, maxLength: WIDTH }), { minLength: 1, maxLength: 6 });

const NUMBERS = ['trees', 'ids', 'features', 'yes', 'no', 'leafTrees', 'leafIds', 'targets'] as const;
const change = fc.record({
  column: fc.constantFrom(...NUMBERS),
  at: fc.nat(40),
  value: fc.integer({ min: -1, max: 12 }),
});

function isAccepted(candidate: Forest): boolean {
  try {
    scanOnnx(regressor(candidate));
    return true;
  } catch (error) {
    if (error instanceof OnnxError) return false;
    throw error;
  }
}

describe('forests in the engine', () => {
  it('pass the scan as exporters write them, and are walked as their columns say', async () => {
    await fc.assert(
      fc.asyncProperty(forest, table, async (columns, rows) => {
        expect(isAccepted(columns)).toBe(true);
        expect(await walk(columns, rows)).toEqual(rows.map((row) => evaluate(columns, row)));
      }),
      { numRuns: 300 },
    );
  });

  it('count nothing for a leaf without a weight', async () => {
    await fc.assert(
      fc.asyncProperty(forest, table, async (columns, rows) => {
        const [leafTrees, leafIds] = [columns.leafTrees.slice(1), columns.leafIds.slice(1)];
        const fewer = {
          ...columns,
          leafTrees,
          leafIds,
          targets: leafIds.map(() => 0),
          weights: columns.weights.slice(1),
        };
        fc.pre(leafIds.length > 0);
        expect(isAccepted(fewer)).toBe(true);
        expect(await walk(fewer, rows)).toEqual(rows.map((row) => evaluate(fewer, row)));
      }),
      { numRuns: 100 },
    );
  });

  it('that the scan lets pass with numbers changed are walked to an end, and as their columns say', async () => {
    let accepted = 0;
    const changes = fc.array(change, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(forest, changes, table, async (columns, all, rows) => {
        const changed = { ...columns };
        for (const { column, at, value } of all) {
          changed[column] = changed[column].with(at % changed[column].length, value);
        }
        if (!isAccepted(changed)) return;
        accepted += 1;
        const known = changed.features.every((feature, at) => changed.modes[at] === 'LEAF' || feature < WIDTH);
        if (known) expect(await walk(changed, rows)).toEqual(rows.map((row) => evaluate(changed, row)));
        else await expect(walk(changed, rows)).rejects.toThrow('feature');
      }),
      { numRuns: 1_500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});
