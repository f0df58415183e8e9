import type * as onnx from 'onnxruntime-node';
import type { CacheShape } from './form.ts';

/** Keys and values of a prompt: key before value, by layer, each [heads, length, size]. */
export interface Prefilled {
  readonly logits: Float32Array;
  readonly length: number;
  readonly caches: readonly Float32Array[];
}

/** Rows that the engine decodes together in one run. */
export interface Batch {
  readonly rows: number;
  /** The new row is the last one. */
  join(prefilled: Prefilled): void;
  /** The last row takes the place of the one that leaves. */
  leave(row: number): void;
  /** Logits of all rows, one after the other, for one more token of each. */
  step(tokens: readonly number[]): Promise<Float32Array>;
}

/**
 * Buffers of a fixed width for the keys and values of a few rows, and everything else that a step reads. The engine reads
 * the memory in place; a row that ends gives its place to the last one, so that a batch is always the first rows.
 *
 * A column that nobody reads weighs exactly nothing unless it is NaN or infinite, and then it spoils the row. So a place
 * is zeros wherever its row has not written: fresh memory is, and a place is cleared when its row leaves it, which also
 * leaves nothing of a request behind.
 */
export interface Slots {
  readonly width: number;
  readonly places: number;
  readonly lengths: readonly number[];
  join(prefilled: Prefilled): void;
  leave(row: number): void;
  resize(size: { readonly width: number; readonly places: number }): void;
  /** Feeds for one token of each row, which must not change until the run is over. */
  feeds(tokens: readonly number[]): Feeds;
  /** Takes over what a run returned for each row: [rows, 2 * layers * heads, 1, size]. */
  append(caches: Float32Array): void;
}

export type Feeds = Readonly<Record<string, onnx.Tensor>>;

export interface SlotForm {
  readonly cache: CacheShape;
  readonly past: readonly string[];
  /**
   * `additive`: [rows, 1, 1, width + 1], the new token's column first. `attended`: [rows, width + 1], the new token's
   * column last. Positions are fed in both.
   */
  readonly mask: 'additive' | 'attended';
}

/** Below any score, and far from where float32 overflows when a score is added. */
const CLOSED = -1e9;

export function createSlots(Tensor: onnx.TensorConstructor, form: SlotForm, width: number): Slots {
  const { cache, past } = form;
  const floatsOf = (columns: number): number => cache.heads * columns * cache.size;
  const lengths: number[] = [];
  let buffers: Buffers = {
    width,
    places: 0,
    caches: past.map(() => new Float32Array(0)),
    ...tokenBuffers(form, width, 0),
  };
  let views = new Map<number, Feeds>();

  /** The row's own columns and the new token's are open, everything else is not. */
  function openRow(row: number): void {
    const { mask, width: columns } = buffers;
    const start = row * (columns + 1);
    const length = lengths[row] as number;
    const first = form.mask === 'additive' ? start + 1 : start;
    mask.close(start, start + columns + 1);
    mask.open(first, first + length);
    const own = form.mask === 'additive' ? start : start + columns;
    mask.open(own, own + 1);
  }

  function viewOf(rows: number): Feeds {
    const known = views.get(rows);
    if (known !== undefined) return known;
    const { ids, positions, mask, caches, width: columns } = buffers;
    const shape = form.mask === 'additive' ? [rows, 1, 1, columns + 1] : [rows, columns + 1];
    const view: Record<string, onnx.Tensor> = {
      input_ids: new Tensor('int64', ids.subarray(0, rows), [rows, 1]),
      position_ids: new Tensor('int64', positions.subarray(0, rows), [rows, 1]),
      [form.mask === 'additive' ? 'mask' : 'attention_mask']: mask.tensor(Tensor, rows * (columns + 1), shape),
    };
    past.forEach((name, i) => {
      const data = (caches[i] as Float32Array).subarray(0, rows * floatsOf(columns));
      view[name] = new Tensor('float32', data, [rows, cache.heads, columns, cache.size]);
    });
    views.set(rows, view);
    return view;
  }

  return {
    lengths,
    get width() {
      return buffers.width;
    },
    get places() {
      return buffers.places;
    },
    join: (prefilled) => {
      const row = lengths.length;
      buffers.caches.forEach((buffer, i) => {
        copyColumns(prefilled.caches[i] as Float32Array, buffer, {
          cache,
          row,
          from: prefilled.length,
          to: buffers.width,
        });
      });
      lengths.push(prefilled.length);
      openRow(row);
    },
    leave: (row) => {
      const last = lengths.length - 1;
      const size = floatsOf(buffers.width);
      for (const buffer of buffers.caches) {
        if (row !== last) buffer.copyWithin(row * size, last * size, (last + 1) * size);
        buffer.fill(0, last * size, (last + 1) * size);
      }
      lengths[row] = lengths[last] as number;
      lengths.pop();
      if (row !== last) openRow(row);
    },
    resize: ({ width: columns, places }) => {
      const old = buffers;
      buffers = {
        width: columns,
        places,
        caches: old.caches.map(() => new Float32Array(places * floatsOf(columns))),
        ...tokenBuffers(form, columns, places),
      };
      views = new Map();
      for (let row = 0; row < lengths.length; row++) {
        buffers.caches.forEach((buffer, i) => {
          const size = floatsOf(old.width);
          const source = (old.caches[i] as Float32Array).subarray(row * size, (row + 1) * size);
          copyColumns(source, buffer, { cache, row, from: old.width, to: columns });
        });
        openRow(row);
      }
    },
    feeds: (tokens) => {
      tokens.forEach((token, row) => {
        buffers.ids[row] = BigInt(token);
        buffers.positions[row] = BigInt(lengths[row] as number);
      });
      return viewOf(tokens.length);
    },
    append: (fresh) => {
      const { heads, size } = cache;
      const columns = buffers.width;
      let from = 0;
      for (let row = 0; row < lengths.length; row++) {
        const length = lengths[row] as number;
        for (const buffer of buffers.caches) {
          for (let head = 0; head < heads; head++) {
            const to = ((row * heads + head) * columns + length) * size;
            for (let i = 0; i < size; i++) buffer[to + i] = fresh[from + i] as number;
            from += size;
          }
        }
        lengths[row] = length + 1;
        const column = row * (columns + 1) + length + (form.mask === 'additive' ? 1 : 0);
        buffers.mask.open(column, column + 1);
      }
    },
  };
}

