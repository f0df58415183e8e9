import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { canListen, choosePort, FIRST_PORT, LAST_PORT } from '../../../cli/stack/port.ts';

describe('a port that a process comes back on', () => {
  it('is none that an outgoing connection may be given meanwhile', async () => {
    for (let count = 0; count < 20; count++) {
      const port = await choosePort();
      expect(port).toBeGreaterThanOrEqual(FIRST_PORT);
      expect(port).toBeLessThan(LAST_PORT);
    }
    const outgoing = /^(\d+)/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'))?.[1];
    // Unless this machine was told to use others than Linux does.
    expect(LAST_PORT).toBeLessThanOrEqual(Math.max(Number(outgoing), 32_768));
  });

  it('is not one on which somebody listens', async () => {
    const server = createServer();
    const port = await choosePort();
    expect(await canListen(port)).toBe(true);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await canListen(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    let asked = 0;
    await choosePort(async () => ++asked > 3);
    expect(asked).toBe(4);
  });

  it('is missed where none is free', async () => {
    await expect(choosePort(async () => false)).rejects.toThrow(/is free/);
  });
});
