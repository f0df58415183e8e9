import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveHost } from '../../client/http-host.ts';
import { createWorld, type World } from '../../client/world.ts';
import { chromium } from '../chromium.ts';
import {
  expectAccessible,
  expectFits,
  launchBrowser,
  type ServedConsole,
  screenshot,
  serveConsole,
  visit,
} from './harness.ts';

const TIMEOUT = 120_000;

describe.skipIf(chromium === undefined)(
  'the console (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let world: World;
    let host: Awaited<ReturnType<typeof serveHost>>;
    let mine: ServedConsole;
    let theirs: ServedConsole;

    beforeAll(async () => {
      world = await createWorld();
      host = await serveHost(world.host);
      mine = await serveConsole({ host: host.url, servedBy: 'package', policy: world.rules });
      theirs = await serveConsole({ host: host.url, servedBy: 'host' });
      browser = await launchBrowser();
    }, TIMEOUT);

    afterAll(async () => {
      await browser?.close();
      await mine?.close();
      await theirs?.close();
      await host?.close();
    });

    it('says above everything that it is checked by code that the host sent, and how to check with one’s own', async () => {
      const { page, complaints, close } = await visit(browser, { url: theirs.url, at: world.now });
      const label = page.getByRole('note');
      expect(await label.textContent()).toContain('Checked by code this host sent.');
      expect(await label.textContent()).toContain(`npx proofmark console --connect ${new URL(theirs.url).origin}`);
      await expectAccessible(page);
      expect(complaints).toEqual([]);
      await close();
    });

    it('says that it is checked by the user’s own package, and where it is connected', async () => {
      const { page, complaints, close } = await visit(browser, { url: mine.url, at: world.now });
      expect(await page.locator('.origin').textContent()).toBe(`Checked by your own package. Connected to ${host.url}`);
      expect(complaints).toEqual([]);
      await close();
    });

    it('is walked by keyboard alone', async () => {
      const { page, complaints, close } = await visit(browser, { url: mine.url, at: world.now });
      const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to the content');
      await page.keyboard.press('Enter');
      expect(await focused()).toBe('Overview');
      await page.keyboard.press('Shift+Tab');
      for (const title of ['Workers', 'Models', 'Receipts', 'Audit', 'Overview']) {
        await page.evaluate(() => (document.querySelector('.brand') as HTMLElement).focus());
        while ((await focused()) !== title) await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.waitForFunction((name) => document.title.startsWith(name), title);
        expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
      }
      expect(complaints).toEqual([]);
      await close();
    });

    it.each([
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
      ['phone', 'dark'],
    ] as const)('fits a %s, in %s colours', async (size, scheme) => {
      const { page, complaints, close } = await visit(browser, { url: mine.url, at: world.now, size, scheme });
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `shell-${size}-${scheme}`);
      expect(complaints).toEqual([]);
      await close();
    });

    it('keeps the colours that were chosen', async () => {
      const { page, close } = await visit(browser, { url: mine.url, at: world.now });
      const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await paper();
      await page.getByLabel('Colours').selectOption('dark');
      const dark = await paper();
      expect(dark).not.toBe(light);
      await page.reload();
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await paper()).toBe(dark);
      await close();
    });
  },
);
