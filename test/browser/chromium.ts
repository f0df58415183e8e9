import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const OUTCOME_BYTES = 33_554_432;

export const chromium: string | undefined = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export interface PageOptions {
  readonly browser: string;
  readonly script: string;
  /** Served to the page as JSON at /cases. */
  readonly cases: unknown;
  readonly timeoutMs: number;
  /** Answers what else the page asks of its own origin; false for what it does not know. */
  readonly also?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/**
 * Opens one page with one script in a fresh headless browser and returns what the script posts to /outcome. Loopback
 * counts as a secure context, so that WebCrypto is there.
 */
export async function runInChromium(options: PageOptions): Promise<unknown> {
  const served = new Map([
    [
      '/',
      {
        type: 'text/html',
        body: '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>',
      },
    ],
    ['/page.js', { type: 'text/javascript', body: options.script }],
    ['/cases', { type: 'application/json', body: JSON.stringify(options.cases) }],
  ]);
  const profile = mkdtempSync(join(tmpdir(), 'proofmark-browser-'));
  let child: ChildProcess | undefined;
  const server = createServer();
  try {
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the page said nothing')), options.timeoutMs);
      late.unref();
      server.on('request', (request, response) => {
        if (options.also?.(request, response) === true) return;
        if (request.method === 'POST') {
          response.end();
          readAll(request).then((text) => resolve(JSON.parse(text)), reject);
          return;
        }
        const file = served.get(request.url ?? '');
        response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' });
        response.end(file?.body);
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        child = launch(options.browser, profile, `http://127.0.0.1:${port}/`);
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`the browser ended with ${code}`)));
      });
    });
  } finally {
    child?.removeAllListeners('exit');
    await ended(child);
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

function launch(browser: string, profile: string, url: string): ChildProcess {
  const flags = [
    '--headless',
    // Everything here runs as root in a container, where Chromium's own sandbox cannot.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${profile}`,
    // Headless Chromium ends at once when it has neither a page to dump nor a debugger to wait for.
    '--remote-debugging-port=0',
  ];
  // A process group of its own, so that its helpers end with it and write no more into the profile.
  return spawn(browser, [...flags, url], { stdio: 'ignore', detached: true });
}

function ended(child: ChildProcess | undefined): Promise<void> {
  const pid = child?.pid;
  if (child === undefined || pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    process.kill(-pid, 'SIGKILL');
  });
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > OUTCOME_BYTES) throw new Error('the outcome is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
