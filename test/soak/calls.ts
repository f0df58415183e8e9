import { Agent, request } from 'node:http';
import type { Verified, WorkerFacts } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { decodeInferResponse } from '../../wire/message/tensor.ts';
import { type Judged, judgePlain, openSealedLine, rememberingSuite } from '../support/attested-calls.ts';
import type { HttpAnswer } from '../support/http-bytes.ts';
import { makeRows, type Row } from '../support/mlp-rows.ts';

/** A call that was answered and held against what the model gives, or one that was told to come later. */
export type Outcome =
  | { readonly kind: 'answer'; readonly arrived: number; readonly judged: Judged }
  | { readonly kind: 'turned-away'; readonly arrived: number };

export interface Caller {
  readonly name: string;
  /** Throws for everything that is neither: whatever it is, no client should meet it. */
  call(): Promise<Outcome>;
}

export interface CallOptions {
  readonly url: string;
  readonly worker: Verified<WorkerFacts>;
  readonly modelId: Uint8Array;
  readonly post: Post;
}

const ROWS = 256;
const LINES = 16;
/** Sockets of honest clients, as many as the demo's worker takes requests at a time: more of them would only queue. */
const SOCKETS = 48;
/** Below the host's own patience with idle connections, so that no call meets one that is just being closed. */
const IDLE_MS = 2_500;

export async function tensorCallers({ url, worker, modelId, post }: CallOptions): Promise<readonly Caller[]> {
  const rows = await makeRows(ROWS);
  const suite = rememberingSuite();
  const lines = await Promise.all(Array.from({ length: LINES }, () => openSealedLine(url, worker, suite)));
  let turn = 0;
  const nextRow = (): Row => rows[turn++ % rows.length] as Row;
  return [
    {
      name: 'plain tensor',
      async call() {
        const row = nextRow();
        const { answer, arrived } = await post(`/v2/models/${toHex(modelId)}/infer`, row.encoded.body, {
          'inference-header-content-length': String(row.encoded.jsonLength),
        });
        if (isTurnedAway(answer)) return { kind: 'turned-away', arrived };
        const judged = await judgePlain(worker, row.encoded.body, requireOk(answer), suite);
        requireLogits(row, judged);
        return { kind: 'answer', arrived, judged };
      },
    },
    {
      name: 'sealed tensor',
      async call() {
        const row = nextRow();
        const line = lines[turn % lines.length] as (typeof lines)[number];
        const prepared = await line.prepare(modelId, row.encoded);
        const { answer, arrived } = await post(line.path, prepared.payload);
        if (isTurnedAway(answer)) return { kind: 'turned-away', arrived };
        const judged = await line.judge(prepared, requireOk(answer).body);
        requireLogits(row, judged);
        return { kind: 'answer', arrived, judged };
      },
    },
  ];
}

function requireLogits(row: Row, { facts, response }: Judged): void {
  if (facts.status !== 'ok') throw new Error(`a receipt with status ${facts.status}`);
  const [logits] = decodeInferResponse(response, 'binary').outputs;
  if (logits === undefined || !equalBytes(logits.data, row.expected))
    throw new Error('other logits than the model gives');
}

export function isTurnedAway(answer: HttpAnswer): boolean {
  return answer.status === 503 && answer.headers.has('retry-after');
}

export function requireOk(answer: HttpAnswer): HttpAnswer {
  if (answer.status !== 200) {
    throw new Error(`HTTP ${answer.status}: ${Buffer.from(answer.body.subarray(0, 200)).toString()}`);
  }
  return answer;
}

export type Post = (
  path: string,
  body: Uint8Array,
  headers?: Readonly<Record<string, string>>,
) => Promise<{ readonly answer: HttpAnswer; readonly arrived: number }>;

export function createPost(url: string): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_MS });
  return (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sending = request(
        `${url}${path}`,
        {
          agent,
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream', 'content-length': body.length, ...headers },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const arrived = performance.now();
            const fields = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const);
            const answer = {
              status: incoming.statusCode ?? 0,
              headers: new Map(fields),
              body: Uint8Array.from(Buffer.concat(chunks)),
            };
            resolve({ answer, arrived });
          });
        },
      );
      sending.on('error', reject);
      sending.end(body);
    });
}
