import type { Pasted } from './pasted.ts';

/** As a manifest has it: a number is fixed, a word names a free dimension. */
export type ModelShape = readonly (number | string)[];

/** How large each free dimension is. Inputs that name one dimension have it in common. */
export type Sizes = Readonly<Record<string, number>>;

export function freeDimensions(shapes: readonly ModelShape[]): readonly string[] {
  return [...new Set(shapes.flat().filter((size) => typeof size === 'string'))];
}

export function concreteShape(shape: ModelShape, sizes: Sizes): readonly number[] {
  return shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1)));
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export interface ShapeProblem {
  readonly detail: string;
}

/** What the free dimensions are if these values are to fit. */
export function fitSizes(shape: ModelShape, sizes: Sizes, { cells, shape: given }: Pasted): Sizes | ShapeProblem {
  if (given !== undefined && given.length === shape.length) return fitNested(shape, sizes, given);
  const free = freeDimensions([shape]);
  const [only] = free;
  const count = cells.length;
  if (free.length === 1 && only !== undefined) {
    const places = shape.filter((size) => size === only).length;
    const fixed = elementsOf(shape.filter((size) => typeof size === 'number'));
    const size = fixed === 0 ? Number.NaN : Math.round((count / fixed) ** (1 / places));
    if (fixed * size ** places === count) return { ...sizes, [only]: size };
    return { detail: `${count} values, where whole rows of ${fixed} belong` };
  }
  const wanted = elementsOf(concreteShape(shape, sizes));
  return count === wanted ? sizes : { detail: `${count} values, where ${wanted} belong` };
}

function fitNested(shape: ModelShape, sizes: Sizes, given: readonly number[]): Sizes | ShapeProblem {
  let found = sizes;
  const seen = new Set<string>();
  for (const [axis, size] of shape.entries()) {
    const actual = given[axis] as number;
    if (typeof size === 'number') {
      if (size !== actual) return { detail: `shape ${shapeText(given)}, where ${shapeText(shape)} belongs` };
      continue;
    }
    if (seen.has(size) && found[size] !== actual) return { detail: `${size} is ${found[size]} and ${actual}` };
    seen.add(size);
    found = { ...found, [size]: actual };
  }
  return found;
}

export function shapeText(shape: ModelShape): string {
  return `[${shape.join(', ')}]`;
}

/** The same elements in a larger or smaller shape: what has no place is left out, and what is new is empty. */
export function resized(
  cells: readonly string[],
  { from, to, empty }: { readonly from: readonly number[]; readonly to: readonly number[]; readonly empty: string },
): readonly string[] {
  if (from.every((size, axis) => size === to[axis])) return cells;
  const total = elementsOf(to);
  const result = new Array<string>(total).fill(empty);
  for (let index = 0; index < total; index++) {
    let rest = index;
    let old = 0;
    let stride = 1;
    let kept = true;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] as number;
      const place = rest % size;
      rest = Math.floor(rest / size);
      const before = from[axis] as number;
      if (place >= before) kept = false;
      old += place * stride;
      stride *= before;
    }
    if (kept) result[index] = cells[old] ?? empty;
  }
  return result;
}
