import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRelease } from '../../../host/releases.ts';
import { noise, testRelease } from './releases.ts';
import { isFile, type ScriptedHub, sendRange, startScriptedHub } from './scripted-hub.ts';
import { contentsOf, type Desk, digestOf, openDesk } from './world.ts';

const MODEL_BYTES = 3_000_000;
const model = noise(MODEL_BYTES, 7);
const release = testRelease({ files: { 'model.onnx': model, 'README.md': noise(9_000, 8) } });
/** Disks of busy machines take seconds to say that something is on them, and processes to begin. */
vi.setConfig({ testTimeout: 180_000 });

let desk: Desk;
let hub: ScriptedHub;

beforeEach(async () => {
  desk = openDesk();
  hub = await startScriptedHub(release);
});

afterEach(async () => {
  await hub.close();
  desk.remove();
});

/** Bytes of the model that were asked for in all, by where each question began. */
const starts = (): readonly number[] =>
  hub.asked
    .filter(({ path }) => path.endsWith('/model.onnx'))
    .map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0));

describe('a pull that is cut off', () => {
  it('goes on where it was, fifty times at random places', async () => {
    let cuts = 50;
    const places = noise(200, 9);
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx') || cuts === 0) return false;
      cuts -= 1;
      const from = Number(/^bytes=(\d+)-$/.exec(asked.headers.range ?? '')?.[1] ?? 0);
      const length = 1 + (((places[2 * cuts] ?? 0) * 256 + (places[2 * cuts + 1] ?? 0)) % 55_000);
      response.writeHead(from === 0 ? 200 : 206, {
        'content-length': MODEL_BYTES - from,
        'content-range': `bytes ${from}-${MODEL_BYTES - 1}/${MODEL_BYTES}`,
      });
      response.write(model.subarray(from, from + length), () => setTimeout(() => response.destroy(), 2));
      return true;
    };
    await desk.hub(hub.url).pull(release.id, { directory: desk.out, yanked: 'refuse' });
    expect(cuts).toBe(0);
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
    const asked = starts();
    expect(asked).toHaveLength(51);
    // Nothing that came is asked for again.
    expect([...asked].sort((a, b) => a - b)).toEqual(asked);
    expect(asked.at(-1)).toBeGreaterThan(500_000);
    for (const { headers } of hub.asked.filter(({ headers }) => headers.range !== undefined)) {
      expect(headers['if-range']).toMatch(/^"[0-9a-f]{64}"$/);
    }
  });

  it('by the end of its process leaves nothing under the final name, and goes on', async () => {
    let slow = true;
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx')) return false;
      if (!slow) return false;
      response.writeHead(200, { 'content-length': MODEL_BYTES });
      response.write(model.subarray(0, 1_500_000));
      return true;
    };
    const child = start();
    await said(child, /"path":"model.onnx","bytes":1500000/);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(existsSync(desk.out)).toBe(false);
    expect(desk.besides()).toHaveLength(1);
    slow = false;
    await desk.hub(hub.url).pull(release.id, { directory: desk.out, yanked: 'refuse' });
    expect(openRelease(desk.out).modelId).toEqual(release.modelId);
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
    expect(starts()).toEqual([0, 1_500_000]);
    expect(desk.besides()).toEqual([]);
  });

  it('by kill -9 at any moment is no folder, or all of it', async () => {
    const places = noise(16, 12);
    for (let kill = 0; kill < 6; kill++) {
      const child = start();
      const ended = once(child, 'close');
      // Some die while they fetch, some while they put things in place, and some come through.
      await Promise.race([said(child, /"event":"plan"/).catch(() => undefined), ended]);
      await pause((places[kill] ?? 0) / 4);
      child.kill('SIGKILL');
      await ended;
      if (existsSync(desk.out)) expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
    }
    await desk.hub(hub.url).pull(release.id, { directory: desk.out, yanked: 'refuse' });
    expect(openRelease(desk.out).modelId).toEqual(release.modelId);
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
    expect(desk.besides()).toEqual([]);
  });

  it('is left alone by another pull while it lives', async () => {
    let halted: (() => void) | undefined;
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx') || halted !== undefined) return false;
      response.writeHead(200, { 'content-length': MODEL_BYTES });
      response.write(model.subarray(0, 1_000_000));
      halted = () => response.end(model.subarray(1_000_000));
      return true;
    };
    const child = start();
    await said(child, /"path":"model.onnx","bytes":1000000/);
    await desk.hub(hub.url).pull(release.id, { directory: desk.out, yanked: 'refuse' });
    expect(starts()).toEqual([0, 0]);
    const ended = once(child, 'close');
    halted?.();
    expect(await ended).toEqual([0, null]);
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
    expect(desk.besides()).toEqual([]);
  });

  it('is only asked from there where bytes of it are right', async () => {
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx') || asked.headers.range !== undefined) return false;
      sendRange(asked, response, model);
      return true;
    };
    await desk.hub(hub.url).pull(release.id, { directory: desk.out, yanked: 'refuse' });
    expect(starts()).toEqual([0]);
  });
});

function start(): ChildProcess {
  const program = fileURLToPath(new URL('pull-program.ts', import.meta.url));
  return spawn(process.execPath, ['--import', 'tsx', program, hub.url, release.id, desk.out], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Reads on afterwards: whoever stops would stop the child. */
function said(child: ChildProcess, words: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (piece) => {
      text = (text + String(piece)).slice(-100_000);
      if (words.test(text)) resolve();
    });
    child.on('close', (code) => reject(new TypeError(`it ended with ${code}`)));
  });
}
