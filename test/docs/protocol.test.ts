import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { COSIGNED_CHALLENGE_BYTES, COSIGNED_HEAD_BYTES } from '../../wire/message/anchor.ts';
import { FLOAT_DECIMALS } from '../../wire/message/integers.ts';
import { HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../../wire/message/link.ts';
import { HEAD_BYTES, leafPreimage, RECEIPT_BYTES } from '../../wire/message/receipt.ts';
import { REQUEST_HEADER_BYTES, requestPreimage, responsePreimage } from '../../wire/message/request.ts';
import { RECORDS_TYPE } from '../../wire/message/session.ts';
import { PROTOCOL_NAME } from '../../wire/noise/index.ts';
import { LAST_COUNTER } from '../../wire/noise/record.ts';
import { nodePreimage } from '../../wire/tree/shape.ts';
import { blocks, pageUrl } from './pages.ts';
import { protocolBlocks } from './protocol/blocks.ts';

const read = (path: string): string => readFileSync(pageUrl(path), 'utf8');
const bytesPage = read('docs/protocol.md');
const httpPage = read('docs/protocol-http.md');
const checksPage = read('docs/protocol-checks.md');

interface Statement {
  readonly fields: Readonly<Record<string, string>>;
}

function vector<T>(name: string): T {
  return JSON.parse(read(`attestations/vectors/wire/${name}.json`)) as T;
}

/** One part of a page, as its reader finds it. */
function part(name: string): string {
  const found = new RegExp(`<!-- generated: ${name} -->\\n([\\s\\S]*?)\\n<!-- end generated -->`).exec(bytesPage)?.[1];
  if (found === undefined) throw new Error(`the page has no part "${name}"`);
  return found;
}

/** A second implementation that knows the page and nothing else: bytes of a word from a kind and a vector's text. */
function word(kind: string, value: string): string {
  if (kind.startsWith('uint')) return BigInt(value).toString(16).padStart(64, '0');
  return value.padStart(64, '0');
}

function tag(text: string): string {
  return toHex(new TextEncoder().encode(text)).padEnd(64, '0');
}

function byTable(name: string, fields: Statement['fields']): string {
  const rows = [...part(name).matchAll(/^\| \d+ \| `(\w+)` \| (\w+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(0);
  return rows.map(([, field = '', kind = '']) => word(kind, fields[field] as string)).join('');
}

function byLine(name: string, fields: Statement['fields']): string {
  const words = [...part(name).matchAll(/`(?:"([^"]+)"|(\w+)(?:: (\w+))?)`/g)];
  expect(words.length).toBeGreaterThan(0);
  return words
    .map(([, text, field = '', kind = 'bytes32']) =>
      text === undefined ? word(kind, fields[field] as string) : tag(text),
    )
    .join('');
}

function sha256(hex: string): string {
  return createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
}

test('every part that the protocol can be asked for stands on one of its pages', () => {
  const pages = bytesPage + httpPage + checksPage;
  const missing = Object.keys(protocolBlocks).filter((name) => !pages.includes(`<!-- generated: ${name} -->`));
  expect(missing).toEqual([]);
  expect(Object.keys(blocks)).toEqual(expect.arrayContaining(Object.keys(protocolBlocks)));
});

describe('whoever knows the page alone makes the bytes of the vectors:', () => {
  test('identity and log', () => {
    const { fields, words, log } = vector<Statement & { words: string; log: string }>('identity');
    expect(byTable('identity', fields)).toBe(words);
    expect(sha256(tag('proofmark identity v1') + words)).toBe(log);
  });

  test('header and hashes of a request and its answer', () => {
    const { header, body, requestHash, response } = vector<{
      header: Statement & { words: string };
      body: { sha256: string };
      requestHash: string;
      response: Statement & { responseHash: string };
    }>('request');
    expect(byTable('header', header.fields)).toBe(header.words);
    expect(sha256(`02${header.words}${body.sha256}`)).toBe(requestHash);
    const { salt = '', status = '', format = '', jsonLength = '', bodyHash = '' } = response.fields;
    const numbers = [status, format, jsonLength].map((value) => word('uint', value)).join('');
    expect(sha256(`03${salt}${numbers}${bodyHash}`)).toBe(response.responseHash);
  });

  test('receipts, leaves and heads', () => {
    const { receipts, head } = vector<{
      receipts: (Statement & { words: string; leafHash: string })[];
      head: { words: string };
    }>('receipt');
    for (const { fields, words, leafHash } of receipts) {
      expect(byTable('receipt', fields)).toBe(words);
      expect(sha256(`00${words}`)).toBe(leafHash);
    }
    expect(head.words.startsWith(tag('proofmark head v1'))).toBe(true);
    expect(head.words).toHaveLength(2 * 32 * [...part('message head').matchAll(/`[^`]+`/g)].length);
  });

  test('channels, vouchers, escrows, registrations, releases and dates', () => {
    const said = vector<{
      channel: Statement & { id: string };
      voucher: Statement & { message: string };
      session: { handshakeHash: string; message: string };
      challenge: Statement & { value: string };
      issuedChallenge: Statement & { value: string };
      register: { log: string; message: string };
      revoke: Statement & { message: string };
      release: { modelId: string; message: string };
      escrow: Statement & { id: string };
      kms: { log: string; modelId: string; userData: string };
      status: { status: string; sequence: string; message: string }[];
      listing: Statement & { message: string };
    }>('authorisations');
    expect(sha256(byLine('message channel', said.channel.fields))).toBe(said.channel.id);
    expect(sha256(tag('proofmark channel v1') + byTable('channel fields', said.channel.fields))).toBe(said.channel.id);
    expect(byLine('message voucher', said.voucher.fields)).toBe(said.voucher.message);
    expect(byLine('message session', { h: said.session.handshakeHash })).toBe(said.session.message);
    expect(sha256(byLine('message block challenge', said.challenge.fields))).toBe(said.challenge.value);
    expect(sha256(byLine('message issued challenge', said.issuedChallenge.fields))).toBe(said.issuedChallenge.value);
    expect(byLine('message register', { log: said.register.log, challenge: said.challenge.value })).toBe(
      said.register.message,
    );
    expect(byLine('message revoke', said.revoke.fields)).toBe(said.revoke.message);
    expect(byLine('message release', { modelId: said.release.modelId })).toBe(said.release.message);
    expect(sha256(byLine('message escrow', said.escrow.fields))).toBe(said.escrow.id);
    expect(sha256(byLine('message kms', { log: said.kms.log, modelId: said.kms.modelId }))).toBe(said.kms.userData);
    for (const { status, sequence, message } of said.status) {
      expect(byLine('message status', { modelId: said.release.modelId, status, sequence })).toBe(message);
    }
    const [major = '', minor = '', patch = ''] = (said.listing.fields['version'] as string).split('.');
    expect(byLine('message listing', { ...said.listing.fields, major, minor, patch })).toBe(said.listing.message);

    const { chain } = vector<{ chain: Readonly<Record<string, string>> & { preimage: string } }>('proofs');
    expect(byLine('message point', chain)).toBe(chain.preimage);

    const dates = vector<{ head: Statement & { words: string }; challenge: Statement & { words: string } }>('anchors');
    expect(byLine('message head date', dates.head.fields)).toBe(dates.head.words);
    expect(byLine('message challenge date', dates.challenge.fields)).toBe(dates.challenge.words);
  });

  test('what is sealed: associated data and lengths of plaintexts', () => {
    const { handshakeHash, prologue, log, records } = vector<{
      handshakeHash: string;
      prologue: string;
      log: string;
      records: {
        direction: string;
        request: number;
        chunk: number;
        final: boolean;
        padding: 'body' | 'stream';
        data: string;
        plaintextLength: number;
        associatedData: string;
        nonce: string;
      }[];
    }>('noise');
    expect(byLine('message prologue', { log })).toBe(prologue);
    const u32 = (value: number): string => value.toString(16).padStart(8, '0');
    for (const record of records) {
      const place = `${u32(record.request)}${u32(record.chunk)}`;
      const direction = record.direction === 'to-worker' ? '00' : '01';
      const bound = `${tag('proofmark record v1')}${handshakeHash}${direction}${place}${record.final ? '01' : '00'}`;
      expect(record.associatedData).toBe(bound);
      expect(record.nonce).toBe(`00000000${place}`);
      expect(record.plaintextLength).toBe(padded(4 + record.data.length / 2, record.padding));
    }
  });
});

/** The page's two rules, in its own words. */
function padded(length: number, padding: 'body' | 'stream'): number {
  if (padding === 'stream') return Math.ceil(length / 256) * 256;
  if (length > 65_536) return Math.ceil(length / 65_536) * 65_536;
  return [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536].find((size) => size >= length) as number;
}

test('numbers that stand in sentences are those of the code', () => {
  const hash = new Uint8Array(32);
  expect(requestPreimage(new Uint8Array(REQUEST_HEADER_BYTES), hash)[0]).toBe(0x02);
  expect(leafPreimage(new Uint8Array(RECEIPT_BYTES))[0]).toBe(0x00);
  expect(nodePreimage(hash, hash)[0]).toBe(0x01);
  expect(responsePreimage({ salt: hash, status: 0n, format: 0n, jsonLength: 0n, bodyHash: hash })[0]).toBe(0x03);
  for (const said of [
    `${COSIGNED_HEAD_BYTES} bytes as`,
    `${COSIGNED_CHALLENGE_BYTES} as preimage`,
    `\`head\` (${HEAD_BYTES} bytes)`,
    `\`receipt\`\n(${RECEIPT_BYTES} bytes)`,
    `so each message is ${HANDSHAKE_MESSAGE_BYTES} bytes`,
    `Numbers end at 0x${LAST_COUNTER.toString(16)}`,
    `with ${FLOAT_DECIMALS} decimals`,
    `\`${PROTOCOL_NAME}\``,
    `the last ${limits.sessionWindow.toLocaleString('en')}`,
  ]) {
    expect(bytesPage).toContain(said);
  }
  for (const said of [
    `${SESSION_ID_BYTES} bytes of session id`,
    `Accept: ${RECORDS_TYPE}`,
    `the ${REQUEST_HEADER_BYTES} bytes of the header`,
  ]) {
    expect(httpPage).toContain(said);
  }
});
