import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleConsole } from '../../host/console/build/bundle.ts';
import { digestOf } from '../../host/console/digest.ts';
import { command, temporaryFolder } from '../support/command.ts';
import { policyJson } from '../support/nitro-evidence.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
afterAll(() => folder.remove());

describe('proofmark console', () => {
  it.each([
    [['console'], '--connect URL is required'],
    [['console', 'http://127.0.0.1:1'], 'console takes no names'],
    [['console', '--connect', 'nowhere'], '--connect nowhere is not an http or https URL'],
    [['console', '--connect', 'ftp://host.example'], 'is not an http or https URL'],
    [['console', '--connect', 'http://host.example/?a=b'], 'without a query'],
    [['console', '--connect', 'http://host.example', '--chain', 'ws://node.example'], 'is not an http or https URL'],
    [['console', '--connect', 'http://host.example', '--hub', 'hub.example'], '--hub hub.example is not an http'],
    [['console', '--connect', 'http://host.example', '--hub', 'http://hub.example/?q='], '--hub is an address without'],
    [['console', '--connect', 'http://host.example', '--port', '65536'], 'is not a port'],
  ])('ends with 2 for %j', async (args, why) => {
    const { code, out, err } = await command(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(why);
  });

  it('does not start with what is no policy', async () => {
    const { code, err } = await command(
      ...['console', '--connect', 'http://127.0.0.1:1', '--policy', folder.file('none.json', '{"tee":"aws-nitro"}')],
    );
    expect(code).toBe(1);
    expect(err).toContain('policy_invalid');
  });

  it('says which port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, err } = await command('console', '--connect', 'http://127.0.0.1:1', '--port', String(port));
    taken.close();
    expect([code, err]).toEqual([1, `proofmark: cannot listen at 127.0.0.1:${port}: EADDRINUSE\n`]);
  });

  it('prints one line with address and digest, serves until Ctrl-C, and ends with 0', { timeout: 60_000 }, async () => {
    const policy = folder.file('policy.json', JSON.stringify(policyJson()));
    const child = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', 'cli/main.ts', 'console', '--json'],
        ...['--connect', 'http://somebody:password@127.0.0.1:1/', '--policy', policy],
      ],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
    const digest = digestOf(await bundleConsole({ root: ROOT }));
    const said = JSON.parse(line) as { readonly url: string };
    expect(said).toEqual({
      ready: true,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/) as string,
      digest,
      connected: 'http://127.0.0.1:1',
    });
    expect(await (await fetch(`${said.url}policy.json`)).json()).toEqual(policyJson());
    const about = await (await fetch(`${said.url}console.json`)).text();
    expect(about).toContain(digest);
    expect(about).not.toContain('password');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });
});
