import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Verified, WorkerFacts } from '../../../verifier/index.ts';
import { equalBytes, utf8 } from '../../../wire/bytes.ts';
import { decodeInferResponse } from '../../../wire/message/tensor.ts';
import { judgePlain, openSealedLine, type Prepared, type SealedLine } from '../../support/attested-calls.ts';
import { httpRequest, parseHttpAnswer } from '../../support/http-bytes.ts';
import type { Row } from '../../support/mlp-rows.ts';
import type { TestStack } from '../../support/stack.ts';
import { bundled } from '../built.ts';
import { BenchError } from '../report.ts';

/** One of the servers that are compared: what is sent to it, whose processor time it costs, and what is a right answer. */
export interface Contender {
  readonly name: string;
  readonly port: number;
  /** The processes whose descendants are on its account as well. */
  readonly roots: () => readonly number[];
  readonly once: boolean;
  /** Whole HTTP requests; at least `count` where each may be sent once. */
  requests(count: number): Promise<readonly Uint8Array[]>;
  /** Throws unless `answer` is what the model gives for the request of that index in the last list. */
  judge(index: number, answer: Uint8Array): Promise<void>;
  stop(): void;
}

interface ServerFormat {
  readonly type: string;
  readonly encode: (values: Float32Array) => Uint8Array;
  readonly decode: (body: Uint8Array) => Uint8Array;
}

const json: ServerFormat = {
  type: 'application/json',
  encode: (values) => utf8(JSON.stringify({ input: Array.from(values) })),
  decode: (body) => {
    const { logits } = JSON.parse(Buffer.from(body).toString()) as { readonly logits: readonly number[] };
    return new Uint8Array(Float32Array.from(logits).buffer);
  },
};

const binary: ServerFormat = {
  type: 'application/octet-stream',
  encode: (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  decode: (body) => body,
};

export type BareServer = 'express' | 'node' | 'batched' | 'split';

const bareServers: Readonly<Record<BareServer, { readonly file: string; readonly format: ServerFormat }>> = {
  express: { file: 'express-json', format: json },
  node: { file: 'node-binary', format: binary },
  batched: { file: 'node-batched', format: binary },
  split: { file: 'three-processes', format: binary },
};

export async function startBare(name: BareServer, modelFile: string, rows: readonly Row[]): Promise<Contender> {
  const { file, format } = bareServers[name];
  const program = await bundled(join(import.meta.dirname, 'servers', `${file}.ts`), file);
  const child = spawn(process.execPath, [program, modelFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new BenchError('server_failed', name)));
    createInterface(child.stdout).once('line', (line) => {
      resolve((JSON.parse(line) as { readonly port: number }).port);
    });
  });
  const requests = rows.map(({ values }) =>
    httpRequest('/infer', { 'Content-Type': format.type }, format.encode(values)),
  );
  return {
    name,
    port,
    roots: () => (child.pid === undefined ? [] : [child.pid]),
    once: false,
    requests: async () => requests,
    async judge(index, bytes) {
      const answer = parseHttpAnswer(bytes);
      if (answer.status !== 200) throw new BenchError('answer_wrong', `${name} answered ${answer.status}`);
      requireLogits(name, rows[index], format.decode(answer.body));
    },
    stop: () => child.stdin.end(),
  };
}

export interface AttestedOptions {
  readonly stack: TestStack;
  readonly worker: Verified<WorkerFacts>;
  readonly rows: readonly Row[];
}

/** The whole stack, called as a plain client calls it: binary tensors, a receipt in the headers of every answer. */
export function attested({ stack, worker, rows }: AttestedOptions): Contender {
  const requests = rows.map(({ encoded: { body, jsonLength } }) =>
    httpRequest(
      '/v2/models/demo-mlp/infer',
      { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(jsonLength) },
      body,
    ),
  );
  return {
    name: 'attested',
    port: Number(new URL(stack.url).port),
    roots: () => stackRoots(stack),
    once: false,
    requests: async () => requests,
    async judge(index, bytes) {
      const answer = parseHttpAnswer(bytes);
      if (answer.status !== 200) throw new BenchError('answer_wrong', `attested answered ${answer.status}`);
      const { response } = await judgePlain(worker, rows[index]?.encoded.body ?? new Uint8Array(0), answer);
      requireLogits('attested', rows[index], decodeInferResponse(response, 'binary').outputs[0]?.data);
    },
    stop: () => undefined,
  };
}

const SESSIONS = 32;

/** The same with sealed sessions, one for each of so many clients. Clients seal before anything is timed. */
export async function sealed({ stack, worker, rows }: AttestedOptions): Promise<Contender> {
  const lines: SealedLine[] = [];
  for (let line = 0; line < SESSIONS; line++) lines.push(await openSealedLine(stack.url, worker));
  let prepared: readonly { readonly line: SealedLine; readonly call: Prepared; readonly row: number }[] = [];
  return {
    name: 'sealed',
    port: Number(new URL(stack.url).port),
    roots: () => stackRoots(stack),
    once: true,
    async requests(count) {
      const made = [];
      for (let at = 0; at < count; at++) {
        const line = lines[at % SESSIONS] as SealedLine;
        const row = at % rows.length;
        made.push({ line, row, call: await line.prepare(stack.files.modelId, (rows[row] as Row).encoded) });
      }
      prepared = made;
      return made.map(({ line, call }) =>
        httpRequest(line.path, { 'Content-Type': 'application/octet-stream' }, call.payload),
      );
    },
    async judge(index, bytes) {
      const answer = parseHttpAnswer(bytes);
      const asked = prepared[index];
      if (answer.status !== 200 || asked === undefined) {
        throw new BenchError('answer_wrong', `sealed answered ${answer.status}`);
      }
      const { response } = await asked.line.judge(asked.call, answer.body);
      requireLogits('sealed', rows[asked.row], decodeInferResponse(response, 'binary').outputs[0]?.data);
    },
    stop: () => undefined,
  };
}

/** Host, worker with its launcher and model processes, and the simulated device. */
function stackRoots(stack: TestStack): readonly number[] {
  return Object.values(stack.supervisor.pids()).filter((pid): pid is number => pid !== null);
}

function requireLogits(name: string, row: Row | undefined, logits: Uint8Array | undefined): void {
  if (row === undefined || logits === undefined || !equalBytes(row.expected, logits)) {
    throw new BenchError('answer_wrong', `${name} gave other logits than the model`);
  }
}
