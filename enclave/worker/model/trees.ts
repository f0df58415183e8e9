import { limits } from '../../../wire/limits.ts';
import { OnnxError } from './onnx-error.ts';
import { type Budget, type Field, textOf, varintsOf } from './protobuf.ts';

export interface Attribute {
  readonly name: string;
  readonly fields: readonly Field[];
}

const BRANCH = /^BRANCH_(LEQ|LT|GTE|GT|EQ|NEQ)$/;
const OPTIONAL = /^(aggregate_function|post_transform|base_values|nodes_hitrates|nodes_missing_value_tracks_true)$/;

/**
 * A forest is written as columns of numbers that point at one another. It is one if every child comes after its parent and
 * has no other, so that no path comes back or is shared, and every leaf is found within a bounded number of branches. The
 * engine refuses some of what is refused here, accepts shared children, and overflows its stack on deep trees.
 */
export function checkForest(
  { bytes, budget }: { readonly bytes: Uint8Array; readonly budget: Budget },
  attributes: readonly Attribute[],
  offset: number,
): void {
  const require = (holds: boolean, detail: string): void => {
    if (!holds) throw new OnnxError('onnx_trees', detail, offset);
  };
  const columns = new Map(attributes.map(({ name, fields }) => [name, fields]));
  require(columns.size === attributes.length, 'an attribute is given twice');
  const take = (name: string, number: number): readonly Field[] => {
    const fields = columns.get(name) ?? [];
    columns.delete(name);
    return fields.filter((field) => field.number === number);
  };
  const integers = (name: string): readonly number[] =>
    take(name, 8).flatMap((field) => varintsOf(bytes, field, budget));
  const floats = (name: string): number => take(name, 7).reduce((sum, { start, end }) => sum + (end - start) / 4, 0);

  const [tree, id, feature] = [integers('nodes_treeids'), integers('nodes_nodeids'), integers('nodes_featureids')];
  const [yes, no] = [integers('nodes_truenodeids'), integers('nodes_falsenodeids')];
  const modes = take('nodes_modes', 9).map((field) => textOf(bytes, field));
  const nodes = [id.length, feature.length, yes.length, no.length, modes.length, floats('nodes_values')];
  require(tree.length > 0 && nodes.every((length) => length === tree.length), 'columns of nodes differ in length');

  const prefix = columns.has('class_ids') ? 'class' : 'target';
  const [leafTree, leafId] = [integers(`${prefix}_treeids`), integers(`${prefix}_nodeids`)];
  const target = integers(`${prefix}_ids`);
  const targets =
    prefix === 'class'
      ? integers('classlabels_int64s').length + take('classlabels_strings', 9).length
      : (take('n_targets', 3)[0]?.value ?? 0);
  const leaves = [leafId.length, target.length, floats(`${prefix}_weights`)];
  require(leaves.every((length) => length === leafTree.length), 'columns of leaves differ in length');
  require([...columns.keys()].every((name) => OPTIONAL.test(name)), 'an attribute that is not known');
  // Within 32 bits, as the engine counts; a negative number is read as one near 2^64.
  require([...tree, ...id, ...feature].every((value) => value < 2 ** 31), 'a number is negative or too large');

  const places = new Map(id.map((node, at) => [`${tree[at]} ${node}`, at]));
  require(places.size === tree.length, 'two nodes with one number');
  const depths = new Map<number, number>();
  modes.forEach((mode, at) => {
    const depth = depths.get(at) ?? 0;
    require(depths.has(at) === (tree[at] === tree[at - 1]), 'a tree has not one root, which is first');
    if (mode === 'LEAF') return;
    require(BRANCH.test(mode), 'a node is neither leaf nor a known branch');
    require(depth < limits.onnxTreeDepth, 'a tree is too deep');
    for (const child of [yes[at], no[at]]) {
      const place = places.get(`${tree[at]} ${child}`) ?? at;
      require(place > at && !depths.has(place), 'a child is missing, shared, or not behind its parent');
      depths.set(place, depth + 1);
    }
  });
  // The engine would count the first or the sum, depending on how many targets there are.
  require(new Set(leafId.map((node, at) => `${leafTree[at]} ${node} ${target[at]}`)).size ===
    leafId.length, 'two weights of one leaf for one target');
  leafId.forEach((node, at) => {
    require(modes[places.get(`${leafTree[at]} ${node}`) ?? -1] === 'LEAF', 'a weight of what is no leaf');
    require((target[at] as number) < targets, 'a weight for what is no target');
  });
}
