import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium, runInChromium } from '../../browser/chromium.ts';
import { type Made, makeRelease, openWorld, type World } from './support/world.ts';

/**
 * A page of another origin shows a hub's files in every way in which a browser could run them. What runs says so to the page
 * that holds it; a file of the page's own server, loaded the same way, does, so that silence means something.
 */
const RUN = `(window.opener ?? window.parent).postMessage('ran ' + location.href, '*')`;
const html = `<!doctype html><script>${RUN}</script><img src="x" onerror="${RUN.replaceAll('"', "'")}">`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>${RUN}</script></svg>`;

const script = `
  const { hub, paths, control } = await (await fetch('/cases')).json();
  const ran = [];
  addEventListener('message', (event) => ran.push(String(event.data)));
  const loaded = [];
  const show = (kind, url) => new Promise((resolve) => {
    const element = document.createElement(kind);
    element.addEventListener('load', () => { loaded.push(kind + ' ' + url); resolve(); });
    element.addEventListener('error', resolve);
    if (kind === 'object') element.data = url; else element.src = url;
    document.body.append(element);
    setTimeout(resolve, 5000);
  });
  const read = {};
  const kinds = ['iframe', 'object', 'embed', 'img', 'script'];
  await Promise.all(paths.flatMap((path) => kinds.map((kind) => show(kind, hub + path))));
  for (const path of paths) {
    read[path] = await fetch(hub + path).then((response) => response.text(), () => 'refused');
  }
  await show('iframe', control);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await fetch('/outcome', { method: 'POST', body: JSON.stringify({ ran, loaded, read }) });
`;

interface Outcome {
  readonly ran: readonly string[];
  readonly loaded: readonly string[];
  readonly read: Readonly<Record<string, string>>;
}

describe('files of a hub in a browser', () => {
  let world: World;
  let made: Made;
  beforeAll(async () => {
    world = await openWorld();
    const text = new TextEncoder();
    const files = new Map([
      ['page.html', text.encode(html)],
      ['picture.svg', text.encode(svg)],
      ['run.js', text.encode(`parent.postMessage('ran script', '*')`)],
      ['README.md', text.encode(html)],
    ]);
    made = makeRelease(world.acme, files);
    await world.publish(made);
  });
  afterAll(() => world.stop());

  const skipped = chromium === undefined;
  it.skipIf(skipped)(`run nothing${skipped ? ': chromium is not installed' : ''}`, { timeout: 240_000 }, async () => {
    const paths = [...made.files.keys()].flatMap((path) => [
      `/acme/demo/resolve/main/${path}`,
      `/v1/hub/releases/${made.modelId}/files/${path}`,
    ]);
    const outcome = (await runInChromium({
      browser: chromium as string,
      script: `onload = async () => {${script}}`,
      cases: { hub: world.hub.url, paths, control: '/control.html' },
      timeoutMs: 200_000,
      also: (request, response) => {
        if (request.url !== '/control.html') return false;
        response.writeHead(200, { 'content-type': 'text/html' }).end(html);
        return true;
      },
    })) as Outcome;
    expect(outcome.ran.length).toBeGreaterThan(0);
    for (const message of outcome.ran) expect(message).toContain('/control.html');
    expect(outcome.loaded.filter((line) => line.startsWith('script') || line.startsWith('img'))).toEqual([]);
    // The page may read them, which is what libraries in browsers do.
    expect(outcome.read[paths[0] as string]).toBe(html);
  });
});
