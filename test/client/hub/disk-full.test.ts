import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noise, testRelease } from './releases.ts';
import { type ScriptedHub, startScriptedHub } from './scripted-hub.ts';
import { type Desk, openDesk } from './world.ts';

/** A process that loads its own TypeScript on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const DISK_BYTES = 1_048_576;
const release = testRelease({ files: { 'model.onnx': noise(3 * DISK_BYTES), 'README.md': noise(100) } });
/** A file system of that size at a path, for one process only. */
const small = (path: string): readonly string[] => ['--dev-bind', '/', '/', '--size', `${DISK_BYTES}`, '--tmpfs', path];
const sandboxed = spawnSync('bwrap', [...small('/tmp'), 'true']).status === 0;
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

describe('a disk', () => {
  it.skipIf(!sandboxed)('that is full ends a pull with a code of its own (needs bwrap)', async () => {
    const program = fileURLToPath(new URL('pull-program.ts', import.meta.url));
    const pull = [process.execPath, '--import', 'tsx', program, hub.url, release.id, `${desk.folder}/model`];
    const child = spawn('bwrap', [...small(desk.folder), ...pull], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text) => {
      said += String(text);
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(1);
    expect(said).toContain('disk_full: ENOSPC');
  });
});
