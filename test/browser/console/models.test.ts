import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
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
import { createModelWorld, type ModelWorld } from './model-world.ts';

const TIMEOUT = 120_000;

describe.skipIf(chromium === undefined)(
  'models in the console (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let models: ModelWorld;
    let host: HttpHost;
    let served: ServedConsole;

    beforeAll(async () => {
      models = await createModelWorld();
      models.state(models.tensor, 'deprecated', 2n);
      models.state(models.newer, 'active', 1n);
      host = await serveHost(models.host);
      served = await serveConsole({ host: host.url, servedBy: 'package', policy: models.policy });
      browser = await launchBrowser();
    }, TIMEOUT);

    afterAll(async () => {
      await browser?.close();
      await served?.close();
      await host?.close();
    });

    const open = (route: string, options: Partial<VisitOptions> = {}): Promise<Visit> =>
      visit(browser, { url: served.url, at: models.world.now, route, ...options });

    it.each([
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
    ] as const)('are listed with what their owners signed: %s, %s', async (size, scheme) => {
      const { page, complaints, close } = await open('#/models', { size, scheme });
      await page.getByText('deprecated, signed').waitFor();
      expect(await page.locator('.release').count()).toBe(4);
      expect(await page.getByText('publisher accepted').count()).toBe(4);
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `models-${size}-${scheme}`);
      expect(complaints).toEqual([]);
      await close();
    });

    it.each([
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
    ] as const)('have a page each: %s, %s', async (size, scheme) => {
      const { page, complaints, close } = await open(`#/models/${toHex(models.tensor.modelId)}`, { size, scheme });
      await page.getByRole('heading', { name: 'Doubling as a service' }).waitFor();
      await page.getByRole('button', { name: '1', exact: true }).click();
      await page.getByText('Expected by the owner').waitFor();
      const offered = page.getByRole('region', { name: 'Levels offered' });
      await offered.getByText('5 a unit').waitFor();
      expect(await offered.textContent()).toContain('the release names no circuit');
      expect(await offered.textContent()).toContain('dev setup, some 3 s to prove');
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `model-${size}-${scheme}`);
      expect(complaints).toEqual([]);
      await close();
    });

    it.each([
      ['desktop', 'light'],
      ['phone', 'dark'],
    ] as const)('with a hostile card stay inert and readable: %s, %s', async (size, scheme) => {
      const { page, complaints, close } = await open(`#/models/${toHex(models.hostile.modelId)}`, { size, scheme });
      const card = page.locator('.card-text');
      await page.getByRole('button', { name: 'Show all of the card' }).waitFor();
      const elements = await card.evaluate((root) => [
        ...new Set([...root.querySelectorAll('*')].map(({ tagName }) => tagName)),
      ]);
      expect(elements.filter((name) => /^(A|IMG|SCRIPT|STYLE|IFRAME|LINK|OBJECT|SVG)$/i.test(name))).toEqual([]);
      expect(
        await card.evaluate((root) =>
          [...root.querySelectorAll('*')].some((each) =>
            [...each.attributes].some(({ name }) => /^(on|src|href|style)/.test(name)),
          ),
        ),
      ).toBe(false);
      expect(await page.title()).toContain('Models');
      const text = (await card.textContent()) ?? '';
      expect(text).toContain('<script>document.title');
      expect(text).toContain("Read the paper (javascript:document.title='owned')");
      expect(text).toContain('[U+202E]eerf');
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `model-hostile-${size}-${scheme}`);
      expect(complaints).toEqual([]);
      await close();
    });
  },
);
