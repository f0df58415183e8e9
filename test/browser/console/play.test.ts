import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseUnverifiedArchive, parseWorkerPolicy, verifyArchive } from '../../../verifier/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { decodeArchive } from '../../../wire/message/archive.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { createScript } from '../../client/language-worker.ts';
import { gate } from '../../enclave/worker/core/harness.ts';
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
const LOOKS = [
  ['desktop', 'light'],
  ['desktop', 'dark'],
  ['phone', 'light'],
] as const;

describe.skipIf(chromium === undefined)(
  'the playground of the console (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let models: ModelWorld;
    let host: HttpHost;
    let served: ServedConsole;

    beforeAll(async () => {
      models = await createModelWorld();
      host = await serveHost(models.host);
      served = await serveConsole({ host: host.url, servedBy: 'package', policy: models.policy });
      browser = await launchBrowser();
    }, TIMEOUT);
    beforeEach(() => Object.assign(models.world.script, createScript()));

    afterAll(async () => {
      await browser?.close();
      await served?.close();
      await host?.close();
    });

    const open = (model: { readonly modelId: Uint8Array }, options: Partial<VisitOptions> = {}): Promise<Visit> =>
      visit(browser, { url: served.url, at: models.world.now, route: `#/play/${toHex(model.modelId)}`, ...options });
    const ask = (page: Page): Promise<void> => page.getByRole('button', { name: 'Ask, sealed' }).click();
    const verdict = (page: Page) => page.getByRole('region', { name: 'Verdict on this answer' });

    async function saved(page: Page): Promise<Uint8Array> {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Save .proofmark' }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^[0-9a-f]{64}\.proofmark$/);
      return Uint8Array.from(readFileSync(await download.path()));
    }

    it.each(LOOKS)('answers a sample of a tensor model, proves it and saves it: %s, %s', async (size, scheme) => {
      const { page, complaints, close } = await open(models.tensor, { size, scheme });
      await page.getByRole('button', { name: 'Fill with sample 2' }).click();
      await page.getByLabel('x, row 2, value 2', { exact: true }).waitFor();
      expect(await page.getByLabel('x, row 2, value 2', { exact: true }).inputValue()).toBe('0.4');
      await ask(page);
      await verdict(page).getByText('accepted', { exact: true }).waitFor();
      expect(await verdict(page).locator('.answer').textContent()).toContain('0.10.20.30.4');
      // The publisher of this sample says 0.5 where the model says 0.4.
      expect(await verdict(page).textContent()).toMatch(/but for 0\.09999999\d* at most/);
      expect(await verdict(page).textContent()).toContain('checked by your own package');
      expect(await verdict(page).textContent()).toContain('Simulated: no hardware vouches for any of this.');

      await page.getByRole('button', { name: 'Show the proof, step by step' }).click();
      await page.getByRole('button', { name: 'open all' }).click();
      const steps = page.locator('.proof-step');
      expect(await steps.count()).toBe(10);
      expect(await page.locator('.proof-step > details > summary .tag').allTextContents()).toEqual(
        Array(10).fill('holds'),
      );
      expect(await page.locator('.compared .other').count()).toBe(0);
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `play-tensor-${size}-${scheme}`);

      const file = await saved(page);
      const judged = await verifyArchive(parseUnverifiedArchive(file), {
        policy: parseWorkerPolicy(models.policy),
        suite: nodeSuite,
        cache: 'none',
        purpose: { kind: 'live', now: models.world.now },
      });
      expect(judged.verdict).toBe('accepted');
      const { requestHash } = Object.fromEntries(
        (await page.locator('.compared').allTextContents()).map((text) => [
          text.includes('requestHash') ? 'requestHash' : '',
          text,
        ]),
      );
      expect(requestHash).toContain(toHex(decodeArchive(file).receipt.slice(96, 128)));
      expect(complaints).toEqual([]);
      await close();
    });

    it('takes cells, pasted text and free dimensions, and tells of what is wrong before anything is sent', async () => {
      const { page, complaints, close } = await open(models.tensor);
      const sent = models.world.headers.length;
      await page.getByLabel('x, row 1, value 2', { exact: true }).fill('two');
      await ask(page);
      await page.getByText('Value 2 is no number').waitFor();
      expect(models.world.headers).toHaveLength(sent);
      await page.getByRole('button', { name: 'write or paste as text' }).click();
      await page.getByLabel(/^Values/).fill('[[1, 2, 3]]');
      await page.getByText('shape [1, 3], where [batch, 2] belongs').waitFor();
      await page.getByLabel(/^Values/).fill('7,8\n9,10\n11,12');
      expect(await page.getByLabel('batch').inputValue()).toBe('3');
      await page.getByLabel('batch').fill('2');
      await ask(page);
      await verdict(page).getByText('accepted', { exact: true }).waitFor();
      expect(await verdict(page).locator('.answer').textContent()).toContain('78910');
      expect(await verdict(page).textContent()).not.toContain('owner expects');
      expect(complaints).toEqual([]);
      await close();
    });

    it('says of an answer that the input above it is another by now', async () => {
      const { page, close } = await open(models.tensor);
      await page.getByLabel('x, row 1, value 1', { exact: true }).fill('7');
      await ask(page);
      await verdict(page).getByText('answered to what you sent').waitFor();
      await page.getByLabel('x, row 1, value 1', { exact: true }).fill('8');
      await verdict(page).getByText('the input above is another by now').waitFor();
      await close();
    });

    it('is used by keyboard alone', async () => {
      const { page, complaints, close } = await open(models.tensor);
      const sample = page.getByRole('button', { name: 'Fill with sample 1' });
      await sample.waitFor();
      const until = async (name: string): Promise<void> => {
        for (let step = 0; step < 80; step++) {
          const text = await page.evaluate(() => {
            const active = document.activeElement;
            return active?.getAttribute('aria-label') ?? active?.textContent ?? '';
          });
          if (text.trim() === name) return;
          await page.keyboard.press('Tab');
        }
        throw new Error(`${name} is not reached`);
      };
      await until('Fill with sample 1');
      await page.keyboard.press('Enter');
      await until('x, row 1, value 1');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('3.25');
      await page.keyboard.press('Enter');
      await verdict(page).getByText('accepted', { exact: true }).waitFor();
      expect(await verdict(page).locator('.answer').textContent()).toContain('3.252.5');
      await until('Show the proof, step by step');
      await page.keyboard.press('Space');
      await page.locator('.proof-step').first().waitFor();
      expect(complaints).toEqual([]);
      await close();
    });

    it.each(LOOKS)('streams a conversation, provisional until its end is verified: %s, %s', async (size, scheme) => {
      const held = gate();
      models.world.script.beforeToken = (index) => (index === 3 ? held.passed : Promise.resolve());
      const { page, complaints, close } = await open(models.chat, { size, scheme });
      await page.getByRole('button', { name: 'Fill with sample 1' }).click();
      await page.getByText('How it is to answer').click();
      expect(await page.getByLabel('Temperature').inputValue()).toBe('0');
      await ask(page);
      await page.locator('.said.provisional .text', { hasText: 'An enclave says' }).waitFor();
      expect(await page.locator('.said.provisional').textContent()).toContain('provisional: nobody has proven it yet');
      expect(await page.locator('.said.verified').count()).toBe(0);
      await expectAccessible(page);
      await screenshot(page, `play-chat-provisional-${size}-${scheme}`);
      held.open();
      await page.locator('.said.verified').waitFor();
      expect(await page.locator('.said.verified .answer').textContent()).toBe('An enclave says "hello" – ✓.');
      expect(await page.locator('.said.provisional').count()).toBe(0);
      expect(await page.locator('.said.verified').textContent()).toContain(
        'It is what the owner expects for this sample.',
      );
      expect(await page.locator('.said.verified').textContent()).toContain('3 read, 5 generated');
      await page.getByRole('button', { name: 'Show the proof, step by step' }).click();
      await page.locator('.proof-step').first().waitFor();
      await expectFits(page);
      await expectAccessible(page);
      await screenshot(page, `play-chat-${size}-${scheme}`);
      const archive = decodeArchive(await saved(page));
      expect(new TextDecoder().decode(archive.response?.body ?? new Uint8Array())).toContain('hello');
      expect(complaints).toEqual([]);
      await close();
    });

    it('goes on with what was proven, with the wishes of the person', async () => {
      const { page, complaints, close } = await open(models.chat);
      await page.getByText('How it is to answer').click();
      await page.getByLabel('Temperature').fill('3');
      await page.getByLabel('Your message').fill('Say hello');
      await ask(page);
      await page.getByText('not a number from 0 to 2').waitFor();
      await page.getByLabel('Temperature').fill('0.5');
      await page.getByLabel('Seed').fill('42');
      await page.getByLabel('Most tokens').fill('9');
      await page.getByLabel('Your message').press('Enter');
      await page.locator('.said.verified').waitFor();
      await page.getByLabel('Your message').fill('And now?');
      await ask(page);
      await page.locator('.turn:nth-child(2) .said.verified').waitFor();
      const save = page.locator('.turn:nth-child(2)').getByRole('button', { name: 'Save .proofmark' });
      const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
      const { request } = decodeArchive(Uint8Array.from(readFileSync(await download.path())));
      const body = JSON.parse(new TextDecoder().decode(request?.body ?? new Uint8Array())) as object;
      expect(body).toMatchObject({
        messages: [
          { role: 'user', content: 'Say hello' },
          { role: 'assistant', content: 'An enclave says "hello" – ✓.' },
          { role: 'user', content: 'And now?' },
        ],
        seed: 42,
        temperature: 0.5,
        max_tokens: 9,
      });
      expect(complaints).toEqual([]);
      await close();
    });

    it('stops an answer under the seal, and shows what of it was receipted', async () => {
      const held = gate();
      models.world.script.beforeToken = (index) => (index === 2 ? held.passed : Promise.resolve());
      const { page, complaints, close } = await open(models.chat);
      await page.getByLabel('Your message').fill('Say hello');
      await ask(page);
      await page.locator('.said.provisional .text', { hasText: 'An enclave' }).waitFor();
      models.world.onPost = async (_, pass) => {
        const reply = await pass();
        held.open();
        return reply;
      };
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('stopped; its receipt is verified').waitFor();
      expect(await page.locator('.said.stopped').textContent()).toContain('fee 10');
      models.world.onPost = (_, pass) => pass();
      expect(complaints).toEqual([]);
      await close();
    });

    it('sends nothing without a policy, and says so', async () => {
      const bare = await serveConsole({ host: host.url, servedBy: 'package' });
      const { page, complaints, close } = await open(models.tensor, { url: bare.url });
      await page.getByText('No policy chosen: nothing is accepted.').waitFor();
      expect(await page.getByRole('button', { name: 'Ask, sealed' }).isDisabled()).toBe(true);
      await page.getByText('Or paste it').click();
      await page.getByLabel('Policy as JSON').fill(JSON.stringify(models.policy));
      await page.getByRole('button', { name: 'Use this policy' }).click();
      await ask(page);
      await verdict(page).getByText('accepted', { exact: true }).waitFor();
      expect(complaints).toEqual([]);
      await close();
      await bare.close();
    });
  },
);
