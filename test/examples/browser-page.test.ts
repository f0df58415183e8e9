import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium, runInChromium } from '../browser/chromium.ts';
import { type Folder, temporaryFolder } from '../support/command.ts';
import { openTestStack, type TestStack } from '../support/stack.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'examples/browser-page');
const FILES: Readonly<Record<string, string>> = {
  '': 'text/html',
  'style.css': 'text/css',
  'page.js': 'text/javascript',
};

describe('the example of a page', () => {
  it('is bundled by the command of its README, without a module of Node', () => {
    const folder = temporaryFolder();
    const command = /^npx (esbuild .*) --outfile=/m.exec(readFileSync(join(PAGE, 'README.md'), 'utf8'));
    const args = (command?.[1] ?? '').split(' ').slice(1);
    const [meta, outfile] = [folder.path('meta.json'), folder.path('page.js')];
    execFileSync('npx', ['--no-install', 'esbuild', ...args, `--metafile=${meta}`, `--outfile=${outfile}`], {
      cwd: ROOT,
      stdio: 'pipe',
    });
    const inputs = Object.keys((JSON.parse(readFileSync(meta, 'utf8')) as { readonly inputs: object }).inputs);
    expect(inputs.filter((path) => /client\/node\/|crypto\/node/.test(path))).toEqual([]);
    expect(readFileSync(outfile, 'utf8')).not.toMatch(/\beval\(|new Function\(/);
    folder.remove();
  }, 120_000);

  it('allows nothing inline and nothing from elsewhere', () => {
    const html = readFileSync(join(PAGE, 'index.html'), 'utf8');
    const csp = /content="(default-src[^"]*)"/.exec(html)?.[1] ?? '';
    expect(csp.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(html).not.toMatch(/https?:|style="|\son[a-z]+="|<script(?![^>]*src=)/);
  });
});

describe.skipIf(chromium === undefined)(
  'the example of a page in Chromium (skipped where no browser is installed)',
  () => {
    let stack: TestStack;
    let folder: Folder;
    let script: string;
    beforeAll(async () => {
      folder = temporaryFolder();
      const bundle = (entry: string, outfile: string): Promise<unknown> =>
        build({ entryPoints: [entry], bundle: true, format: 'esm', platform: 'browser', outfile, logLevel: 'silent' });
      await bundle(join(PAGE, 'page.ts'), folder.path('page.js'));
      await bundle(join(import.meta.dirname, 'browser-page-watch.ts'), folder.path('watch.js'));
      script = readFileSync(folder.path('watch.js'), 'utf8');
      stack = await openTestStack();
    }, 300_000);
    afterAll(async () => {
      await stack.stop();
      folder.remove();
    }, 60_000);

    /** One host, three ways to serve it: /good as it is, /other under a policy of another image, /forged with a byte changed. */
    function serve(request: IncomingMessage, response: ServerResponse): boolean {
      const [, way, rest] = /^\/(good|other|forged)\/(.*)$/.exec(request.url ?? '') ?? [];
      if (way === undefined || rest === undefined) return false;
      const type = FILES[rest];
      if (type !== undefined) {
        const path = rest === 'page.js' ? folder.path('page.js') : join(PAGE, rest === '' ? 'index.html' : rest);
        response.writeHead(200, { 'content-type': type }).end(readFileSync(path));
      } else if (rest === 'policy.json') {
        const rules = JSON.parse(readFileSync(stack.policyFile, 'utf8')) as object;
        response.end(JSON.stringify(way === 'other' ? { ...rules, images: [] } : rules));
      } else pass(request, response, { rest, forge: way === 'forged' && rest.startsWith('v1/sessions/') });
      return true;
    }

    function pass(
      request: IncomingMessage,
      response: ServerResponse,
      { rest, forge }: { readonly rest: string; readonly forge: boolean },
    ): void {
      const { host: _, connection: __, ...headers } = request.headers;
      const asked = forward(`${stack.url}/${rest}`, { method: request.method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const body = Buffer.concat(chunks);
          if (forge) body.writeUInt8(body.readUInt8(40) ^ 1, 40);
          response
            .writeHead(answer.statusCode ?? 502, { 'content-type': answer.headers['content-type'] ?? '' })
            .end(body);
        });
      });
      request.pipe(asked);
    }

    it('shows a verified answer, and of lying hosts why there is none', async () => {
      const outcome = await runInChromium({
        browser: chromium as string,
        script,
        cases: ['good', 'other', 'forged'],
        timeoutMs: 120_000,
        also: serve,
      });
      expect(outcome).toEqual({
        good: {
          kind: 'proven',
          state: 'everything below was verified in this browser',
          hidden: false,
          values: expect.stringMatching(/^logits = -?[0-9.]+, /),
          proven: expect.stringMatching(/^levelsimulatedmodeldemo-mlp/),
          notProven: expect.any(Number),
        },
        other: expect.objectContaining({
          kind: 'refused',
          state: 'no answer: evidence_refused, image_refused (stop-trusting)',
          hidden: true,
          values: '',
        }),
        forged: expect.objectContaining({
          kind: 'refused',
          state: expect.stringMatching(/^no answer: .*record_invalid/),
          hidden: true,
          values: '',
        }),
      });
    }, 200_000);
  },
);
