import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostAuditors } from '../../../host/disclosed/auditors.ts';
import { isDisclosed } from '../../../host/disclosed/watch.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Archive, encodeArchive } from '../../../wire/message/archive.ts';
import { decodeBundle } from '../../../wire/message/bundle.ts';
import { decodeDisclosed } from '../../../wire/message/disclosed.ts';
import { auditorAskMessage } from '../../../wire/message/finding.ts';
import { auditorWords } from '../../../wire/message/finding-record.ts';
import { decodeReceipt } from '../../../wire/message/receipt.ts';
import {
  decodeRequestHeader,
  encodeRequestHeader,
  flag,
  requestPreimage,
  responsePreimage,
} from '../../../wire/message/request.ts';
import { testRelease } from '../../support/fake-release.ts';
import { fakeWords } from '../../support/fake-worker.ts';
import { signer, word } from '../../support/findings.ts';
import { type Served, serve } from '../support/served.ts';

const [anna, stranger] = [signer(), signer()];
const named = (changes: Partial<HostAuditors> = {}): HostAuditors => ({
  ...{ version: 1, pauseAt: 1, hosts: 'any' },
  auditors: [{ name: 'anna', key: anna.auditor, url: null }],
  ...changes,
});

let served: Served;
let hosts: HostAuditors['hosts'] = 'any';

beforeAll(async () => {
  const auditors = {
    ...named(),
    get hosts() {
      return hosts;
    },
  };
  served = await serve({ auditors });
});

afterAll(() => served.stop());

async function infer(
  headers: Readonly<Record<string, string>>,
  body = '{"inputs":[]}',
): Promise<{ readonly status: number; readonly index: number; readonly flags: bigint }> {
  const response = await fetch(`${served.host.url}/v2/models/demo/infer`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
  });
  await response.arrayBuffer();
  if (response.status !== 200) return { status: response.status, index: -1, flags: 0n };
  const bundle = decodeBundle(
    Uint8Array.from(Buffer.from(response.headers.get('proofmark-receipt') as string, 'base64url')),
  );
  const header = Uint8Array.from(Buffer.from(response.headers.get('proofmark-request') as string, 'base64url'));
  return { status: 200, index: Number(decodeReceipt(bundle.receipt).index), flags: decodeRequestHeader(header).flags };
}

interface Asking {
  readonly by: typeof anna;
  readonly host: string;
  readonly log: Uint8Array;
  readonly index: number;
  readonly seconds: number;
  readonly signature?: string;
  readonly at?: Served;
}

function ask(path: string, changes: Partial<Asking> & { readonly index: number }): Promise<Response> {
  const { at = served } = changes;
  const { by, host, log, index, seconds, signature }: Asking = {
    ...{ by: anna, host: new URL(at.host.url).host, log: at.worker.log.log, seconds: Date.now() / 1_000 },
    ...changes,
  };
  const time = BigInt(Math.floor(seconds));
  const nonce = word(1);
  const message = auditorAskMessage({
    ...auditorWords(by.auditor),
    ...{ host: sha256(utf8(host)), log, index: BigInt(index), time, nonce },
  });
  const query = new URLSearchParams({
    ...{ key: toHex(by.auditor), time: String(time), nonce: toHex(nonce) },
    signature: signature ?? toHex(by.sign(message)),
  });
  // The place in the path is the one that is meant, whatever was signed.
  return fetch(`${at.host.url}${path}/${toHex(at.worker.log.log)}/${index}?${query}`);
}

async function code(response: Promise<Response>): Promise<string> {
  const { status, ...rest } = await response.then(async (found) => ({
    status: found.status,
    text: await found.text(),
  }));
  return status === 200 ? 'shown' : String((JSON.parse(rest.text) as { code?: string }).code);
}

