import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { concatBytes, u32, utf8 } from '../../../../wire/bytes.ts';
import { encodeFrame } from '../../../../wire/codec/frame.ts';
import { limits } from '../../../../wire/limits.ts';
import { decodeEntries, decodeState, encodeAcknowledge, linkKind } from '../../../../wire/message/link.ts';
import { codeOf, gate, requestBytes } from './harness.ts';
import { closeLinks, openLink, type Served, serve, type TestLink } from './link.ts';

afterEach(closeLinks);

const challenge = new Uint8Array(32);
const alive = (link: TestLink): Promise<string> => codeOf(link.ask(linkKind.attest, challenge));
const acknowledge = (count: number) => ({ id: 0, kind: linkKind.acknowledge, payload: encodeAcknowledge(count) });

function entriesOf(link: TestLink): readonly number[] {
  return link.frames.filter(({ kind }) => kind === linkKind.entries).map(({ payload }) => decodeEntries(payload).from);
}

async function answered(worker: Served, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await worker.link.ask(linkKind.plain, requestBytes({ modelId: worker.demo.modelId }));
  }
}

/** An answer arrives after everything that was sent on connection. */
async function settled(link: TestLink): Promise<TestLink> {
  await alive(link);
  return link;
}

describe('a new connection', () => {
  it('takes the place of the old one, which is closed', async () => {
    const worker = await serve();
    const second = await openLink(worker);
    await worker.link.closed;
    expect(await alive(second)).toBe('accepted');
  });

  it('hears first where the worker stands, and then every entry that was not acknowledged, as it was sent', async () => {
    const worker = await serve();
    await answered(worker, 4);
    worker.link.send(acknowledge(2));
    const sent = worker.link.frames.filter(({ kind }) => kind === linkKind.entries).slice(2);
    await settled(worker.link);
    const second = await settled(await openLink(worker));
    expect(second.frames.slice(0, 3).map(({ id, kind }) => [id, kind])).toEqual([
      [0, linkKind.state],
      [0, linkKind.entries],
      [0, linkKind.entries],
    ]);
    expect(decodeState(second.frames[0]?.payload as Uint8Array)).toMatchObject({ size: 4, acknowledged: 2 });
    expect(second.frames.slice(1, 3)).toEqual(sent);
  });

  it('gets the entries of what it asks from then on, before its answers', async () => {
    const worker = await serve();
    await answered(worker, 1);
    const second = await openLink(worker);
    second.send({ id: 5, kind: linkKind.plain, payload: requestBytes({ modelId: worker.demo.modelId }) });
    await second.first(linkKind.reply);
    expect(entriesOf(second)).toEqual([0, 1]);
    expect(second.frames.at(-1)?.kind).toBe(linkKind.reply);
  });

  it('gets what finished while nobody was connected', async () => {
    const worker = await serve();
    const { passed, open } = gate();
    const { run } = worker.pool;
    worker.pool.run = async (inputs, ms) => {
      await passed;
      return run(inputs, ms);
    };
    const lost = codeOf(
      worker.link.ask(linkKind.plain, requestBytes({ modelId: worker.demo.modelId })).catch(() => {}),
    );
    await settled(worker.link);
    worker.link.socket.destroy();
    await lost;
    open();
    await sleep(20);
    const second = await openLink(worker);
    await second.first(linkKind.entries);
    expect(entriesOf(second)).toEqual([0]);
  });

  it('gets no answer to a question that another connection asked', async () => {
    const worker = await serve();
    const { passed, open } = gate();
    worker.attester.onAttest = async () => {
      await passed;
      return { document: utf8('late'), certificateTable: null };
    };
    worker.link.send({ id: 77, kind: linkKind.attest, payload: challenge });
    while (worker.attester.asked.length === 0) await sleep(1);
    const second = await openLink(worker);
    await second.first(linkKind.state);
    open();
    await settled(second);
    expect(second.frames.some(({ id }) => id === 77)).toBe(false);
  });

  it('many times over leaves the last one served', async () => {
    const worker = await serve();
    const links = await Promise.all(Array.from({ length: 20 }, () => openLink(worker)));
    const last = await openLink(worker);
    await Promise.all(links.map(({ closed }) => closed));
    expect(await alive(last)).toBe('accepted');
  });
});

