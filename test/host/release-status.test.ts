import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openRelease } from '../../host/releases.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { limits } from '../../wire/limits.ts';
import { releaseStatus, releaseStatusMessage } from '../../wire/message/authorisations.ts';
import { decodeSignedStatus, encodeSignedStatus, type ReleaseStatusName } from '../../wire/message/hub.ts';
import { createPublisher, publisher, release } from '../enclave/worker/core/harness.ts';
import { type Served, serve } from './support/served.ts';

const model = release([utf8('model')]);
const other = release([utf8('model')], { version: '9.0.0' });
let folder = '';
let served: Served;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pm-release-'));
  const { manifest, owner, signature } = model.signed;
  writeFileSync(join(folder, 'manifest.json'), manifest);
  writeFileSync(join(folder, 'owner.hex'), `${toHex(owner)}\n`);
  writeFileSync(join(folder, 'signature.hex'), `${toHex(signature)}\n`);
  writeFileSync(join(folder, 'file-0.bin'), 'model');
  served = await serve({ releases: [openRelease(folder)] });
});

afterEach(() => rmSync(join(folder, 'status.json'), { recursive: true, force: true }));

afterAll(async () => {
  await served.stop();
  rmSync(folder, { recursive: true, force: true });
});

function status(name: ReleaseStatusName, sequence: bigint, { modelId } = model, by = publisher): Uint8Array {
  const signature = signP256(by.privateKey, releaseStatusMessage(modelId, releaseStatus[name], sequence));
  return encodeSignedStatus({ modelId, status: name, sequence, owner: by.owner, signature });
}

const lay = (content: Uint8Array): void => writeFileSync(join(folder, 'status.json'), content);

async function shown(modelId = model.modelId): Promise<string | Uint8Array> {
  const response = await fetch(`${served.host.url}/v1/releases/${toHex(modelId)}/status`);
  if (response.status === 200) return new Uint8Array(await response.arrayBuffer());
  return `${response.status} ${((await response.json()) as { code: string }).code}`;
}

function complaints(): readonly string[] {
  return served.events.flatMap((event) =>
    event.event === 'status_unusable' ? [`${event.code} ${event.modelId === toHex(model.modelId)}`] : [],
  );
}

describe('the status that lies beside a release', () => {
  it('is served as the owner signed it, and replaced under a running host', async () => {
    expect(await shown()).toBe('404 status_unknown');
    for (const bytes of [status('active', 1n), status('yanked', 2n)]) {
      lay(bytes);
      expect(await shown()).toEqual(bytes);
    }
    expect(decodeSignedStatus(status('yanked', 2n))).toMatchObject({ status: 'yanked', sequence: 2n });
    expect(complaints()).toEqual([]);
    expect(await shown(other.modelId)).toBe('404 model_unknown');
  });

  it('is told by its headers to be no page, and has one method', async () => {
    lay(status('active', 1n));
    const path = `${served.host.url}/v1/releases/${toHex(model.modelId)}/status`;
    const { headers } = await fetch(path);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(path, { method: 'PUT', body: 'x' })).status).toBe(405);
  });

  it.each<readonly [string, () => Uint8Array, string]>([
    ['of another release', () => status('yanked', 1n, other), 'status_mismatch'],
    ['by somebody else', () => status('yanked', 1n, model, createPublisher()), 'status_mismatch'],
    ['with another signature', () => forged(), 'status_signature'],
    ['that is no JSON', () => utf8('yanked'), 'status_invalid'],
    ['that is longer than any', () => new Uint8Array(limits.signedStatusBytes + 1).fill(0x20), 'status_invalid'],
  ])('%s is not passed on, and the operator is told', async (_, bytes, code) => {
    lay(bytes());
    const before = complaints().length;
    expect(await shown()).toBe('404 status_unknown');
    expect(complaints().slice(before)).toEqual([`${code} true`]);
  });

  it('is not read where it is a link, a folder or a pipe', async () => {
    const path = join(folder, 'status.json');
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, status('active', 1n));
    for (const make of [
      () => symlinkSync(elsewhere, path),
      () => mkdirSync(path),
      () => execFileSync('mkfifo', [path]),
    ]) {
      make();
      expect(await shown()).toBe('404 status_unknown');
      rmSync(path, { recursive: true });
    }
  });
});

function forged(): Uint8Array {
  return encodeSignedStatus({ ...decodeSignedStatus(status('yanked', 1n)), status: 'active' });
}