describe('a disclosed request', () => {
  it('is marked in the header that the host writes, and kept with its answer', async () => {
    const { index, flags } = await infer({ 'proofmark-disclose': 'yes' }, '{"inputs":[1]}');
    expect(flags & flag.disclose).toBe(flag.disclose);
    const response = await ask('/v1/disclosed', { index });
    const kept = decodeDisclosed(new Uint8Array(await response.arrayBuffer()));
    expect(isDisclosed(kept.header)).toBe(true);
    // The fake worker answers with what it was asked.
    expect([kept.body, kept.answer]).toEqual([utf8('{"inputs":[1]}'), utf8('{"inputs":[1]}')]);
    const receipt = await ask('/v1/receipts/by-index', { index });
    const bundle = decodeBundle(new Uint8Array(await receipt.arrayBuffer()));
    expect(decodeReceipt(bundle.receipt).index).toBe(BigInt(index));
  });

  it.each([{}, { 'proofmark-disclose': 'no' }])('is none without the flag: %o', async (headers) => {
    const { index, flags } = await infer(headers as Record<string, string>);
    expect(flags & flag.disclose).toBe(0n);
    expect(await code(ask('/v1/disclosed', { index }))).toBe('disclosed_unknown');
    expect(await code(ask('/v1/receipts/by-index', { index }))).toBe('shown');
  });

  it('is asked for in one word', async () => {
    expect(await infer({ 'proofmark-disclose': '1' })).toMatchObject({ status: 400 });
  });
});

describe('a disclosed chat', () => {
  it.each([true, false])('is kept whole, streamed or not: %s', async (stream) => {
    const chat = await serve({
      auditors: named(),
      releases: [testRelease([word(5)], { kind: 'text-generation', name: 'talker' })],
    });
    const body = JSON.stringify({ model: 'talker', messages: [{ role: 'user', content: 'Hello' }], stream });
    const response = await fetch(`${chat.host.url}/v1/chat/completions`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json', 'proofmark-disclose': 'yes' }, body },
    });
    const text = await response.text();
    const shown = await ask('/v1/disclosed', { index: 0, log: chat.worker.log.log, at: chat });
    const kept = decodeDisclosed(new Uint8Array(await shown.arrayBuffer()));
    expect(new TextDecoder().decode(kept.body)).toBe(body);
    const answer = new TextDecoder().decode(kept.answer);
    // Of a stream what the worker signed: the host's own last events are none of it.
    expect(stream ? text.startsWith(answer) : text === answer).toBe(true);
    expect(answer).toContain(fakeWords.at(-1)?.trim().slice(0, 1));
    const bundle = decodeBundle(
      new Uint8Array(
        await (await ask('/v1/receipts/by-index', { index: 0, log: chat.worker.log.log, at: chat })).arrayBuffer(),
      ),
    );
    const { salt } = decodeRequestHeader(kept.header);
    const facts = { salt, status: 0n, format: BigInt(kept.format), jsonLength: BigInt(kept.jsonLength) };
    const bound = responsePreimage({ ...facts, bodyHash: sha256(kept.answer) });
    expect(sha256(bound)).toEqual(decodeReceipt(bundle.receipt).responseHash);
    await chat.stop();
  });
});

describe('what is behind a leaf', () => {
  it.each<readonly [string, Partial<Asking>]>([
    ['somebody who is not named', { by: stranger }],
    ['a question for another host', { host: 'elsewhere.example' }],
    ['a question about another log', { log: word(9) }],
    ['a question of ten minutes ago', { seconds: Date.now() / 1_000 - 600 }],
    ['a question of tomorrow', { seconds: Date.now() / 1_000 + 86_400 }],
    ['another signature', { signature: toHex(stranger.sign(word(1))) }],
  ])('is shown to no %s', async (_, changes) => {
    const { index } = await infer({ 'proofmark-disclose': 'yes' });
    expect(await code(ask('/v1/disclosed', { index, ...changes }))).toBe('auditor_required');
    expect(await code(ask('/v1/receipts/by-index', { index, ...changes }))).toBe('auditor_required');
  });

  it('is shown to nobody who leaves something out', async () => {
    const { index } = await infer({ 'proofmark-disclose': 'yes' });
    const path = `/v1/disclosed/${toHex(served.worker.log.log)}/${index}`;
    expect(await code(fetch(`${served.host.url}${path}`))).toBe('request_invalid');
  });

  it('is shown under the names of this host only, where it knows them', async () => {
    const { index } = await infer({ 'proofmark-disclose': 'yes' });
    hosts = ['host.example'];
    expect(await code(ask('/v1/disclosed', { index }))).toBe('auditor_required');
    hosts = [new URL(served.host.url).host];
    expect(await code(ask('/v1/disclosed', { index }))).toBe('shown');
    hosts = 'any';
  });
});

