import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { expect } from 'vitest';
import { startConsoleServer } from '../../../cli/console/server.ts';
import { openAssets } from '../../../host/console/assets.ts';
import { createConsole } from '../../../host/console/serve.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { chromium } from '../chromium.ts';

/** A console over some host, served as a person would have it. */
export interface ServedConsole {
  readonly url: string;
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Where the host answers. */
  readonly host: string;
  readonly servedBy: 'host' | 'package';
  /** What the user named when starting it; a console of the host has none. */
  readonly policy?: JsonValue;
  /** A chain's node. */
  readonly chain?: string;
}

export async function serveConsole({ host, servedBy, policy, chain }: ServeOptions): Promise<ServedConsole> {
  const assets = await openAssets();
  if (servedBy === 'package') {
    const named = policy === undefined ? undefined : new TextEncoder().encode(JSON.stringify(policy));
    return startConsoleServer({ assets, host, policy: named, chain, port: 0 });
  }
  const settings = { servedBy, base: '', chain: false, target: '' } as const;
  const serve = createConsole({ assets, settings, policy: undefined });
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/console/') && serve(path.slice('/console/'.length), request, response)) return;
    void passOn(`${host}${path}`, request.method ?? 'GET').then(({ status, type, body }) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/console/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function passOn(
  url: string,
  method: string,
): Promise<{ readonly status: number; readonly type: string; readonly body: Buffer }> {
  const response = await fetch(url, { method });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get('content-type') ?? '', body };
}

export type Size = 'desktop' | 'phone';
export type Scheme = 'light' | 'dark';

const SIZES: Readonly<Record<Size, { readonly width: number; readonly height: number }>> = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 390, height: 844 },
};

export interface Visit {
  readonly page: Page;
  /** What a browser complained of: errors on the console, uncaught ones, breaches of the content policy, requests to elsewhere. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export interface VisitOptions {
  readonly url: string;
  readonly size?: Size;
  readonly scheme?: Scheme;
  /** Milliseconds since 1970 that the page's clock shows when it opens, for evidence of a test's own time. */
  readonly at?: number;
  /** Behind the `#`. */
  readonly route?: string;
}

export async function launchBrowser(): Promise<Browser> {
  // Everything here runs as root in a container, where Chromium's own sandbox cannot.
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  return playwright.launch({ executablePath: chromium ?? '', args });
}

export async function visit(browser: Browser, options: VisitOptions): Promise<Visit> {
  const { url, size = 'desktop', scheme = 'light', at, route = '#/overview' } = options;
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: scheme,
    reducedMotion: 'reduce',
    ...(size === 'phone' ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}),
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on('console', (message) => {
    if (message.type() === 'error' && !isHostsNo(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol !== 'blob:' && to.origin !== origin) complaints.push(`elsewhere: ${request.url()}`);
  });
  if (at !== undefined) await page.clock.install({ time: at });
  await page.goto(url + route);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, complaints, close: () => context.close() };
}

/** A browser logs every answer of 4xx and 5xx; what the page made of it is looked at there. */
function isHostsNo(text: string): boolean {
  return text.startsWith('Failed to load resource: the server responded with a status of');
}

/** No serious fault that axe finds, on the page as it stands. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const faults = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { readonly axe: typeof axe }).axe.run(document, {
      resultTypes: ['violations'],
    });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  });
  expect(faults).toEqual([]);
}

/** No part of the page is wider than the window: a phone would have to be pushed sideways. */
export async function expectFits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide).toBeLessThanOrEqual(0);
}

const FOLDER = process.env['PROOFMARK_ARTIFACTS'] ?? '.proofmark/screenshots';

/** The whole page, kept for whoever wants to see what the tests saw. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `console-${name}.png`), fullPage: true });
}
