import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConsoleServer, startConsoleServer } from '../../../cli/console/server.ts';
import { openAssets } from '../../../host/console/assets.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { type Middle, serveProxy } from '../../client/proxy.ts';
import { createWorld, type World } from '../../client/world.ts';
import { type World as HubWorld, type Made, makeRelease, openWorld } from '../../host/hub/support/world.ts';
import { chromium } from '../chromium.ts';
import { expectAccessible, expectFits, launchBrowser, screenshot, type Visit, visit } from './harness.ts';

const TIMEOUT = 180_000;

describe.skipIf(chromium === undefined)(
  'a hub in the console (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let world: World;
    let host: HttpHost;
    let hub: HubWorld;
    let middle: Middle;
    let served: ConsoleServer;
    let first: Made;
    let second: Made;

    beforeAll(async () => {
      world = await createWorld();
      host = await serveHost(world.host);
      hub = await openWorld();
      const files = new Map([
        ['model.onnx', utf8('weights')],
        ['README.md', utf8('# A model on a hub\n\nWith a card.\n')],
      ]);
      const about = { name: 'sorter', description: 'Sorts what it is given.' };
      first = makeRelease(hub.acme, files, { ...about, version: '1.0.0' });
      second = makeRelease(hub.acme, files, { ...about, version: '2.0.0' });
      for (const made of [first, second]) await hub.publish(made);
      await hub.publish(makeRelease(hub.acme, files, { name: 'other', description: 'Something else.' }));
      await hub.setStatus(first, 'deprecated', 1n);
      middle = await serveProxy(hub.hub.url);
      const policy = utf8(JSON.stringify({ ...world.rules, publishers: [toHex(hub.acme.owner)] }));
      served = await startConsoleServer({
        assets: await openAssets(),
        host: host.url,
        hub: middle.url,
        chain: undefined,
        policy,
        port: 0,
      });
      browser = await launchBrowser();
    }, TIMEOUT);
    beforeEach(() => {
      middle.onReply = (passing) => passing;
    });
    afterAll(async () => {
      await browser?.close();
      await served?.close();
      await middle?.close();
      await hub?.stop();
      await host?.close();
    });

    async function open(size: 'desktop' | 'phone' = 'desktop'): Promise<Visit> {
      const visited = await visit(browser, { url: served.url, at: world.now, route: '#/models', size });
      visited.page.setDefaultTimeout(60_000);
      await visited.page.getByRole('tab', { name: 'On the hub' }).click();
      return visited;
    }

    it.each(['desktop', 'phone'] as const)('is searched, and its releases are proven one by one: %s', async (size) => {
      const { page, complaints, close } = await open(size);
      await page.getByLabel('Search the hub').fill('sorts what');
      await page.getByLabel('Search the hub').press('Enter');
      await page.getByRole('button', { name: 'acme/other 1.0.0' }).waitFor({ state: 'detached' });
      await screenshot(page, `hub-found-${size}`);
      await page.getByRole('button', { name: 'acme/sorter 2.0.0' }).click();
      await page.getByRole('heading', { name: 'A model on a hub' }).waitFor();
      expect(await page.getByRole('region', { name: 'Verdict on release sorter 2.0.0' }).textContent()).toContain(
        'accepted',
      );
      await page.getByRole('button', { name: '1.0.0', exact: true }).click();
      await page.getByText('the owner’s status: deprecated, number 1').waitFor();
      await page.getByRole('heading', { name: 'A model on a hub' }).waitFor();
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `hub-release-${size}`);
      expect(complaints).toEqual([]);
      await close();
    });

    it.each<readonly [string, (path: string) => boolean, () => Promise<Uint8Array>, string]>([
      [
        'another release',
        (path) => path === `/v1/hub/releases/${second.modelId}`,
        async () => new Uint8Array(await (await hub.get(`/v1/hub/releases/${first.modelId}`)).arrayBuffer()),
        'release_mismatch',
      ],
      [
        'another card',
        (path) => path.endsWith('/files/README.md'),
        async () => utf8('# A modem on a hub\n\nWith a card.\n'),
        'file_mismatch',
      ],
    ])('that shows %s is told by name', async (_, when, lie, name) => {
      middle.onReply = async (passing) => (when(passing.path) ? { ...passing, bytes: await lie() } : passing);
      const { page, complaints, close } = await open();
      await page.getByRole('button', { name: 'acme/sorter 2.0.0' }).click();
      const alert = page.getByRole('alert', { name: /^Stop trusting/ });
      await alert.waitFor();
      expect(await alert.locator('code').allTextContents()).toContain(name);
      expect(await page.locator('.card-text').count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    });
  },
);