describe('a sealed request that was disclosed', () => {
  function sealed(flags: bigint): { readonly archive: Archive; readonly index: number } {
    const [body, answer] = [utf8('what was asked'), utf8('what was answered')];
    const header = encodeRequestHeader({
      ...{ requestId: word(1), modelId: word(2), operation: 0n, format: 2n, jsonLength: 0n, flags, salt: word(3) },
      ...{ channel: word(0), unitPrice: 0n, maxFee: 0n, deadline: 0n, seed: word(0) },
    });
    const facts = { salt: word(3), status: 0n, format: 2n, jsonLength: 0n, bodyHash: sha256(answer) };
    const bundle = decodeBundle(
      served.worker.grow({
        ...{ requestId: word(1), modelId: word(2), flags },
        requestHash: sha256(requestPreimage(header, sha256(body))),
        responseHash: sha256(responsePreimage(facts)),
      }),
    );
    return {
      index: Number(decodeReceipt(bundle.receipt).index),
      archive: {
        format: 'proofmark archive v1',
        ...bundle,
        evidence: {
          ...{ version: 1, tee: 'aws-nitro', document: word(1), certificates: [], revocationLists: [] },
          ...{ identity: new Uint8Array(320), configuration: word(1), runtime: word(1) },
        },
        challenge: { value: word(1), preimage: null },
        release: { manifest: word(1), owner: new Uint8Array(64), signature: new Uint8Array(64) },
        request: { header, body, bodyHash: sha256(body) },
        response: { format: 2, jsonLength: 0, body: answer, bodyHash: sha256(answer) },
        anchors: [],
      },
    };
  }

  async function bring(archive: Archive): Promise<string> {
    const response = fetch(`${served.host.url}/v1/disclosed`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/octet-stream' } },
      body: Uint8Array.from(encodeArchive(archive)),
    });
    return code(response);
  }

  it('is brought by whoever has it, and shown to auditors from then on', async () => {
    const { archive, index } = sealed(flag.disclose | flag.sealed);
    expect(await code(ask('/v1/disclosed', { index }))).toBe('disclosed_unknown');
    expect(await bring(archive)).toBe('shown');
    const kept = decodeDisclosed(new Uint8Array(await (await ask('/v1/disclosed', { index })).arrayBuffer()));
    expect([kept.body, kept.answer]).toEqual([archive.request?.body, archive.response?.body]);
  });

  it('is taken whole, and only where its requester disclosed it', async () => {
    const { archive } = sealed(flag.disclose | flag.sealed);
    expect(await bring(sealed(flag.sealed).archive)).toBe('disclosure_refused');
    expect(await bring({ ...archive, response: null })).toBe('disclosure_refused');
    const other = { ...archive.response, body: utf8('something else') } as NonNullable<Archive['response']>;
    expect(await bring({ ...archive, response: other })).toBe('disclosure_refused');
  });

  it('is none of a receipt that is not here', async () => {
    const { archive } = sealed(flag.disclose | flag.sealed);
    const receipt = Uint8Array.from(archive.receipt);
    receipt[9 * 32 + 31] = 1;
    expect(await bring({ ...archive, receipt })).toBe('receipt_unknown');
  });
});

it('says nothing of all that where nobody is named', async () => {
  const plain = await serve();
  const path = `/v1/disclosed/${toHex(plain.worker.log.log)}/0`;
  expect((await fetch(`${plain.host.url}${path}`)).status).toBe(404);
  expect((await fetch(`${plain.host.url}/v1/findings`, { method: 'POST' })).status).toBe(404);
  await plain.stop();
});
