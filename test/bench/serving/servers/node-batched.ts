import type { ServerResponse } from 'node:http';
import { Tensor } from 'onnxruntime-node';
import { answerFailure, answerRow, readRow } from './body.ts';
import { INPUTS, listen, OUTPUTS, openModel } from './listen.ts';

/**
 * The fastest server of this model that we know how to write in Node without a receipt: raw floats, and whatever came
 * while the last run was under way goes into the next one. No timer, so that a lone request waits for nothing.
 */
const MOST_ROWS = 32;

interface Waiting {
  readonly row: Float32Array;
  readonly response: ServerResponse;
}

const session = await openModel();
let queue: Waiting[] = [];
let running = false;

async function runQueued(): Promise<void> {
  running = true;
  while (queue.length > 0) {
    const batch = queue.slice(0, MOST_ROWS);
    queue = queue.slice(MOST_ROWS);
    const input = new Float32Array(batch.length * INPUTS);
    batch.forEach(({ row }, index) => {
      input.set(row, index * INPUTS);
    });
    try {
      const { logits } = await session.run({ input: new Tensor('float32', input, [batch.length, INPUTS]) });
      const values = logits?.data as Float32Array;
      batch.forEach(({ response }, index) => {
        answerRow(response, values.subarray(index * OUTPUTS, (index + 1) * OUTPUTS));
      });
    } catch {
      for (const { response } of batch) answerFailure(response);
    }
  }
  running = false;
}

listen((request, response) => {
  readRow(request, response, (row) => {
    queue.push({ row, response });
    if (!running) void runQueued();
  });
});
