import { createServer, type Server, type Socket } from 'node:net';
import { createAnswerWriter } from '../../enclave/worker/language-answer.ts';
import { parseCoseSign1 } from '../../verifier/codec/cose.ts';
import { parseNitroDocument } from '../../verifier/codec/nitro-document.ts';
import { concatBytes, equalBytes } from '../../wire/bytes.ts';
import { type CborValue, encodeCbor } from '../../wire/codec/cbor.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../wire/codec/frame.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { registerMessage } from '../../wire/message/authorisations.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { decodeLanguageRequest } from '../../wire/message/language.ts';
import {
  decodeAcknowledge,
  decodeForSession,
  decodeModelId,
  decodeRelease,
  type Entries,
  encodeAttested,
  encodeEntries,
  encodeForSession,
  encodePlainAnswer,
  encodeReadyInfo,
  encodeRefusal,
  encodeState,
  linkKind,
  type WorkerRefusalCode,
} from '../../wire/message/link.ts';
import { decodeManifest } from '../../wire/message/manifest.ts';
import type { Receipt } from '../../wire/message/receipt.ts';
import { decodeRequest, flag, operation, type Request, responsePreimage } from '../../wire/message/request.ts';
import { createFakeLog, type FakeLog, random, signLowS, testConfiguration } from './fake-log.ts';

/** What every language request is answered with. */
export const fakeWords: readonly string[] = ['A', ' fake', ' worker', ' says', ' “hello”.'];

/**
 * A worker's end of the link with a real log and signer, and nothing behind it: a tensor request is answered with its own
 * body, a language request with a fixed text. `misbehave` decides what a test needs to go wrong.
 */
export interface FakeWorker {
  readonly path: string;
  readonly log: FakeLog;
  readonly acknowledged: number;
  readonly connections: number;
  readonly models: readonly Uint8Array[];
  readonly received: readonly Frame[];
  /** Takes a frame before the worker does; true means that it is dealt with. */
  misbehave: ((frame: Frame, socket: Socket) => boolean) | undefined;
  /** Appends one receipt, sends it ahead, and returns its bundle. */
  grow(fields: Partial<Receipt>): Uint8Array;
  /** Answers a frame that `misbehave` took, as the worker would have. */
  answer(frame: Frame): void;
  send(frame: Frame): void;
  sendBytes(bytes: Uint8Array): void;
  dropConnection(): void;
  close(): Promise<void>;
}

export interface FakeWorkerOptions {
  readonly configured?: FakeLog;
  /** Answers wait for this many milliseconds. */
  readonly delayMs?: number;
}

