import { constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatBytes, readU32, u32 } from '../../wire/bytes.ts';
import { AttesterError, type AttesterErrorCode } from './attester.ts';

/** What clients of all devices share: bytes there and back, one after the other, and what the kernel's errors mean. */
export type Exchange = (request: Uint8Array) => Promise<Uint8Array>;

const MEANINGS: Readonly<Record<string, AttesterErrorCode>> = {
  ENOENT: 'device_unreachable',
  ENODEV: 'device_unreachable',
  ENXIO: 'device_unreachable',
  ENOTDIR: 'device_unreachable',
  ENOTTY: 'device_unreachable',
  ECONNREFUSED: 'device_unreachable',
  EACCES: 'device_denied',
  EPERM: 'device_denied',
  EBUSY: 'device_busy',
  EAGAIN: 'device_busy',
  EINTR: 'device_busy',
  ETIMEDOUT: 'device_busy',
};

/** An errno by its name, as Node's and our own native calls give it. Anything else is a fault in this program. */
export function deviceError(error: unknown): AttesterError {
  if (error instanceof AttesterError) return error;
  const errno = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof errno !== 'string' || !/^E[A-Z0-9]+$/.test(errno)) throw error;
  return new AttesterError(MEANINGS[errno] ?? 'device_refused', errno);
}

/** A driver's descriptor, open for as long as the process lives: Node closes handles that nobody holds any more. */
export function openDevice(path: string): number {
  try {
    return openSync(path, constants.O_RDWR);
  } catch (error) {
    throw deviceError(error);
  }
}

/** Together a second and a half: a device that makes documents one by one frees itself in milliseconds. */
const BUSY_WAITS_MS = [10, 20, 50, 100, 300, 1_000] as const;

/** Devices take one request at a time: others wait here, in their order, and not in the kernel on a thread each. */
export function oneAtATime<Request, Response>(
  run: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  let last: Promise<unknown> = Promise.resolve();
  return (request) => {
    const mine = last.then(() => untilNotBusy(() => run(request)));
    last = mine.catch(() => {});
    return mine;
  };
}

async function untilNotBusy<T>(run: () => Promise<T>): Promise<T> {
  for (const wait of BUSY_WAITS_MS) {
    try {
      return await run();
    } catch (error) {
      if (deviceError(error).code !== 'device_busy') throw deviceError(error);
    }
    await sleep(wait);
  }
  return run().catch((error: unknown) => {
    throw deviceError(error);
  });
}

interface Waiting {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: AttesterError) => void;
}

/** A device behind a stream of u32 length || message, which answers in order, one response for each request. */
export async function connectExchange(path: string, maxResponseBytes: number): Promise<Exchange> {
  const socket = await open(path);
  const waiting: Waiting[] = [];
  let buffered: Uint8Array = new Uint8Array(0);
  let failure: AttesterError | undefined;

  const fail = (error: AttesterError): void => {
    failure ??= error;
    socket.destroy();
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  socket.on('data', (chunk: Uint8Array) => {
    buffered = concatBytes(buffered, chunk);
    while (buffered.length >= 4) {
      const length = readU32(buffered, 0);
      if (length > maxResponseBytes) {
        fail(new AttesterError('device_protocol', `a response of ${length} bytes`));
        return;
      }
      if (buffered.length < 4 + length) return;
      const response = buffered.slice(4, 4 + length);
      buffered = buffered.slice(4 + length);
      const next = waiting.shift();
      if (next === undefined) {
        fail(new AttesterError('device_protocol', 'a response that nobody asked for'));
        return;
      }
      next.resolve(response);
    }
  });
  socket.on('error', (error) => fail(new AttesterError('device_unreachable', error.message)));
  socket.on('close', () => fail(new AttesterError('device_unreachable', 'the device closed the connection')));

  return (request) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      waiting.push({ resolve, reject });
      socket.write(concatBytes(u32(request.length), request));
    });
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const refuse = (error: Error): void => reject(deviceError(error));
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}
