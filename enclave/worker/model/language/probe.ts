import { equalBytes } from '../../../../wire/bytes.ts';
import type { Decoder } from './decoder.ts';
import type { Batch, Prefilled } from './slots.ts';

/**
 * Whether rows that share a run keep the bits that each has alone. Nothing in a published graph promises it: a product
 * whose weights are not constants, say, is computed by other kernels for one row than for eight. So each load tries every
 * size of a batch that it will use, on this machine, and a decoder that fails decodes one row at a time.
 *
 * It also runs the decoder for the first time, so that a graph that cannot be run is refused when it is loaded.
 */
export async function batchesKeepBits(decoder: Decoder, capacity: number): Promise<boolean> {
  // A batch that shrinks by a row at each token is tried only where the context has room for it.
  const rows = decoder.batches && decoder.contextTokens >= 2 * capacity ? capacity : 1;
  const steps = Math.max(1, rows - 1);
  const prefilled: Prefilled[] = [];
  for (let row = 0; row < rows; row++) prefilled.push(await decoder.prefill(promptOf(decoder, row, steps)));
  const width = decoder.widthFor(Math.min(Math.max(...LENGTHS) + steps + 1, decoder.contextTokens));
  const alone: (readonly Uint8Array[])[] = [];
  for (const [row, prompt] of prefilled.entries()) {
    const batch = decoder.openBatch(width);
    batch.join(prompt);
    alone.push(await stepAlone(decoder, batch, { row, steps: Math.min(steps, rows - row) }));
  }
  if (rows === 1) return false;
  // Wider than any row needs, where the neighbours decide the width.
  const together = decoder.openBatch(decoder.width === 'grows' ? width + WIDER : width);
  for (const prompt of prefilled) together.join(prompt);
  for (let step = 0; step < steps; step++) {
    const count = rows - step;
    const logits = await together.step(Array.from({ length: count }, (_, row) => tokenOf(decoder, row, step)));
    for (let row = 0; row < count; row++) {
      const expected = alone[row]?.[step];
      if (expected === undefined || !equalBytes(expected, rowBytes(decoder, logits, row))) return false;
    }
    together.leave(count - 1);
  }
  return true;
}

/** Around where buffers grow, and apart from each other. */
const LENGTHS = [3, 45, 17, 47, 29, 46, 9, 38] as const;
const WIDER = 128;

function promptOf({ contextTokens, vocabulary }: Decoder, row: number, steps: number): readonly number[] {
  const wanted = LENGTHS[row % LENGTHS.length] as number;
  const length = Math.max(1, Math.min(wanted, contextTokens - steps - 1));
  return Array.from({ length }, (_, i) => (7 * row + 13 * i) % vocabulary);
}

function tokenOf({ vocabulary }: Decoder, row: number, step: number): number {
  return (31 * row + 17 * step + 1) % vocabulary;
}

/** Row r of the batch is there for the first steps only: the last row leaves after each. */
async function stepAlone(
  decoder: Decoder,
  batch: Batch,
  { row, steps }: { readonly row: number; readonly steps: number },
): Promise<readonly Uint8Array[]> {
  const logits: Uint8Array[] = [];
  for (let step = 0; step < steps; step++) {
    logits.push(rowBytes(decoder, await batch.step([tokenOf(decoder, row, step)]), 0));
  }
  return logits;
}

function rowBytes({ vocabulary }: Decoder, logits: Float32Array, row: number): Uint8Array {
  const start = row * vocabulary;
  return new Uint8Array(logits.slice(start, start + vocabulary).buffer);
}
