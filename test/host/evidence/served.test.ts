import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { encodeCertificateTable } from '../../../enclave/simulator/snp/table.ts';
import { type HostEvent, StartError } from '../../../host/errors.ts';
import { startHost } from '../../../host/host.ts';
import { readOptions } from '../../../host/options/read.ts';
import { toHex } from '../../../wire/bytes.ts';
import { decodeEvidence } from '../../../wire/message/evidence.ts';
import { type Attested, encodeAttested, linkKind } from '../../../wire/message/link.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { startFakeWorker } from '../../support/fake-worker.ts';
import { type Served, serve, until } from '../support/served.ts';
import { attestedBy, pemOf, vendorOf } from './snp-machine.ts';

const machine = vendorOf('Genoa').machine();
const directory = mkdtempSync(join(tmpdir(), 'pm-served-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'chain.pem'), pemOf('CERTIFICATE', ...machine.certificates));
let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

/** A worker of an SNP machine whose owner keeps no table for it. */
async function serveSnp(
  options: Parameters<typeof serve>[0],
  attested: Attested = attestedBy(machine),
): Promise<Served> {
  served = await serve(options);
  const { worker } = served;
  worker.misbehave = ({ id, kind }) => {
    if (kind !== linkKind.attest) return false;
    worker.send({ id, kind: linkKind.reply, payload: encodeAttested(attested) });
    return true;
  };
  return served;
}

async function evidenceOf({ host }: Served): Promise<Response> {
  return fetch(`${host.url}/v1/evidence?challenge=${toHex(random(32))}`);
}

describe('a host of an SNP worker', () => {
  it('hands out the report with the certificates of its folder', async () => {
    const response = await evidenceOf(await serveSnp({ certificates: directory }));
    expect(response.status).toBe(200);
    const evidence = decodeEvidence(new Uint8Array(await response.arrayBuffer()));
    expect(evidence).toMatchObject({ tee: 'amd-sev-snp', certificates: machine.certificates, revocationLists: [] });
  });

  it('says "later" to clients, and to its operator what to fetch', async () => {
    const one = await serveSnp({});
    const response = await evidenceOf(one);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ code: 'certificates_missing' });
    await until(() => one.events.some(({ event }) => event === 'certificates_missing'));
    expect(one.events).toContainEqual({ event: 'request_failed', code: 'certificates_missing' });
  });

  it('keeps the first evidence of a log as soon as there is any', async () => {
    const state = mkdtempSync(join(tmpdir(), 'pm-late-'));
    const worker = await startFakeWorker(join(state, 'worker.sock'));
    let table: Uint8Array | null = null;
    worker.misbehave = ({ id, kind, payload: challenge }) => {
      if (kind !== linkKind.attest) return false;
      worker.send({ id, kind: linkKind.reply, payload: encodeAttested(attestedBy(machine, table, challenge)) });
      return true;
    };
    const events: HostEvent[] = [];
    const host = await startHost({
      links: [worker.path],
      stateDirectory: state,
      listen: { host: '127.0.0.1', port: 0 },
      configuration: testConfiguration(),
      releases: [],
      onEvent: (event) => events.push(event),
    });
    try {
      await host.ready;
      await until(() => events.some(({ event }) => event === 'evidence_failed'));
      expect(events.map(({ event }) => event)).not.toContain('evidence_saved');
      const [vcek, ask, ark] = machine.certificates;
      table = encodeCertificateTable([
        { kind: 'vcek', content: vcek },
        { kind: 'ask', content: ask },
        { kind: 'ark', content: ark },
      ]);
      const url = `${host.url}/v1/evidence?challenge=${toHex(random(32))}`;
      for (let times = 0; times < 2; times++) expect((await fetch(url)).status).toBe(200);
      await until(() => events.some(({ event }) => event === 'evidence_saved'));
      await fetch(url);
      expect(events.filter(({ event }) => event === 'evidence_saved').length).toBeLessThanOrEqual(2);
    } finally {
      await host.close();
      await worker.close();
      rmSync(state, { recursive: true, force: true });
    }
  });

  it('does not pass on what is no report', async () => {
    const broken = { ...attestedBy(machine), document: random(40) };
    const response = await evidenceOf(await serveSnp({ certificates: directory }, broken));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ code: 'worker_protocol' });
  });

  it('does not start with a folder that it cannot read, and names it', async () => {
    const missing = join(directory, 'missing');
    await expect(serve({ certificates: missing })).rejects.toThrow(missing);
    await expect(serve({ certificates: missing })).rejects.toThrow(StartError);
    await expect(serve({ certificates: missing })).rejects.toMatchObject({ code: 'certificates_unreadable' });
  });

  it('is given its folder by name', () => {
    const configuration = join(directory, '..', `${process.pid}.cbor`);
    writeFileSync(configuration, testConfiguration());
    const given = ['--link', 'l', '--state', 's', '--listen', '127.0.0.1:0', '--configuration', configuration];
    expect(readOptions([...given, '--certificates', directory])).toMatchObject({ certificates: directory });
    expect(readOptions(given)).not.toHaveProperty('certificates');
    rmSync(configuration);
  });
});
