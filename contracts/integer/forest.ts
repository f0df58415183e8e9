import { hull, type Interval, partialSums, sum } from './bounds.ts';
import { IntegerError } from './errors.ts';
import { programLimits } from './limits.ts';

/** Yes where the value is at most the threshold. */
export interface Branch {
  readonly feature: number;
  readonly threshold: bigint;
  readonly yes: Tree;
  readonly no: Tree;
}

/** By target. */
export interface Leaf {
  readonly leaf: readonly bigint[];
}

export type Tree = Branch | Leaf;

/** value[target] = base[target] plus the leaf that each tree leads to. */
export interface Forest {
  readonly kind: 'forest';
  readonly base: readonly bigint[];
  readonly trees: readonly Tree[];
}

export function checkForest({ base, trees }: Forest, inputs: number, index: number): void {
  let nodes = 0;
  const check = (tree: Tree, depth: number): void => {
    nodes += 1;
    if (nodes > programLimits.nodes || depth > programLimits.depth) {
      throw new IntegerError('program_too_large', `the trees of layer ${index} have too many nodes or are too deep`);
    }
    if ('leaf' in tree) {
      if (tree.leaf.length !== base.length) throw shape(index, 'a leaf has not a value for each target');
      for (const value of tree.leaf) checkNumber(value, index);
      return;
    }
    if (!Number.isInteger(tree.feature) || tree.feature < 0 || tree.feature >= inputs) {
      throw shape(index, `a branch looks at a value that is not among the ${inputs}`);
    }
    checkNumber(tree.threshold, index);
    check(tree.yes, depth + 1);
    check(tree.no, depth + 1);
  };
  if (base.length < 1 || base.length > programLimits.width) throw shape(index, 'trees without a target');
  if (trees.length < 1) throw shape(index, 'no tree');
  for (const value of base) checkNumber(value, index);
  for (const tree of trees) check(tree, 0);
}

/** By target: of what all trees give, and of what any of them give on the way to it. */
export function forestBounds({ base, trees }: Forest): {
  readonly sums: readonly Interval[];
  readonly partial: readonly Interval[];
} {
  const terms = base.map((own, target) => [
    { least: own, most: own },
    ...trees.map((tree) => hull(leavesOf(tree).map((leaf) => only(leaf, target)))),
  ]);
  return { sums: terms.map(sum), partial: terms.map(partialSums) };
}

export function leavesOf(tree: Tree): readonly Leaf[] {
  return 'leaf' in tree ? [tree] : [...leavesOf(tree.yes), ...leavesOf(tree.no)];
}

function only({ leaf }: Leaf, target: number): Interval {
  const value = leaf[target] ?? 0n;
  return { least: value, most: value };
}

function checkNumber(number: bigint, index: number): void {
  if (number >= -programLimits.number && number < programLimits.number) return;
  throw new IntegerError('program_number', `a number in a tree of layer ${index} has more than 32 bits`);
}

function shape(index: number, why: string): IntegerError {
  return new IntegerError('program_shape', `layer ${index}: ${why}`);
}
