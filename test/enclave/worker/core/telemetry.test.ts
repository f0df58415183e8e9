import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AttesterError } from '../../../../enclave/worker/attester.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import { linkKind } from '../../../../wire/message/link.ts';
import { type Counters, decodeTelemetry } from '../../../../wire/message/telemetry.ts';
import { codeOf, configurationBytes, requestBytes } from './harness.ts';
import { closeLinks, openLink, pushRelease, type Served, serve, startCore } from './link.ts';

afterEach(closeLinks);

function newest({ link }: Pick<Served, 'link'>): Counters | undefined {
  const frame = link.frames.findLast(({ kind }) => kind === linkKind.telemetry);
  return frame === undefined ? undefined : decodeTelemetry(frame.payload);
}

async function until(served: Pick<Served, 'link'>, wanted: Partial<Counters>): Promise<void> {
  await expect.poll(() => newest(served), { timeout: 5_000 }).toMatchObject(wanted);
}

describe('a worker whose configuration allows counters', () => {
  it('counts what was answered, refused and attested', async () => {
    const served = await serve({ telemetry: 'counters' });
    const { link, demo, attester, pool } = served;
    const modelId = demo.modelId;
    await link.ask(linkKind.plain, requestBytes({ modelId }));
    await link.ask(linkKind.plain, requestBytes({ modelId: new Uint8Array(32).fill(9) }));
    pool.run = () => Promise.reject(new ModelError('model_timeout', 'late'));
    await link.ask(linkKind.plain, requestBytes({ modelId }));
    pool.run = () => Promise.reject(new ModelError('model_crashed', 'gone'));
    await link.ask(linkKind.plain, requestBytes({ modelId }));
    await codeOf(link.ask(linkKind.sealed, new Uint8Array(400)));
    await codeOf(link.ask(linkKind.handshake, new Uint8Array(3)));
    await link.ask(linkKind.attest, new Uint8Array(32));
    attester.attest = () => Promise.reject(new AttesterError('device_refused', 'no'));
    await codeOf(link.ask(linkKind.attest, new Uint8Array(32)));
    await codeOf(pushRelease(link, demo));
    pool.onRun(7);
    await link.ask(linkKind.unload, modelId);
    await until(served, {
      plainRequests: 4,
      sealedRequests: 1,
      answersOk: 1,
      answersRefused: 1,
      answersStopped: 1,
      answersModelError: 1,
      modelTimeouts: 1,
      modelCrashes: 1,
      refusedRecords: 1,
      handshakesRefused: 1,
      attestations: 1,
      attestationsFailed: 1,
      modelsLoaded: 1,
      modelsRefused: 1,
      leaves: 4,
      modelRuns: 4,
      modelRunRequests: 10,
      signatures: 4,
      modelsUnloaded: 1,
      requestsUnderWay: 0,
    });
  });

  it('tells a host that comes back, without anything new', async () => {
    const core = await startCore();
    const first = await openLink(core);
    await first.ask(linkKind.configure, configurationBytes({ telemetry: 'counters' }));
    await first.ask(linkKind.attest, new Uint8Array(32));
    await until({ link: first }, { attestations: 1 });
    const second = await openLink(core);
    await until({ link: second }, { attestations: 1 });
  });

  it('says nothing while there is nothing new', async () => {
    const served = await serve({ telemetry: 'counters' });
    await until(served, { modelsLoaded: 1 });
    const said = served.link.frames.length;
    await sleep(2_200);
    expect(served.link.frames).toHaveLength(said);
  });
});

describe('a worker whose configuration allows none', () => {
  it('says nothing at all', async () => {
    const { link, demo } = await serve({ telemetry: 'none' });
    await link.ask(linkKind.plain, requestBytes({ modelId: demo.modelId }));
    await sleep(1_500);
    expect(link.frames.filter(({ kind }) => kind === linkKind.telemetry)).toEqual([]);
  });
});
