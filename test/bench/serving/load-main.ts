import { createConnection, type Socket } from 'node:net';
import { serveJobs } from '../../support/forked.ts';
import type { LoadEdge, LoadJob, LoadResult } from './load.ts';

/**
 * The load generator's process: plain sockets that keep their connections, one request at a time on each, the next one
 * as soon as its answer is complete. It does as little as it can, because it shares the machine with what it measures.
 */
const HEAD_END = Buffer.from('\r\n\r\n');

serveJobs(runJob);

function runJob(job: LoadJob, tell: (edge: LoadEdge) => void): Promise<LoadResult> {
  const requests = job.requests.map((request) => Buffer.from(request.buffer, request.byteOffset, request.byteLength));
  const latencies: Record<string, number[]> = {};
  const kept: { index: number; answer: Uint8Array }[] = [];
  let next = 0;
  let measuring = false;
  let ending = false;
  let started = 0;
  let open = job.connections;
  let finished = 0;

  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      ending = true;
      reject(error);
    };

    function begin(): void {
      measuring = true;
      started = performance.now();
      tell('begin');
      setTimeout(end, job.measureMs);
    }

    function end(): void {
      if (ending) return;
      ending = true;
      measuring = false;
      const seconds = (performance.now() - started) / 1_000;
      tell('end');
      const byStatus = Object.entries(latencies).map(([status, times]) => [status, Float64Array.from(times)] as const);
      whenClosed = () => resolve({ seconds, latencies: Object.fromEntries(byStatus), kept });
      if (open === 0) whenClosed();
    }
    let whenClosed = (): void => {};

    function connection(): void {
      let socket: Socket;
      let pending: Buffer | undefined;
      let sentAt = 0;
      let index = 0;

      function connect(): void {
        pending = undefined;
        socket = createConnection({ host: '127.0.0.1', port: job.port, noDelay: true });
        socket.on('error', fail);
        socket.on('data', onData);
        socket.on('connect', sendNext);
      }

      function sendNext(): void {
        if (!ending && job.once && next >= requests.length) end();
        if (ending) {
          socket.destroy();
          open--;
          if (open === 0) whenClosed();
          return;
        }
        index = next++;
        sentAt = performance.now();
        socket.write(requests[index % requests.length] as Buffer);
      }

      function onData(chunk: Buffer): void {
        const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
        const headEnd = bytes.indexOf(HEAD_END);
        if (headEnd < 0) {
          pending = bytes;
          return;
        }
        const head = bytes.toString('latin1', 0, headEnd);
        const length = /\r\ncontent-length: *([0-9]+)/i.exec(head)?.[1];
        if (length === undefined) {
          fail(new Error(`an answer without a length: ${head.slice(0, 200)}`));
          return;
        }
        if (bytes.length < headEnd + 4 + Number(length)) {
          pending = bytes;
          return;
        }
        pending = undefined;
        const status = head.slice(9, 12);
        if (measuring) {
          finished++;
          latencies[status] ??= [];
          latencies[status].push(performance.now() - sentAt);
          if (finished % job.keepEvery === 0) {
            kept.push({ index: index % requests.length, answer: Uint8Array.from(bytes) });
          }
        }
        // Servers end a connection after so many requests; the next one is part of what they cost.
        if (/\r\nconnection: close/i.test(head) && !ending) {
          socket.removeAllListeners('data').destroy();
          connect();
        } else if (status === '503' && job.pauseMs > 0) setTimeout(sendNext, job.pauseMs);
        else sendNext();
      }

      connect();
    }

    for (let i = 0; i < job.connections; i++) connection();
    setTimeout(begin, job.warmUpMs);
  });
}
