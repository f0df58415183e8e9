import type { Forest, Tree } from '../forest.ts';
import { indented, literal, placeAt, wordAt } from './text.ts';

/** Yul that walks each tree by the values at `x` and adds its leaf to the sums at `y`. */
export function forestCode({ base, trees }: Forest): readonly string[] {
  return [
    ...base.map((own, target) => `mstore(${placeAt('y', target)}, ${literal(own)})`),
    ...trees.flatMap((tree, index) => [`// tree ${index}`, ...treeCode(tree)]),
  ];
}

function treeCode(tree: Tree): readonly string[] {
  if ('leaf' in tree) {
    return tree.leaf.flatMap((value, target) =>
      value === 0n ? [] : [`mstore(${placeAt('y', target)}, add(${wordAt('y', target)}, ${literal(value)}))`],
    );
  }
  return [
    `switch sgt(${wordAt('x', tree.feature)}, ${literal(tree.threshold)})`,
    'case 0 {',
    ...indented(treeCode(tree.yes)),
    '}',
    'default {',
    ...indented(treeCode(tree.no)),
    '}',
  ];
}