describe('an acknowledgement', () => {
  it.each([
    ['of seven bytes', new Uint8Array(7)],
    ['of more than a tree can hold', new Uint8Array(8).fill(0xff)],
    ['of more than there is', encodeAcknowledge(4)],
  ])('%s changes nothing, and gets no answer', async (_, payload) => {
    const worker = await serve();
    await answered(worker, 3);
    worker.link.send({ id: 9_999, kind: linkKind.acknowledge, payload });
    await settled(worker.link);
    expect(worker.link.frames.some(({ id }) => id === 9_999)).toBe(false);
    const second = await settled(await openLink(worker));
    expect(entriesOf(second)).toEqual([0, 1, 2]);
  });
});

describe('bytes', () => {
  it.each([
    ['a length of zero', u32(0)],
    ['a length without a head', u32(4)],
    ['a length above the limit', u32(limits.frameBytes + 1)],
    ['four GiB', u32(0xffff_ffff)],
    ['HTTP', utf8('GET / HTTP/1.1\r\nHost: worker\r\n\r\n')],
  ])('that are no frame (%s) end their connection and nothing else', async (_, bytes) => {
    const worker = await serve();
    await answered(worker, 1);
    worker.link.socket.write(bytes);
    await worker.link.closed;
    const second = await settled(await openLink(worker));
    expect(entriesOf(second)).toEqual([0]);
    expect(worker.fatal).toEqual([]);
  });

  it('may be cut anywhere, and frames may come together', async () => {
    const { link } = await serve();
    const frame = (id: number): Uint8Array => encodeFrame({ id, kind: linkKind.attest, payload: challenge });
    for (const byte of frame(501)) {
      link.socket.write(Uint8Array.of(byte));
      await sleep(0);
    }
    link.socket.write(concatBytes(frame(502), frame(503)));
    // Each has its number; signatures are made beside each other, so that one answer may overtake another.
    const ids = (): readonly number[] => link.frames.map(({ id }) => id).filter((id) => id > 500);
    while (ids().length < 3) await sleep(1);
    expect(ids().toSorted((a, b) => a - b)).toEqual([501, 502, 503]);
  });

  it('that announce a frame and stop hold nothing up for the next connection', async () => {
    const worker = await serve();
    worker.link.socket.write(concatBytes(u32(limits.frameBytes), new Uint8Array(1_000)));
    await sleep(5);
    expect(await alive(await openLink(worker))).toBe('accepted');
  });
});

it.each([0x00, 0x09, 0x7f, linkKind.reply, linkKind.refusal, linkKind.state, linkKind.entries, 0xff])(
  'a frame of kind %d is malformed, and the link lives on',
  async (kind) => {
    const { link } = await serve();
    expect(await codeOf(link.ask(kind, new Uint8Array(3)))).toBe('malformed');
    expect(await alive(link)).toBe('accepted');
  },
);

it('a host that stops reading is not read from either, until it reads again (R10)', async () => {
  const worker = await serve();
  const { link, attester } = worker;
  const answer = new Uint8Array(8 * 1_048_576);
  attester.onAttest = async () => ({ document: answer, certificateTable: null });
  link.socket.pause();
  let sent = 0;
  const pump = async (): Promise<void> => {
    const before = attester.asked.length;
    link.send({ id: 1_000 + sent++, kind: linkKind.attest, payload: challenge });
    for (let wait = 0; wait < 20 && attester.asked.length === before; wait++) await sleep(5);
  };
  while (sent < 15) await pump();
  // 80 MiB may wait, and the one that passes the mark.
  expect(attester.asked.length).toBeLessThanOrEqual(12);
  expect(attester.asked.length).toBeGreaterThan(5);
  link.socket.resume();
  while (link.frames.filter(({ id }) => id >= 1_000).length < sent) await sleep(5);
  expect(attester.asked).toHaveLength(sent);
}, 20_000);