export async function startFakeWorker(path: string, options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  let log = options.configured ?? createFakeLog(testConfiguration());
  let configured = options.configured !== undefined;
  let acknowledged = 0;
  let connections = 0;
  let unsent: Entries[] = [];
  let socket: Socket | undefined;
  const models: Uint8Array[] = [];
  const received: Frame[] = [];
  let loading: { modelId: Uint8Array; left: number } | undefined;

  const server: Server = createServer((accepted) => {
    socket?.destroy();
    socket = accepted;
    connections += 1;
    const reader = createFrameReader(limits.frameBytes, (frame) => {
      received.push(frame);
      if (worker.misbehave?.(frame, accepted) === true) return;
      handle(frame).catch((error: unknown) => {
        if (!(error instanceof WireError)) throw error;
        const payload = encodeRefusal({ code: 'malformed', detail: error.code });
        worker.send({ id: frame.id, kind: linkKind.refusal, payload });
      });
    });
    accepted.on('data', (chunk: Buffer) => reader.push(chunk));
    accepted.on('error', () => accepted.destroy());
    const state = { version: 1, ready: configured ? log.ready : null, size: log.size, acknowledged, models } as const;
    worker.send({ id: 0, kind: linkKind.state, payload: encodeState(state) });
    for (const entries of unsent) worker.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(entries) });
  });

  const worker: FakeWorker = {
    path,
    get log() {
      return log;
    },
    get acknowledged() {
      return acknowledged;
    },
    get connections() {
      return connections;
    },
    models,
    received,
    misbehave: undefined,
    grow,
    answer: (frame) => void handle(frame),
    send: (frame) => worker.sendBytes(encodeFrame(frame)),
    sendBytes: (bytes) => void socket?.write(bytes),
    dropConnection: () => socket?.destroy(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        socket?.destroy();
      }),
  };

  async function handle({ id, kind, payload }: Frame): Promise<void> {
    const reply = (bytes: Uint8Array): void => worker.send({ id, kind: linkKind.reply, payload: bytes });
    const refuse = (code: WorkerRefusalCode): void =>
      worker.send({ id, kind: linkKind.refusal, payload: encodeRefusal({ code, detail: '' }) });
    if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
    switch (kind) {
      case linkKind.configure:
        if (configured) return refuse('already_configured');
        configured = true;
        log = createFakeLog(payload);
        return reply(encodeReadyInfo(log.ready));
      case linkKind.attest:
        return reply(
          encodeAttested({
            tee: 'aws-nitro',
            document: documentOver(payload),
            certificateTable: null,
            possession: signLowS(log.privateKey, registerMessage(log.log, payload)),
          }),
        );
      case linkKind.release: {
        const { manifest } = decodeRelease(payload);
        const bytes = decodeManifest(manifest).files.reduce((sum, file) => sum + file.size, 0);
        const room = decodeConfiguration(log.ready.configuration).limits.models;
        if (models.length >= room) return refuse('too_many_models');
        loading = { modelId: sha256(manifest), left: bytes };
        return reply(new Uint8Array(0));
      }
      case linkKind.file: {
        if (loading === undefined) return refuse('file_unexpected');
        loading.left -= payload.length - 36;
        if (loading.left > 0) return reply(Uint8Array.of(0));
        models.push(loading.modelId);
        return reply(Uint8Array.of(1));
      }
      case linkKind.unload: {
        const place = models.findIndex((modelId) => equalBytes(modelId, decodeModelId(payload)));
        if (place < 0) return refuse('release_invalid');
        models.splice(place, 1);
        return reply(new Uint8Array(0));
      }
      case linkKind.handshake:
        return reply(encodeForSession(random(16), payload));
      case linkKind.sealed:
        grow({});
        return reply(decodeForSession(payload).rest);
      case linkKind.plain: {
        const request = decodeRequest(payload);
        if (request.header.operation !== operation.infer) return speak(id, request);
        return reply(answerPlain(request, { body: request.body, sent: 0 }));
      }
      case linkKind.abandon:
        return undefined;
      case linkKind.acknowledge:
        acknowledged = decodeAcknowledge(payload);
        unsent = unsent.filter((entries) => entries.from + entries.receipts.length > acknowledged);
        return undefined;
      default:
        return refuse('malformed');
    }
  }

  /** A receipt over a body of which so many bytes went ahead in pieces. */
  function answerPlain({ header }: Request, answer: { readonly body: Uint8Array; readonly sent: number }): Uint8Array {
    const { body, sent } = answer;
    const bodyFormat = header.format;
    const jsonLength = bodyFormat === 1n ? BigInt(body.length) : header.jsonLength;
    const facts = { salt: header.salt, status: 0n, format: bodyFormat, jsonLength, bodyHash: sha256(body) };
    const { requestId, modelId } = header;
    const bundle = grow({ requestId, modelId, responseHash: sha256(responsePreimage(facts)) });
    return encodePlainAnswer({
      status: 0,
      bundle,
      format: Number(bodyFormat),
      jsonLength: Number(jsonLength),
      body: body.subarray(sent),
    });
  }

  function speak(id: number, request: Request): void {
    const { header } = request;
    const kind = header.operation === operation.chat ? 'chat' : 'completion';
    const { stream, includeUsage } = decodeLanguageRequest(request.body, kind);
    if (stream !== ((header.flags & flag.streamed) !== 0n)) throw new WireError('field_invalid', 'a contradiction');
    const { requestId } = header;
    const about = { requestId, model: 'fake:1.0.0', operation: kind, execution: random(32), includeUsage } as const;
    const writer = createAnswerWriter(about);
    const usage = { promptTokens: 3, completionTokens: fakeWords.length };
    const pieces = stream ? [writer.first(), ...fakeWords.map((word) => writer.piece(word))] : [];
    for (const piece of pieces) worker.send({ id, kind: linkKind.piece, payload: piece });
    const rest = stream ? writer.last('stop', usage) : writer.whole(fakeWords.join(''), 'stop', usage);
    const body = concatBytes(...pieces, rest);
    const payload = answerPlain(request, { body, sent: body.length - rest.length });
    worker.send({ id, kind: linkKind.reply, payload });
  }

  function grow(fields: Partial<Receipt>): Uint8Array {
    const { entries, bundles } = log.grow([fields]);
    unsent.push(entries);
    worker.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(entries) });
    const bundle = bundles[0] as Uint8Array;
    decodeBundle(bundle);
    return bundle;
  }

  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return worker;
}

/** A document in the form of a Nitro one, which says nothing but its challenge: certificates and signature are noise. */
function documentOver(challenge: Uint8Array): Uint8Array {
  const noise = new Uint8Array(96);
  const fields = new Map<string, CborValue>([
    ['module_id', 'i-0-enc0'],
    ['digest', 'SHA384'],
    ['timestamp', 1_700_000_000_000],
    ['pcrs', new Map([[0, noise.subarray(48)]])],
    ['certificate', noise],
    ['cabundle', [noise]],
    ['nonce', challenge],
  ]);
  return encodeCbor([Uint8Array.of(0xa1, 0x01, 0x38, 0x22), new Map(), encodeCbor(fields), noise]);
}

/** What such a document was made for. */
export function challengeIn(document: Uint8Array): Uint8Array | null {
  return parseNitroDocument(parseCoseSign1(document).payload).nonce;
}
