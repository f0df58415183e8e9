import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Machine, TEXT_BYTES } from '../../../cli/doctor/machine.ts';
import { thisMachine } from '../../../cli/doctor/this-machine.ts';
import { type Folder, temporaryFolder } from '../../support/command.ts';

let folder: Folder;
let machine: Machine;

beforeEach(() => {
  folder = temporaryFolder();
  machine = thisMachine({ now: 0, stateFolder: folder.path('state'), programMilliseconds: 1_000 });
});

afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

describe('this machine', () => {
  it('tells what is at a path, and that nothing is', async () => {
    mkdirSync(folder.path('d'), { mode: 0o700 });
    symlinkSync('/no/such/place', folder.path('nowhere'));
    expect(await machine.entry(folder.path('d'))).toMatchObject({ kind: 'directory', mode: 0o700 });
    expect(await machine.entry(folder.file('f', 'x'))).toMatchObject({ kind: 'file' });
    expect(await machine.entry('/dev/null')).toMatchObject({ kind: 'device' });
    expect(await machine.entry(folder.path('nowhere'))).toMatchObject({ kind: 'other' });
    expect(await machine.entry(folder.path('none'))).toBeUndefined();
    expect(await machine.entry(`${folder.path('f')}/below`)).toBeUndefined();
  });

  it('reads the beginning of a text, however long it is', async () => {
    expect(await machine.text(folder.file('short', 'a text'))).toBe('a text');
    expect(await machine.text(folder.file('long', 'x'.repeat(3 * TEXT_BYTES)))).toHaveLength(TEXT_BYTES);
    expect(await machine.text('/dev/zero')).toHaveLength(TEXT_BYTES);
    expect(await machine.text(folder.path('none'))).toBeUndefined();
    await expect(machine.text(folder.path('.'))).rejects.toThrow(/EISDIR/);
  });

  it('runs a program, and kills one that does not end', { timeout: 60_000 }, async () => {
    expect(await machine.run(process.execPath, ['-e', 'console.log(7); process.exit(3)'])).toEqual({
      code: 3,
      output: '7\n',
    });
    expect(await machine.run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])).toEqual({
      code: null,
      output: '',
    });
    const { code, output } = await machine.run(folder.path('none'), []);
    expect(code).not.toBe(0);
    expect(output).toContain('ENOENT');
  });

  it('finds programs on PATH that can be run, and none beside it', async () => {
    chmodSync(folder.file('tool', '#!/bin/sh\n'), 0o755);
    chmodSync(folder.file('text', 'no program'), 0o644);
    mkdirSync(folder.path('folder'), { mode: 0o755 });
    vi.stubEnv('PATH', `/no/such/folder:${folder.path('')}`);
    expect(await machine.which('tool')).toBe(folder.path('tool'));
    for (const name of ['none', 'text', 'folder']) expect(await machine.which(name)).toBeUndefined();
    vi.stubEnv('PATH', relative(process.cwd(), folder.path('')));
    expect(await machine.which('tool')).toBeUndefined();
  });

  it('tells versions of packages without running them', async () => {
    expect(await machine.packageVersion('viem')).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await machine.packageVersion('no-such-package-of-ours')).toBeUndefined();
    expect(await machine.engineFile()).toMatch(/onnxruntime_binding\.node$/);
    expect(await machine.manifest()).toMatchObject({ node: '>=20.19', peers: { 'onnxruntime-node': '1.30.0' } });
  });

  it('tells a taken port from a free one', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { readonly port: number };
    expect(await machine.port(port)).toBe('taken');
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await machine.port(port)).toBe('free');
  });
});
