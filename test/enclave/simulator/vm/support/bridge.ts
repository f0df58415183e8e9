import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { sourceFolder } from '../../../../../enclave/native/build.ts';

const COMPILER = 'gcc';

/** Null where there is no compiler: the bridge is part of init, which only runs as the first process of a machine. */
export function compileBridge(folder: string): string | null {
  const output = join(folder, 'bridge');
  const args = [
    ...['-std=gnu11', '-O2', '-nostdlib', '-ffreestanding', '-fno-builtin', '-fno-stack-protector'],
    ...['-fno-tree-loop-distribute-patterns', '-static', '-no-pie', '-fno-pie', '-I', sourceFolder],
    ...['-o', output, join(import.meta.dirname, 'bridge.c')],
  ];
  try {
    execFileSync(COMPILER, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    return output;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export interface RunningBridge {
  /** What QEMU would be connected to. */
  readonly port: Duplex;
  readonly exited: Promise<number | null>;
  readonly kill: () => void;
}

export function startPortBridge(program: string, workerSocket: string): RunningBridge {
  const child = spawn(program, [workerSocket], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { port: child.stdio[3] as Duplex, exited, kill: () => void child.kill('SIGKILL') };
}

export function startVsockBridge(program: string, workerSocket: string, path: string): Omit<RunningBridge, 'port'> {
  const child = spawn(program, [workerSocket, path], { stdio: ['ignore', 'inherit', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { exited, kill: () => void child.kill('SIGKILL') };
}

/** A worker as its link server is one: the newest connection wins. */
export interface EchoWorker {
  readonly connections: Socket[];
  /** Whether it reads at all; a worker pauses while a host does not take its answers. */
  reading: boolean;
  readonly close: () => Promise<void>;
}

export async function startEchoWorker(path: string): Promise<EchoWorker> {
  const connections: Socket[] = [];
  const worker: EchoWorker = {
    connections,
    reading: true,
    close: () =>
      new Promise((resolve) => {
        for (const socket of connections) socket.destroy();
        server.close(() => resolve());
      }),
  };
  const server = createServer((socket) => {
    connections.at(-1)?.destroy();
    connections.push(socket);
    socket.on('error', () => socket.destroy());
    if (!worker.reading) return;
    socket.on('drain', () => socket.resume());
    socket.on('data', (chunk) => {
      if (!socket.write(chunk)) socket.pause();
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return worker;
}

export async function scratchFolder(): Promise<{ readonly folder: string; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-vm-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
