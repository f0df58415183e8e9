import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { chromium } from '../chromium.ts';
import {
  expectAccessible,
  expectFits,
  launchBrowser,
  type ServedConsole,
  screenshot,
  serveConsole,
  type Visit,
  visit,
} from './harness.ts';
import { createSeenWorld, type SeenWorld } from './seen-world.ts';

const TIMEOUT = 120_000;

describe.skipIf(chromium === undefined)(
  'the overview and the workers (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let seen: SeenWorld;
    let mine: ServedConsole;
    let bare: ServedConsole;
    let picky: ServedConsole;
    let opened: Visit | undefined;

    beforeAll(async () => {
      seen = await createSeenWorld();
      const { host, world } = seen;
      mine = await serveConsole({ host: host.url, servedBy: 'package', policy: world.rules });
      bare = await serveConsole({ host: host.url, servedBy: 'host' });
      const [image] = world.rules['images'] as readonly [{ readonly [pcr: string]: string }];
      const pcr1 = `${'0'.repeat(8)}${(image['pcr1'] ?? '').slice(8)}`;
      picky = await serveConsole({
        host: host.url,
        servedBy: 'package',
        policy: { ...world.rules, images: [{ ...image, pcr1 }] },
      });
      browser = await launchBrowser();
    }, TIMEOUT);

    afterEach(async () => {
      seen.onHead = (newest) => newest;
      seen.world.onGet = async (_path, reply) => reply;
      await opened?.close();
      opened = undefined;
    });

    afterAll(async () => {
      await browser?.close();
      for (const served of [mine, bare, picky]) await served?.close();
      await seen?.host.close();
    });

    async function open(options: Partial<Parameters<typeof visit>[1]>): Promise<Page> {
      opened = await visit(browser, { url: mine.url, at: seen.world.now, ...options });
      return opened.page;
    }

    const looks = [
      ['desktop', 'light'],
      ['desktop', 'dark'],
      ['phone', 'light'],
      ['phone', 'dark'],
    ] as const;

    it.each(looks)('tells on a %s in %s colours what runs, proven or only said', async (size, scheme) => {
      const page = await open({ size, scheme });
      const verdict = page.getByRole('region', { name: /^Verdict on worker/ });
      await verdict.getByText('accepted', { exact: true }).waitFor();
      expect(await verdict.textContent()).toContain('Simulated: no hardware vouches for any of this.');
      expect(await verdict.textContent()).toContain('checked by your own package');
      await page.getByText('signed by a publisher you accept').first().waitFor();
      await page.getByText(/under a head that its worker signed/).waitFor();
      await page.getByText('7 431').waitFor();
      await page.locator('canvas').nth(2).waitFor();
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `overview-${size}-${scheme}`);
      expect(opened?.complaints).toEqual([]);
    });

    it.each(looks)('draws on a %s in %s colours the chain of trust from root to key', async (size, scheme) => {
      const page = await open({ size, scheme, route: '#/workers' });
      const chain = page.locator('.chain');
      await chain.waitFor();
      const states = await chain.locator('> li > h3 .tag').allTextContents();
      expect(states.length).toBeGreaterThan(4);
      expect(new Set(states)).toEqual(new Set(['proven', 'accepts']));
      await chain.getByText('checks decide about this link').nth(1).click();
      await chain.locator('table:visible').waitFor();
      await page.getByRole('heading', { name: 'PCR0 the same' }).waitFor();
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `workers-${size}-${scheme}`);
      expect(opened?.complaints).toEqual([]);
    });

    it('draws plots again in the colours of another scheme', async () => {
      const page = await open({});
      const canvas = page.locator('canvas').first();
      await canvas.waitFor();
      const light = await canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
      await page.getByLabel('Colours').selectOption('dark');
      await page.waitForFunction((before) => document.querySelector('canvas')?.toDataURL() !== before, light);
    });

    it('has every figure of a plot as a table', async () => {
      const page = await open({});
      const plot = page.getByRole('figure', { name: /Requests per second/ });
      await plot.getByText('The same as a table').click();
      expect(await plot.locator('tbody tr').count()).toBe(12);
      expect(await plot.locator('tbody tr').first().textContent()).toContain('/s');
    });

    it('follows the log while it grows, by heads that prove to continue each other', async () => {
      const page = await open({});
      await page.getByText(/^\d+, under a head/).waitFor();
      const size = Number.parseInt((await page.getByText(/^\d+, under a head/).textContent()) ?? '', 10);
      await seen.grow();
      await page.clock.runFor(6_000);
      await page.getByText(new RegExp(`^${size + 1}, under a head`)).waitFor();
    });

    it('names a stale head', async () => {
      const page = await open({});
      await page.getByText(/^\d+, under a head/).waitFor();
      const size = Number.parseInt((await page.getByText(/^\d+, under a head/).textContent()) ?? '', 10);
      let before: object | undefined;
      seen.onHead = (newest) => {
        before ??= newest;
        return newest;
      };
      await page.clock.runFor(6_000);
      await expect.poll(() => before).toBeDefined();
      await seen.grow();
      await page.clock.runFor(6_000);
      // Only who has seen the later head can tell that the earlier one is stale.
      await page.getByText(new RegExp(`^${size + 1}, under a head`)).waitFor();
      seen.onHead = () => before ?? {};
      await page.clock.runFor(6_000);
      const problem = page.getByRole('alert').filter({ hasText: 'A log does not hold.' });
      await problem.getByText('head_stale').waitFor();
      expect(await problem.textContent()).toContain('log_withheld');
    });

    it('counts down, and asks again with a fresh challenge', async () => {
      const page = await open({ route: '#/workers' });
      const left = page.locator('.lifetimes tbody tr').first().locator('td').nth(2);
      await left.waitFor();
      const before = await left.textContent();
      await page.clock.runFor(5_000);
      expect(await left.textContent()).not.toBe(before);
      const challenge = page.locator('.verdict .hex code');
      const first = await challenge.getAttribute('title');
      await page.getByRole('button', { name: 'Ask again with a fresh challenge' }).click();
      await page.waitForFunction(
        (old) => (document.querySelector('.verdict .hex code')?.getAttribute('title') ?? old) !== old,
        first,
      );
    });

    it('marks where a measurement differs from the policy, and refuses by name', async () => {
      const page = await open({ url: picky.url, route: '#/workers' });
      await page.getByRole('heading', { name: 'PCR1 differs' }).waitFor();
      expect(await page.locator('.measurements mark').allTextContents()).toContain('00000000');
      expect(await page.locator('.verdict').textContent()).toContain('image_refused');
      await expectAccessible(page);
      await screenshot(page, 'workers-refused');
    });

    it('accepts nothing without a policy, says so, and takes one that is dropped', async () => {
      const page = await open({ url: bare.url, route: '#/workers' });
      await page.getByText('No policy chosen: nothing is accepted.').waitFor();
      await page.locator('.chain').waitFor();
      expect(await page.locator('.verdict-word strong').textContent()).not.toBe('accepted');
      expect(await page.locator('.verdict').textContent()).toContain('checked by code this host sent');
      await screenshot(page, 'workers-no-policy');
      await expectAccessible(page);
      await page.getByLabel('Policy file').setInputFiles({
        name: 'policy.json',
        mimeType: 'application/json',
        buffer: Buffer.from(JSON.stringify(seen.world.rules)),
      });
      await page.locator('.verdict-word strong').getByText('accepted', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'forget it' }).click();
      await page.getByText('No policy chosen: nothing is accepted.').waitFor();
      expect(opened?.complaints).toEqual([]);
    });

    it('says by its code what is no policy', async () => {
      const page = await open({ url: bare.url });
      await page.getByText('Or paste it').click();
      await page.getByLabel('Policy as JSON').fill('{"tee":"aws-nitro"}');
      await page.getByRole('button', { name: 'Use this policy' }).click();
      await page.getByRole('alert').getByText('policy_invalid', { exact: true }).waitFor();
    });

    it('names a replayed document', async () => {
      const old = encodeEvidence(seen.world.evidence(new Uint8Array(32).fill(9)));
      seen.world.onGet = async (path, reply) => (path.startsWith('/v1/evidence') ? old : reply);
      const page = await open({});
      const verdict = page.getByRole('region', { name: /^Verdict on worker/ });
      await verdict.waitFor();
      expect(await verdict.textContent()).toContain('challenge_mismatch');
      expect(await page.locator('.verdict-word strong').textContent()).not.toBe('accepted');
    });
  },
);
