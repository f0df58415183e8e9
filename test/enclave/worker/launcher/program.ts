import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { workerFilter } from '../../../../enclave/worker/confine/filters.ts';
import { assembleFilter } from '../../../../enclave/worker/confine/seccomp.ts';
import { runLauncher } from '../../../../enclave/worker/launcher.ts';
import { runModelChild } from '../../../../enclave/worker/model/child.ts';
import { openControl } from '../../../../enclave/worker/model/control.ts';
import { createModelPool } from '../../../../enclave/worker/model/pool.ts';
import type { TensorModel } from '../../../../enclave/worker/model/tensor-model.ts';
import { confineWorker } from '../../../../enclave/worker/native.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';

/**
 * The worker program with another worker role: it serves one model to a test over its link, in lines of JSON. Launcher
 * and model process are the real ones.
 */
const string = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { link: string, private: string, memory: string, confine: string, device: { type: 'boolean' } },
});
const link = values.link ?? '';
const privateDirectory = values.private ?? '';

interface Order {
  readonly run?: number;
  readonly deadlineMs?: number;
  readonly garbage?: string;
  readonly exit?: number;
}

async function serve(): Promise<void> {
  confineWorker({ filter: assembleFilter(workerFilter(process.pid)) });
  const { writeSync } = await import('node:fs');
  const control = openControl(3, () => process.exit(0));
  const limits = { memoryBytes: 1024 ** 3, loadMilliseconds: 20_000 };
  const pool = createModelPool({ control, onRun: () => undefined, privateDirectory, execution: runtime, limits });
  const bytes = new Uint8Array(readFileSync(`${link}.onnx`));
  const model = await pool.load({ modelId: new Uint8Array(32), bytes, batchRows: 1 });
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => {
      const order = JSON.parse(line) as Order;
      if (order.exit !== undefined) process.exit(order.exit);
      if (order.garbage !== undefined) writeSync(3, Buffer.from(order.garbage, 'hex'));
      if (order.run !== undefined) void answer(model, order).then((text) => socket.write(`${text}\n`));
    });
  }).listen(link);
}

async function answer(model: TensorModel, { run = 1, deadlineMs = 5_000 }: Order): Promise<string> {
  const x = { name: 'x', datatype: 'FP32', shape: [run, run], data: new Uint8Array(4 * run * run) } as const;
  try {
    return JSON.stringify({
      outputs: (await model.run([x], 'all', { deadlineMs, cancelled: () => false })).outputs.length,
    });
  } catch (error) {
    return JSON.stringify({ code: (error as { code?: string }).code });
  }
}

const [role] = positionals;
if (role === 'launcher') {
  runLauncher({
    script: process.argv[1] as string,
    workerArguments: process.argv.slice(3),
    linkPath: link,
    privateDirectory,
    confine: values.confine ?? '',
    hidden: [dirname(link)],
    attestation:
      values.device === true ? { kind: 'device', handedOver: [], worker: 'own-user' } : { kind: 'simulated' },
  });
} else if (role === 'worker') {
  await serve();
} else {
  await runModelChild({ fd: 3, memoryBytes: Number(values.memory) });
}