interface Mask {
  open(from: number, to: number): void;
  close(from: number, to: number): void;
  tensor(Tensor: onnx.TensorConstructor, length: number, shape: readonly number[]): onnx.Tensor;
}

interface Buffers {
  readonly width: number;
  readonly places: number;
  readonly caches: readonly Float32Array[];
  readonly ids: BigInt64Array;
  readonly positions: BigInt64Array;
  readonly mask: Mask;
}

function tokenBuffers(form: SlotForm, width: number, places: number): Pick<Buffers, 'ids' | 'positions' | 'mask'> {
  const size = places * (width + 1);
  const mask = form.mask === 'additive' ? additiveMask(size) : attendedMask(size);
  return { ids: new BigInt64Array(places), positions: new BigInt64Array(places), mask };
}

function additiveMask(size: number): Mask {
  const data = new Float32Array(size);
  return {
    open: (from, to) => void data.fill(0, from, to),
    close: (from, to) => void data.fill(CLOSED, from, to),
    tensor: (Tensor, length, shape) => new Tensor('float32', data.subarray(0, length), shape),
  };
}

function attendedMask(size: number): Mask {
  const data = new BigInt64Array(size);
  return {
    open: (from, to) => void data.fill(1n, from, to),
    close: (from, to) => void data.fill(0n, from, to),
    tensor: (Tensor, length, shape) => new Tensor('int64', data.subarray(0, length), shape),
  };
}

/** Copies the columns that both have of one row, head by head. */
function copyColumns(
  source: Float32Array,
  buffer: Float32Array,
  {
    cache,
    row,
    from,
    to,
  }: { readonly cache: CacheShape; readonly row: number; readonly from: number; readonly to: number },
): void {
  const { heads, size } = cache;
  const columns = Math.min(from, to);
  for (let head = 0; head < heads; head++) {
    const start = head * from * size;
    buffer.set(source.subarray(start, start + columns * size), (row * heads + head) * to * size);
  }
}

/** The additive mask of a prompt: each token reads itself and those before it. */
export function promptMask(length: number): Float32Array {
  const mask = new Float32Array(length * length);
  for (let row = 0; row < length; row++) mask.fill(CLOSED, row * length + row + 1, (row + 1) * length);
  return mask;
}
