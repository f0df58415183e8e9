import { afterEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { linkKind } from '../../../wire/message/link.ts';
import { encodeEnd } from '../../../wire/message/telemetry.ts';
import { type Served, serve, until } from '../support/served.ts';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

async function start(): Promise<{ readonly served: Served; readonly url: string }> {
  served = await serve({ metrics: { host: '127.0.0.1', port: 0 } });
  const opened = served.events.find(({ event }) => event === 'metrics') as { readonly url: string };
  return { served, url: opened.url };
}

async function infer({ host }: Served): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${host.url}/v2/models/demo/infer`, { method: 'POST', headers, body: '{}' })).status;
}

describe('the operator’s address', () => {
  it('takes a worker out of service and puts it back, by its number and by its log', async () => {
    const { served: one, url } = await start();
    const log = toHex(one.worker.log.log);
    const listed = {
      worker: 0,
      state: 'ready',
      log,
      draining: false,
      requests: 0,
      models: [toHex(one.release.modelId)],
    };
    expect(await (await fetch(`${url}/workers`)).json()).toEqual([listed]);
    for (const name of ['0', log]) {
      const drained = await fetch(`${url}/workers/${name}/drain`, { method: 'POST' });
      expect(await drained.json()).toEqual([{ ...listed, state: 'draining', draining: true }]);
      expect(await infer(one)).toBe(503);
      expect((await fetch(`${one.host.url}/v2/health/ready`)).status).toBe(503);
      const resumed = await fetch(`${url}/workers/${name}/resume`, { method: 'POST' });
      expect(await resumed.json()).toEqual([listed]);
      expect(await infer(one)).toBe(200);
    }
  });

  it.each([
    ['POST', '/workers/1/drain', 404],
    ['POST', `/workers/${'0'.repeat(64)}/drain`, 404],
    ['POST', '/workers/0/stop', 404],
    ['POST', '/metrics', 404],
    ['GET', '/workers/0/drain', 405],
    ['GET', '/', 404],
    ['GET', '/metrics?x', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const { url } = await start();
    expect((await fetch(url + path, { method })).status).toBe(status);
  });

  it('does nothing for a page in a browser', async () => {
    const { served: one, url } = await start();
    const post = { method: 'POST' };
    for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
      expect((await fetch(`${url}/workers/0/drain`, { ...post, headers })).status).toBe(403);
    }
    expect(await infer(one)).toBe(200);
  });

  it('has the last ends of workers as words', async () => {
    const { served: one, url } = await start();
    one.worker.send({ id: 0, kind: linkKind.ended, payload: encodeEnd(137) });
    await until(() => one.events.some(({ event }) => event === 'worker_ended'));
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
      workers: [],
      ends: [{ worker: 0, kind: 'killed', signal: 9 }],
    });
  });
});
