import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientError } from '../../../client/index.ts';
import { selectors, topics } from '../../../host/console/page/views/receipts/chain.ts';
import { parseUnverifiedArchive } from '../../../verifier/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { decodeTreeHead } from '../../../wire/message/receipt.ts';
import { serveHost } from '../../client/http-host.ts';
import { type ShownReceipts, showReceipts } from '../../client/receipts/shown-receipts.ts';
import { createWorld, type World } from '../../client/world.ts';
import { chromium } from '../chromium.ts';
import {
  expectAccessible,
  expectFits,
  launchBrowser,
  type ServedConsole,
  screenshot,
  serveConsole,
  type Visit,
  type VisitOptions,
  visit,
} from './harness.ts';
import { saved } from './saved.ts';

const TIMEOUT = 120_000;
const OPERATOR = new Uint8Array(20).fill(0x0b);
const CHAIN = {
  chainId: 31_337n,
  operator: OPERATOR,
  registry: new Uint8Array(20).fill(0x0c),
  settlement: new Uint8Array(20).fill(0x0d),
};
const word = (value: bigint): string => value.toString(16).padStart(64, '0');

/** A node that knows of one log what contracts would say. */
async function startNode(answer: (method: string, params: readonly unknown[]) => unknown): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
        id: number;
        method: string;
        params: unknown[];
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: answer(method, params) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe.skipIf(chromium === undefined)(
  'the receipts page (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let world: World;
    let shown: ShownReceipts;
    let host: Awaited<ReturnType<typeof serveHost>>;
    let node: Server;
    let served: ServedConsole;
    let unchained: ServedConsole;
    let posted: { readonly size: number; readonly root: Uint8Array };

    function chainSays(method: string, params: readonly unknown[]): unknown {
      if (method === 'eth_chainId') return '0x7a69';
      if (method === 'eth_blockNumber') return '0x1388';
      if (method === 'eth_call') {
        const { data } = params[0] as { readonly data: string };
        if (data.startsWith(`0x${selectors.operatorOf}`)) return `0x${toHex(OPERATOR).padStart(64, '0')}`;
        return `0x${word(1n)}${word(2n)}${toHex(CHAIN.settlement).padStart(64, '0')}${word(BigInt(world.now / 1_000 + 3_600))}${word(0n)}`;
      }
      const { topics: wanted } = params[0] as { readonly topics: readonly string[] };
      const log = `0x${toHex(world.log)}`;
      const at = { transactionHash: `0x${'ab'.repeat(32)}`, blockNumber: '0x1000' };
      return wanted[0] === topics.headPosted
        ? [{ ...at, topics: [topics.headPosted, log], data: `0x${word(BigInt(posted.size))}${toHex(posted.root)}` }]
        : [{ ...at, topics: [topics.claimed, `0x${word(5n)}`, log], data: `0x${word(15n)}${word(15n)}` }];
    }

    const settlementWord = {
      chainId: '31337',
      settlement: toHex(CHAIN.settlement),
      unpostedLeaves: 2,
      quietSeconds: 12,
      heads: [{ log: 'ab'.repeat(32), size: 4 }],
      transactions: [{ what: 'claim', hash: 'cd'.repeat(32), block: null }],
    };

    beforeAll(async () => {
      world = await createWorld(CHAIN);
      shown = showReceipts(world);
      await shown.ask(6);
      const { size, root } = decodeTreeHead(shown.bundles[3]?.head ?? new Uint8Array());
      posted = { size, root };
      shown.onGet = async (path, pass) =>
        path === '/v1/settlement' ? utf8(JSON.stringify({ settlement: settlementWord })) : pass();
      host = await serveHost({ ...shown.host, get: (path, maxBytes) => shown.host.get(path, maxBytes) });
      node = await startNode(chainSays);
      served = await serveConsole({ host: host.url, servedBy: 'package', policy: world.rules, chain: urlOf(node) });
      unchained = await serveConsole({ host: host.url, servedBy: 'host' });
      browser = await launchBrowser();
    }, TIMEOUT);

    afterAll(async () => {
      await browser?.close();
      await served?.close();
      await unchained?.close();
      await host?.close();
      node?.closeAllConnections();
      node?.close();
    });

    const open = (at: number, options: Partial<VisitOptions> = {}): Promise<Visit> =>
      visit(browser, { url: served.url, at: world.now, route: `#/receipts/${shown.idOf(at)}`, ...options });

    it.each([
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
      ['phone', 'dark'],
    ] as const)(
      'shows a receipt step by step, its path drawn, and the chain beside it: %s, %s',
      async (size, scheme) => {
        const { page, complaints, close } = await open(2, { size, scheme });
        await page.locator('.verdict.accepted').waitFor();
        expect(await page.locator('.verdict').textContent()).toContain('Simulated');
        await page.getByText('6 leaves continue 3').waitFor();
        await page.getByText('6 leaves continue 4').waitFor();
        expect(await page.locator('svg.path .node.neighbour').count()).toBe(shown.bundles[2]?.proof.length);
        const chain = page.getByRole('region', { name: 'On chain' });
        expect(await chain.textContent()).toContain('the node’s word');
        expect(await chain.textContent()).toContain('Heads that were posted');
        const told = page.getByRole('region', { name: 'Settlement, as the host tells it' });
        expect(await told.textContent()).toContain('host’s word');
        expect(await told.textContent()).toContain('not mined');
        await page.getByText('Every hash, from leaf to root').click();
        await page.getByText('That is the root that the worker signed.').waitFor();
        await screenshot(page, `receipts-${size}-${scheme}`);
        await expectAccessible(page);
        await expectFits(page);
        expect(complaints).toEqual([]);
        await close();
      },
    );

    it('finds a receipt by the id that is typed, and says what an id is', async () => {
      const { page, complaints, close } = await visit(browser, { url: served.url, at: world.now, route: '#/receipts' });
      await page.getByLabel('Request id').fill('xyz');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText('A request id is 64 lower-case hex digits.').waitFor();
      await page.getByLabel('Request id').fill(` ${shown.idOf(0)} `);
      await page.keyboard.press('Enter');
      await page.locator('.verdict.accepted').waitFor();
      expect(complaints).toEqual([]);
      await close();
    });

    it('makes a file of it that the audit takes, without the payload', async () => {
      const { page, complaints, close } = await open(1);
      await page.getByRole('button', { name: 'Make a .proofmark file without the payload' }).click();
      const name = `${shown.idOf(1).slice(0, 16)}.proofmark`;
      const made = await saved(page, `Save ${name}`);
      expect(made.name).toBe(name);
      expect(parseUnverifiedArchive(utf8(made.text))).toMatchObject({ request: null, response: null });
      expect(complaints).toEqual([]);
      await close();
    });

    it('says that nothing is known of a receipt that the host does not show', async () => {
      const { page, close } = await visit(browser, {
        url: served.url,
        at: world.now,
        route: `#/receipts/${'77'.repeat(32)}`,
      });
      await page.getByText('receipt_unknown').waitFor();
      expect(await page.locator('.verdict').count()).toBe(0);
      await close();
    });

    it('accepts nothing without a policy, and says how to get at a chain', async () => {
      const url = unchained.url;
      const { page, complaints, close } = await open(0, { url });
      await page.getByText('No policy chosen: nothing is accepted.').waitFor();
      expect(await page.locator('.verdict').count()).toBe(0);
      await page.getByText('Or paste it').click();
      await page.getByLabel('Policy as JSON').fill(JSON.stringify(world.rules));
      await page.getByRole('button', { name: 'Use this policy' }).click();
      await page.locator('.verdict.accepted').waitFor();
      expect(await page.locator('.verdict').textContent()).toContain('checked by code this host sent');
      await page.getByText('No chain is connected.').waitFor();
      expect(complaints).toEqual([]);
      await close();
    });

    it('calls a receipt unproven where the host shows no evidence of its log any more', async () => {
      const pass = shown.onGet;
      shown.onGet = async (path, show) => {
        if (path.startsWith('/v1/evidence')) throw new ClientError('host_error', 'gone', { reason: 'log_unknown' });
        return pass(path, show);
      };
      const { page, close } = await open(0);
      await page.locator('.verdict.undetermined').waitFor();
      expect(await page.locator('.verdict').textContent()).toContain('no evidence of this log any more');
      expect(await page.getByRole('region', { name: 'What the receipt says' }).textContent()).toContain('host’s word');
      shown.onGet = pass;
      await close();
    });

    it('distrusts a log that is not the same on chain', async () => {
      const before = posted;
      posted = { size: 4, root: new Uint8Array(32).fill(9) };
      const { page, close } = await open(2);
      await page.getByText('log_withheld', { exact: true }).waitFor();
      await page.getByText('consistency_proof').waitFor();
      posted = before;
      await close();
    });
  },
);
