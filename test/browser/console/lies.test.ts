import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { concatBytes, fromHex, readU32, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeEvidence, type Evidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { decodeSignedStatus, encodeSignedStatus } from '../../../wire/message/hub.ts';
import { encodeForSession } from '../../../wire/message/link.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { createScript } from '../../client/language-worker.ts';
import { type Middle, type Passing, serveProxy, type Tampered } from '../../client/proxy.ts';
import { createWorld, type World } from '../../client/world.ts';
import type { TestRelease } from '../../enclave/worker/core/harness.ts';
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
import { createModelWorld, type ModelWorld } from './model-world.ts';

const TIMEOUT = 120_000;
const STOP = 'Stop trusting: somebody showed something that cannot be genuine';

type Change = (passing: Passing) => Tampered | Promise<Tampered>;

const isRecord = ({ path }: Passing): boolean => /^\/v1\/sessions\/[0-9a-f]{32}/.test(path);
const isEvidence = ({ path }: Passing): boolean => path.startsWith('/v1/evidence');
const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] as number) ^ 1);

/** A host between an honest one and the person’s own console, which changes whatever it likes on its way. */
describe.skipIf(chromium === undefined)(
  'a lying host before the console of one’s own package (skipped where no browser is installed)',
  { timeout: TIMEOUT },
  () => {
    let browser: Browser;
    let models: ModelWorld;
    let world: World;
    let other: World;
    let host: HttpHost;
    let middle: Middle;
    let served: ServedConsole;

    beforeAll(async () => {
      models = await createModelWorld();
      ({ world } = models);
      // What is lost stays lost: these tests look at what becomes of a single request.
      world.keeping = false;
      other = await createWorld();
      host = await serveHost(models.host);
      middle = await serveProxy(host.url);
      served = await serveConsole({ host: middle.url, servedBy: 'package', policy: models.policy });
      browser = await launchBrowser();
    }, TIMEOUT);
    beforeEach(async () => {
      middle.onReply = (passing) => passing;
      Object.assign(world.script, createScript());
      world.onBundle = (bundle) => bundle;
      world.onAnswer = (said) => said;
      world.statuses.clear();
      await world.restart();
    });
    afterAll(async () => {
      await browser?.close();
      await served?.close();
      await middle?.close();
      await host?.close();
    });

    const lie = (when: (passing: Passing) => boolean, change: Change): void => {
      middle.onReply = (passing) => (when(passing) ? change(passing) : passing);
    };
    const open = async (model: TestRelease, view: 'play' | 'models' = 'play'): Promise<Visit> => {
      const visited = await visit(browser, {
        url: served.url,
        at: world.now,
        route: `#/${view}/${toHex(model.modelId)}`,
      });
      visited.page.setDefaultTimeout(60_000);
      return visited;
    };

    /** Asks once; the page shows the lie by its name, in the way that cannot be overlooked, and no answer. */
    async function ask(page: Page, model: TestRelease): Promise<void> {
      if (model === models.chat) await page.getByLabel('Your message').fill('Say hello');
      await page.getByRole('button', { name: 'Ask, sealed' }).click();
    }

    async function exposed(page: Page, name: string, words: RegExp): Promise<void> {
      const alert = page.getByRole('alert', { name: STOP });
      await alert.waitFor();
      expect(await alert.locator('code').allTextContents()).toContain(name);
      const text = (await alert.textContent()) ?? '';
      expect(text).toContain(STOP);
      expect(text).toMatch(words);
      expect(text).toContain('checked by your own package');
      await nothingShown(page);
    }

    async function nothingShown(page: Page): Promise<void> {
      expect(await page.locator('.answer, .said.verified, .said .text, .proof').count()).toBe(0);
      expect(await page.getByRole('button', { name: 'Save .proofmark' }).count()).toBe(0);
    }

    const challengeOf = (path: string): Uint8Array => fromHex(/challenge=([0-9a-f]{64})/.exec(path)?.[1] ?? '', 32);
    const evidenceOf =
      (from: Pick<World, 'evidence'>, change: Partial<Evidence> = {}): Change =>
      (passing) => ({
        ...passing,
        bytes: encodeEvidence({ ...from.evidence(challengeOf(passing.path)), ...change }),
      });

    it('that shows another worker, and answers its handshake itself, is told by name', async () => {
      const foreign = evidenceOf(other);
      middle.onReply = (passing) => {
        if (isEvidence(passing)) return foreign(passing);
        if (!passing.path.startsWith('/v1/sessions?')) return passing;
        const made = encodeForSession(new Uint8Array(16).fill(1), nodeSuite.randomBytes(48) as Uint8Array);
        return { ...passing, status: 200, type: 'application/octet-stream', bytes: made };
      };
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, 'handshake_invalid', /not made by the holder of the attested seal key/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('that shows a worker of another image is told by name, and looks like it', async () => {
      const measured = {
        pcr0: new Uint8Array(48).fill(9),
        pcr1: new Uint8Array(48).fill(8),
        pcr2: new Uint8Array(48).fill(7),
      };
      lie(isEvidence, evidenceOf(await createWorld({}, { measured })));
      for (const [size, scheme] of [
        ['desktop', 'light'],
        ['desktop', 'dark'],
        ['phone', 'light'],
      ] as const) {
        const route = `#/play/${toHex(models.tensor.modelId)}`;
        const { page, complaints, close } = await visit(browser, {
          url: served.url,
          at: world.now,
          route,
          size,
          scheme,
        });
        await ask(page, models.tensor);
        await exposed(page, 'image_refused', /Check N18\.image failed/);
        expect(await page.getByRole('button', { name: 'Ask, sealed' }).isDisabled()).toBe(true);
        await expectFits(page);
        await expectAccessible(page);
        await screenshot(page, `lie-image-${size}-${scheme}`);
        expect(complaints).toEqual([]);
        await close();
      }
    });

    it.each<readonly [string, () => Change, string, RegExp]>([
      [
        'another configuration',
        () => (p) =>
          evidenceOf(world, { configuration: other.evidence(challengeOf(p.path)).configuration.with(3, 0) })(p),
        'configuration_invalid',
        /configuration/,
      ],
      [
        'the identity of another worker under its own document',
        () => (p) => evidenceOf(world, { identity: other.evidence(challengeOf(p.path)).identity })(p),
        'identity_mismatch',
        /binds another identity than the one shown/,
      ],
      [
        'a document that nobody signed',
        () => (p) => {
          const { document } = decodeEvidence(p.bytes);
          return evidenceOf(world, { document: flip(document, document.length - 1) })(p);
        },
        'document_signature',
        /signature does not verify/,
      ],
    ])('that shows %s is told by name', async (_, change, name, words) => {
      lie(isEvidence, change());
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, name, words);
      expect(complaints).toEqual([]);
      await close();
    });

    it('that shows another configuration of the same worker is told by name', async () => {
      const theirs = await createWorld({ prices: [{ model: 'any', operation: 0, unitPrice: 1n }] });
      lie(isEvidence, (p) =>
        evidenceOf(world, { configuration: theirs.evidence(challengeOf(p.path)).configuration })(p),
      );
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, 'configuration_mismatch', /not the one that the identity names/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('that shows old evidence for a new challenge is told by name', async () => {
      let kept: Uint8Array | undefined;
      lie(isEvidence, (passing) => {
        kept ??= passing.bytes;
        return { ...passing, bytes: kept };
      });
      const first = await open(models.tensor);
      await ask(first.page, models.tensor);
      await first.page.locator('.answer').waitFor();
      await first.close();
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, 'challenge_mismatch', /answers another challenge/);
      expect(complaints).toEqual([]);
      await close();
    });

    it.each<readonly [string, Change]>([
      ['changes an answer', (p) => ({ ...p, bytes: flip(p.bytes, 200) })],
      ['cuts an answer short', (p) => ({ ...p, bytes: p.bytes.slice(0, -1) })],
      [
        'answers without the seal',
        (p) => ({ ...p, type: 'application/json', bytes: utf8('{"outputs":[{"name":"y"}]}') }),
      ],
    ])('that %s is told by name', async (_, change) => {
      lie(isRecord, change);
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, 'record_invalid', /does not open under the session’s key/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('that gives an answer once more is told by name, and nothing more is sent to it', async () => {
      let kept: Uint8Array | undefined;
      lie(isRecord, (passing) => {
        kept ??= passing.bytes;
        return { ...passing, bytes: kept };
      });
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await page.locator('.answer').waitFor();
      await ask(page, models.tensor);
      await exposed(page, 'record_invalid', /repeated/);
      expect(await page.getByRole('button', { name: 'Ask, sealed' }).isDisabled()).toBe(true);
      middle.onReply = (passing) => passing;
      await page.reload();
      await ask(page, models.tensor);
      await page.locator('.answer').waitFor();
      expect(complaints).toEqual([]);
      await close();
    });

    it('with a worker that puts its receipt under a stale head is told by name', async () => {
      let stale: ReceiptBundle | undefined;
      world.onBundle = (bundle) => {
        stale ??= bundle;
        return { ...bundle, head: stale.head, signature: stale.signature, proof: stale.proof };
      };
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await page.locator('.answer').waitFor();
      await ask(page, models.tensor);
      await exposed(page, 'inclusion_proof', /Check R4 failed: the receipt is a leaf under the head/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('with a worker that tells two histories is told by name', async () => {
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await page.locator('.answer').waitFor();
      world.fork();
      await ask(page, models.tensor);
      await exposed(page, 'log_forked', /two histories/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('with a worker that gives another answer than it receipted is told by name', async () => {
      world.onAnswer = (said) => ({ ...said, body: flip(said.body, said.body.length - 1) });
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      await exposed(page, 'response_mismatch', /Check R8 failed/);
      expect(complaints).toEqual([]);
      await close();
    });

    it.each(['play', 'models'] as const)(
      'that shows another manifest is told by name, in the view %s',
      async (view) => {
        const { manifest, owner, signature } = models.hostile.signed;
        const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
        const swapped = { manifest: text(manifest), owner: text(owner), signature: text(signature) };
        const path = `/v1/releases/${toHex(models.tensor.modelId)}`;
        lie(
          (p) => p.path === path,
          (p) => ({ ...p, bytes: utf8(JSON.stringify(swapped)) }),
        );
        const { page, complaints, close } = await open(models.tensor, view);
        await exposed(page, 'release_mismatch', /Check M1 failed: the manifest hashes to the model id/);
        expect(await page.locator('.release-title').count()).toBe(0);
        expect(complaints).toEqual([]);
        await close();
      },
    );

    it('that forges the owner’s status is told by name, where it is shown and where it is asked', async () => {
      models.state(models.tensor, 'yanked', 3n);
      const status = `/v1/releases/${toHex(models.tensor.modelId)}/status`;
      lie(
        (p) => p.path === status,
        (p) => ({ ...p, bytes: encodeSignedStatus({ ...decodeSignedStatus(p.bytes), status: 'active' }) }),
      );
      const { page, complaints, close } = await open(models.tensor, 'models');
      const verdict = page.getByRole('region', { name: 'Verdict on the owner’s status' });
      await verdict.getByText('status_signature').waitFor();
      expect(await verdict.textContent()).toContain('untrusted');
      await page.getByRole('link', { name: 'Open in the playground' }).click();
      await ask(page, models.tensor);
      await exposed(page, 'status_signature', /did not sign the status/);
      expect(complaints).toEqual([]);
      await close();
    });

    it('cannot have a release used that its owner withdrew', async () => {
      models.state(models.tensor, 'yanked', 3n);
      const { page, complaints, close } = await open(models.tensor);
      await ask(page, models.tensor);
      const alert = page.getByRole('alert', { name: 'This cannot be done as it is' });
      await alert.waitFor();
      expect(await alert.textContent()).toContain('release_yanked');
      await nothingShown(page);
      expect(complaints).toEqual([]);
      await close();
    });

    it('that shows another card, or another sample, is told by name', async () => {
      lie(
        (p) => p.path.includes('/files/'),
        (p) => ({ ...p, bytes: flip(p.bytes, 3) }),
      );
      const shown = await open(models.tensor, 'models');
      await exposed(shown.page, 'file_mismatch', /not the file that the owner of the release signed/);
      expect(await shown.page.locator('.card-text').count()).toBe(0);
      await shown.close();
      const { page, complaints, close } = await open(models.tensor);
      await page.getByRole('button', { name: 'Fill with sample 1' }).click();
      await exposed(page, 'file_mismatch', /not the file/);
      expect(complaints).toEqual([]);
      await close();
    });

    const recordsIn = (bytes: Uint8Array): readonly Uint8Array[] => {
      const records: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += 4 + readU32(bytes, at))
        records.push(bytes.slice(at, at + 4 + readU32(bytes, at)));
      return records;
    };

    it('that cuts a stream off before its end leaves nothing of it', async () => {
      lie(isRecord, (p) => ({ ...p, bytes: concatBytes(...recordsIn(p.bytes).slice(0, -1)) }));
      const { page, complaints, close } = await open(models.chat);
      await ask(page, models.chat);
      const alert = page.getByRole('alert', { name: 'No answer: try again, or elsewhere' });
      await alert.waitFor();
      expect(await alert.textContent()).toContain('answer_cut');
      expect(await alert.textContent()).toContain('none of it is proven');
      await nothingShown(page);
      await screenshot(page, 'lie-cut-stream');
      expect(complaints).toEqual([]);
      await close();
    });

    it.each<readonly [string, (records: readonly Uint8Array[]) => readonly Uint8Array[]]>([
      ['leaves out a piece', (records) => records.toSpliced(1, 1)],
      ['repeats a piece', ([first = new Uint8Array(), ...rest]) => [first, first, ...rest]],
      ['exchanges two pieces', ([a = new Uint8Array(), b = new Uint8Array(), ...rest]) => [b, a, ...rest]],
      ['changes a piece', ([first = new Uint8Array(), ...rest]) => [flip(first, 60), ...rest]],
      [
        'streams without the seal',
        () => [utf8('data: {"choices":[{"delta":{"content":"owned"}}]}\n\ndata: [DONE]\n\n'.padEnd(400))],
      ],
    ])('that %s of a stream is told by name', async (_, change) => {
      lie(isRecord, (p) => ({ ...p, bytes: concatBytes(...change(recordsIn(p.bytes))) }));
      const { page, complaints, close } = await open(models.chat);
      await ask(page, models.chat);
      const alert = page.getByRole('alert', { name: STOP });
      await alert.waitFor();
      expect((await alert.locator('code').allTextContents()).join()).toMatch(/record_invalid|too_large/);
      await nothingShown(page);
      expect(await page.getByText('owned').count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    });
  },
);
