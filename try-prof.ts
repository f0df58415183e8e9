import { serve } from './test/enclave/worker/core/link.ts';
import { requestBytes } from './test/enclave/worker/core/harness.ts';
import { linkKind, encodeAcknowledge } from './wire/message/link.ts';
import { createFrameReader, encodeFrame } from './wire/codec/frame.ts';
import { connect } from 'node:net';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
const worker = await serve({ limits: { unacknowledgedLeaves: 4096, pending: 1024 } });
const N = Number(process.argv[2] ?? 20000), C = 32;
const socket = connect(worker.path);
let done = 0, sent = 0;
const payload = requestBytes({ modelId: worker.demo.modelId });
let t0 = performance.now(), c0 = process.cpuUsage();
await new Promise<void>((resolve) => {
  const next = () => { if (sent < N) { sent += 1; socket.write(encodeFrame({ id: sent, kind: linkKind.plain, payload })); } };
  const reader = createFrameReader(20_000_000, (frame) => {
    if (frame.id === 0) return;
    done += 1;
    if (done === N / 2) { t0 = performance.now(); c0 = process.cpuUsage(); }
    if (done % 64 === 0) socket.write(encodeFrame({ id: 0, kind: linkKind.acknowledge, payload: encodeAcknowledge(done-40>0?done-40:0) }));
    next();
    if (done === N) resolve();
  });
  socket.on('data', (c) => { socket.cork(); reader.push(c); socket.uncork(); });
  socket.on('connect', () => { for (let i = 0; i < C; i++) next(); });
});
const c = process.cpuUsage(c0);
console.log('us/req cpu', (c.user + c.system) / (N/2), 'wall', (performance.now() - t0) * 1000 / (N/2));
process.exit(0);
