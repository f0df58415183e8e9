import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InferenceSession } from 'onnxruntime-node';

/**
 * What the servers that Proofmark is compared with have in common: the same model file, and the engine set up as it
 * does best beside a server on few cores. One thread, since the engine's threads wait in loops that take the server's
 * time; with its defaults every one of these servers is slower.
 */
export const INPUTS = 128;
export const OUTPUTS = 10;

export function openModel(): Promise<InferenceSession> {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: server MODEL.onnx');
  return InferenceSession.create(readFileSync(file), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
}

/** Serves on a port that the system chooses and says it in one line. Ends with its parent, whose pipe it reads. */
export function listen(listener: RequestListener): void {
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, listener);
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}
