import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJournal } from '../../host/journal/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead } from '../../wire/message/receipt.ts';
import { createFakeLog, random } from '../support/fake-log.ts';
import { type Served, serve } from './support/served.ts';

const stateDirectory = mkdtempSync(join(tmpdir(), 'proofmark-places-'));
const logs = [createFakeLog(), createFakeLog()] as const;
const twice = random(32);
let served: Served;

beforeAll(async () => {
  const journal = openJournal(join(stateDirectory, 'journal'), { maxBytes: 2 ** 28 });
  for (const log of logs) {
    await journal.openLog(log.ready);
    await journal.append(log.log, log.grow([{}, { requestId: twice }, {}]).entries).durable;
  }
  await journal.close();
  served = await serve({ stateDirectory });
});

afterAll(async () => {
  await served.stop();
  rmSync(stateDirectory, { recursive: true, force: true });
});

const ask = (path: string): Promise<Response> => fetch(`${served.host.url}/v1/receipts/${path}`);

async function codeOf(path: string): Promise<string> {
  const response = await ask(path);
  const { code } = (await response.json()) as { readonly code: string };
  return `${response.status} ${code}`;
}

describe('a request id that was used twice', () => {
  it('has two places, and the receipt of each is shown to whoever names it', async () => {
    const said = (await (await ask(`${toHex(twice)}/places`)).json()) as {
      readonly places: readonly { readonly log: string; readonly index: number }[];
    };
    expect(said).toMatchObject({ requestId: toHex(twice) });
    const expected = logs.map(({ log }) => ({ log: toHex(log), index: 1 }));
    expect([...said.places].sort((a, b) => (a.log < b.log ? -1 : 1))).toEqual(
      expected.sort((a, b) => (a.log < b.log ? -1 : 1)),
    );
    for (const { log, index } of said.places) {
      const response = await ask(`${toHex(twice)}?log=${log}&index=${index}`);
      expect(response.headers.get('proofmark-log')).toBe(log);
      const { receipt, head } = decodeBundle(new Uint8Array(await response.arrayBuffer()));
      expect(toHex(decodeTreeHead(head).log)).toBe(log);
      expect(decodeReceipt(receipt)).toMatchObject({ requestId: twice, index: 1n });
    }
    expect((await ask(toHex(twice))).status).toBe(200);
  });

  it.each([
    ['a place where it is not', `${toHex(twice)}?index=2`, '404 receipt_unknown'],
    ['a log that it is not in', `${toHex(twice)}?log=${'00'.repeat(32)}`, '404 receipt_unknown'],
    ['a log that is none', `${toHex(twice)}?log=xyz`, '400 request_invalid'],
    ['a place that is none', `${toHex(twice)}?index=-1`, '400 request_invalid'],
    ['places of an id that nobody used', `${'00'.repeat(32)}/places`, '404 receipt_unknown'],
    ['places of no id', 'xyz/places', '400 request_invalid'],
  ])('is refused with a code for %s', async (_, path, expected) => {
    expect(await codeOf(path)).toBe(expected);
  });
});
