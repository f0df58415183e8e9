import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveJobs } from '../support/forked.ts';
import type { SiegeJob, SiegeResult } from './siege.ts';

/** A byte in so many milliseconds: what keeps a careless server waiting for ever. */
const DRIP_MS = 1_000;
const OPENED_AT_ONCE = 50;
const PAUSE_MS = 50;
/** Requests of one who reads no answer. Few: who asks for much at a time is another attack, which a limit on rates meets. */
const UNREAD_REQUESTS = 4;

let cutOff = 0;
let besieging = false;
const sockets = new Set<Socket>();
const dripping = new Map<Socket, { readonly bytes: Buffer; at: number }>();

serveJobs(async (job: SiegeJob): Promise<SiegeResult> => {
  if (job.kind === 'begin') await begin(job);
  else end();
  return { cutOff, open: sockets.size };
});

async function begin(job: Extract<SiegeJob, { readonly kind: 'begin' }>): Promise<void> {
  besieging = true;
  for (let opened = 0; opened < job.sockets; opened++) {
    if (opened % OPENED_AT_ONCE === 0) await sleep(PAUSE_MS);
    besiege(job, opened);
  }
}

function end(): void {
  besieging = false;
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  dripping.clear();
}

setInterval(() => {
  for (const [socket, drip] of dripping) {
    if (drip.at < drip.bytes.length) socket.write(drip.bytes.subarray(drip.at, ++drip.at));
  }
}, DRIP_MS);

function besiege(job: Extract<SiegeJob, { readonly kind: 'begin' }>, number: number): void {
  const socket = createConnection({ host: '127.0.0.1', port: job.port });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    dripping.delete(socket);
    if (!sockets.delete(socket) || !besieging) return;
    cutOff++;
    // Not at once: somebody who is turned away in a loop is another attack.
    setTimeout(() => {
      if (besieging) besiege(job, number);
    }, PAUSE_MS);
  });
  socket.on('connect', () => attack(socket, job.path, number));
}

function attack(socket: Socket, path: string, number: number): void {
  switch (number % 4) {
    case 0: {
      const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X-Slow: and no end\r\n'.repeat(40)}`;
      dripping.set(socket, { bytes: Buffer.from(head), at: 0 });
      break;
    }
    case 1: {
      const type = 'Content-Type: application/json';
      socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${type}\r\nContent-Length: 65536\r\n\r\n{`);
      dripping.set(socket, { bytes: Buffer.alloc(65_535, ' '), at: 0 });
      break;
    }
    case 2:
      break;
    default:
      socket.pause();
      socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(UNREAD_REQUESTS));
  }
  // A reader who stops reads nothing at all; the others take what they are told, and so notice their end.
  if (number % 4 !== 3) socket.resume();
}
