import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import type { StoredFile } from '../../../wire/message/hub.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Entry } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import type { HubEventSink } from '../events.ts';
import type { Blobs } from '../store/blobs.ts';
import { commonHeaders, type Headers } from './answer.ts';
import { within } from './pace.ts';
import { type ByteRange, namesEtag, parseRange } from './range.ts';

export interface FileServer {
  send(exchange: Exchange, entry: Entry, file: StoredFile, headers: Headers): Promise<void>;
  readonly active: number;
}

export interface FileServerOptions {
  readonly blobs: Blobs;
  readonly onEvent: HubEventSink;
  /** How long one piece may take to leave. */
  readonly paceMs: number;
}

/**
 * A whole file is hashed as it leaves, and its last piece held back until the digest is known: a damaged file is never
 * served complete, its connection ends before the length that was announced, and it is taken out of service. Of a file of
 * one piece nothing leaves at all. A part of a file proves nothing by itself: whoever puts parts together has the digest, as
 * ETag and in the manifest, and must check it.
 */
export function createFileServer({ blobs, onEvent, paceMs }: FileServerOptions): FileServer {
  let active = 0;

  async function damaged(digest: string, found: 'missing' | 'size' | 'digest'): Promise<HubError> {
    onEvent({ event: 'blob_damaged', sha256: digest, found });
    // Where even that fails, the file stays, and is found damaged again.
    await blobs.quarantine(digest).catch(() => undefined);
    return new HubError('blob_damaged');
  }

  async function open(digest: string, size: number): Promise<FileHandle> {
    if (blobs.sizeOf(digest) !== size) throw new HubError('blob_damaged');
    const opened = await blobs.open(digest).catch(async (error: unknown) => {
      throw error instanceof HubError && error.code === 'blob_damaged' ? await damaged(digest, 'missing') : error;
    });
    if (opened.size === size) return opened.file;
    await opened.file.close();
    throw await damaged(digest, 'size');
  }

  async function stream(
    { response, signal }: Exchange,
    file: FileHandle,
    { digest, head, range, size }: Job,
  ): Promise<void> {
    const hash = range.first === 0 && range.last === size - 1 ? createHash('sha256') : undefined;
    const pieceBytes = Math.min(limits.hubChunkBytes, range.last - range.first + 1);
    // Two that take turns, so that a gigabyte leaves nothing behind to be collected.
    const buffers = [Buffer.allocUnsafeSlow(pieceBytes), Buffer.allocUnsafeSlow(pieceBytes)] as const;
    const gone = leaving(signal);
    let held: Buffer | undefined;
    for (let at = range.first, turn: 0 | 1 = 0; at <= range.last; turn = turn === 0 ? 1 : 0) {
      const piece = await readPiece(file, buffers[turn], at, range.last - at + 1);
      if (piece === undefined) throw await damaged(digest, 'digest');
      hash?.update(piece);
      at += piece.length;
      if (at > range.last && hash !== undefined && hash.digest('hex') !== digest) throw await damaged(digest, 'digest');
      if (held !== undefined) await write(response, head, held, gone);
      held = piece;
    }
    if (held !== undefined) await write(response, head, held, gone);
    response.end();
  }

  async function write(response: ServerResponse, head: Head, bytes: Buffer, gone: Promise<never>): Promise<void> {
    if (!response.headersSent) response.writeHead(head.status, head.headers);
    const written = new Promise<void>((resolve, reject) => {
      response.write(bytes, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
    });
    await within(Promise.race([written, gone]), paceMs);
  }

  return {
    get active() {
      return active;
    },
    async send(exchange, entry, { path, sha256, size }, extra) {
      const { request, response } = exchange;
      const digest = toHex(sha256);
      const etag = `"${digest}"`;
      const headers: Headers = { ...commonHeaders, ...headersOf(entry, path, etag), ...extra };
      if (namesEtag(request.headers['if-none-match'] ?? '', etag, 'weak')) {
        response.writeHead(304, headers).end();
        return;
      }
      const range = request.method === 'GET' ? rangeOf(request.headers, etag, size) : undefined;
      if (active >= limits.hubTransfersOut) throw new HubError('busy');
      active++;
      try {
        const file = await open(digest, size);
        try {
          const head = headOf(headers, range, size);
          if (request.method === 'HEAD' || size === 0) response.writeHead(head.status, head.headers).end();
          else await stream(exchange, file, { digest, size, head, range: range ?? { first: 0, last: size - 1 } });
        } finally {
          await file.close();
        }
      } finally {
        active--;
      }
    },
  };
}

interface Head {
  readonly status: 200 | 206;
  readonly headers: Headers;
}

interface Job {
  readonly digest: string;
  readonly size: number;
  readonly head: Head;
  readonly range: ByteRange;
}

/** As attachments, and as bytes: of all types only JSON is said, which libraries look for and browsers do not run. */
function headersOf({ visibility }: Entry, path: string, etag: string): Headers {
  // The characters of a release's paths need no quoting in either form.
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    'Content-Type': name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name}"; filename*=UTF-8''${name}`,
    'Accept-Ranges': 'bytes',
    ETag: etag,
    // A cache may keep the bytes and must ask whether it still may show them: what is public can be made private.
    'Cache-Control': visibility === 'public' ? 'no-cache' : 'no-store',
  };
}

function headOf(headers: Headers, range: ByteRange | undefined, size: number): Head {
  if (range === undefined) return { status: 200, headers: { ...headers, 'Content-Length': String(size) } };
  const { first, last } = range;
  return {
    status: 206,
    headers: {
      ...headers,
      'Content-Range': `bytes ${first}-${last}/${size}`,
      'Content-Length': String(last - first + 1),
    },
  };
}

/** What a resumed download already has may be of another file: then all of this one is sent. */
function rangeOf(headers: IncomingHttpHeaders, etag: string, size: number): ByteRange | undefined {
  const condition = headers['if-range'];
  const isSame = condition === undefined || (typeof condition === 'string' && condition.trim() === etag);
  return isSame ? parseRange(headers.range, size) : undefined;
}

/** Fills the buffer, or as much of it as is wanted. Undefined where the file ends early or its disk cannot read it. */
async function readPiece(file: FileHandle, buffer: Buffer, at: number, wanted: number): Promise<Buffer | undefined> {
  const length = Math.min(buffer.length, wanted);
  for (let done = 0; done < length; ) {
    const bytesRead = await readSome(file, buffer, done, length - done, at + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return buffer.subarray(0, length);
}

async function readSome(file: FileHandle, buffer: Buffer, start: number, length: number, at: number): Promise<number> {
  try {
    return (await file.read(buffer, start, length, at)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return 0;
    throw error;
  }
}

function leaving(signal: Exchange['signal']): Promise<never> {
  const gone = new Promise<never>((_resolve, reject) => {
    const leave = (): void => reject(new HubError('request_timeout'));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave);
  });
  gone.catch(() => undefined);
  return gone;
}
