import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { concatBytes } from '../../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { SimulatorError } from '../errors.ts';
import { actions } from './actions.ts';
import { createDocumentJudge, type DocumentRules } from './document.ts';
import { KmsFault, type KmsFaultName } from './fault.ts';
import { openKeyStore } from './key-store.ts';
import { authenticate, type Caller } from './signature.ts';

/**
 * A stand-in for AWS KMS on this machine: AWS's JSON 1.1 over HTTP as its SDKs speak it, symmetric keys, key policies,
 * and attestation documents verified in full. It has no IAM, no grants, no aliases and no hardware: whoever owns the
 * machine reads its keys. What it does not do, it refuses.
 */
export interface KmsStandIn {
  readonly url: string;
  close(): Promise<void>;
}

export interface KmsStandInOptions extends DocumentRules {
  readonly port: number;
  /** A folder for keys, or none. */
  readonly folder: string | 'memory';
  readonly callers: readonly Caller[];
  /** What CloudTrail would show: no plaintext, no document. */
  readonly onCall?: (call: KmsCall) => void;
}

export interface KmsCall {
  readonly action: string;
  readonly principal: string | null;
  readonly outcome: 'done' | KmsFaultName;
}

const TARGET = /^TrentService\.([A-Za-z]{1,64})$/;
const CONTENT_TYPE = 'application/x-amz-json-1.1';
const REQUEST_MS = 10_000;

export async function startKmsStandIn(options: KmsStandInOptions): Promise<KmsStandIn> {
  const { callers, now, onCall } = options;
  const store = openKeyStore(options.folder, now);
  const judge = createDocumentJudge(options);

  async function answer(request: IncomingMessage): Promise<JsonValue> {
    const call: { action: string; principal: string | null } = { action: 'unknown', principal: null };
    try {
      const result = await act(request, call);
      onCall?.({ ...call, outcome: 'done' });
      return result;
    } catch (error) {
      const fault = error instanceof KmsFault ? error : new KmsFault('KMSInternalException', '');
      onCall?.({ ...call, outcome: fault.code });
      throw fault;
    }
  }

  async function act(request: IncomingMessage, call: { action: string; principal: string | null }): Promise<JsonValue> {
    const body = await readBody(request);
    const name = TARGET.exec(String(request.headers['x-amz-target'] ?? ''))?.[1];
    const run = name === undefined ? undefined : actions.get(name);
    if (request.method !== 'POST' || request.url !== '/' || name === undefined || run === undefined) {
      throw new KmsFault('UnknownOperationException', '');
    }
    call.action = name;
    const caller = authenticate({ headers: request.headers, body, callers, now: now() });
    call.principal = caller.arn;
    return run({ caller, store, judge }, parseBody(body));
  }

  const server = createServer(
    { requestTimeout: REQUEST_MS, maxHeaderSize: limits.httpHeaderBytes },
    (request, response) => {
      answer(request).then(
        (result) => reply(response, 200, result),
        (error: unknown) => reply(response, ...faultOf(error)),
      );
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new SimulatorError('argument_invalid', `cannot listen: ${error.message}`)));
    // Never beyond this machine: keys that nobody guards must not be reachable.
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > limits.kmsRequestBytes) throw new KmsFault('ValidationException', 'The request is too large');
    parts.push(part);
  }
  return concatBytes(...parts);
}

function parseBody(body: Uint8Array): JsonValue {
  try {
    return parseJson(body, limits.kmsRequestBytes);
  } catch (error) {
    if (error instanceof WireError) throw new KmsFault('SerializationException', error.code);
    throw error;
  }
}

function faultOf(error: unknown): readonly [number, JsonValue] {
  const fault = error instanceof KmsFault ? error : new KmsFault('KMSInternalException', '');
  return [fault.code === 'KMSInternalException' ? 500 : 400, { __type: fault.code, message: fault.message }];
}

function reply(response: ServerResponse, status: number, body: JsonValue): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'x-amzn-requestid': randomUUID() });
  response.end(JSON.stringify(body));
}
