import { beforeEach, describe, expect, it } from 'vitest';
import { listReleases } from '../../../../../../host/console/page/connection/served-releases.ts';
import {
  readRelease,
  readStanding,
  type ShownRelease,
  type Standing,
  type StatusMemory,
  siblingsOf,
} from '../../../../../../host/console/page/views/models/releases.ts';
import { toHex, utf8 } from '../../../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../../../wire/crypto/node.ts';
import { signP256 } from '../../../../../../wire/crypto/node-sign.ts';
import { releaseStatus, releaseStatusMessage } from '../../../../../../wire/message/authorisations.ts';
import { encodeSignedStatus, type ReleaseStatusName } from '../../../../../../wire/message/hub.ts';
import { createWorld, refusalOf, type World } from '../../../../../client/world.ts';
import { createPublisher, publisher } from '../../../../../enclave/worker/core/harness.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const shown = (publishers: 'any' | readonly Uint8Array[] = 'any'): Promise<ShownRelease> =>
  readRelease(world.host, world.demo.modelId, { publishers, suite: nodeSuite });

function status(name: ReleaseStatusName, sequence: bigint, by = publisher): Uint8Array {
  const { modelId } = world.demo;
  const signature = signP256(by.privateKey, releaseStatusMessage(modelId, releaseStatus[name], sequence));
  return encodeSignedStatus({ modelId, status: name, sequence, owner: by.owner, signature });
}

async function standing(memory: StatusMemory = new Map()): Promise<Standing> {
  return readStanding(world.host, (await shown()).facts, { memory, suite: nodeSuite });
}

describe('the releases of a host', () => {
  it('are listed, and read one by one with their signatures', async () => {
    const listed = await listReleases(world.host);
    expect(listed.map(({ name }) => name)).toEqual(['demo', 'demo-chat']);
    expect(siblingsOf(listed, 'demo')).toHaveLength(1);
    const { facts, verdict } = await shown([publisher.owner]);
    expect(facts.manifest.name).toBe('demo');
    expect(verdict.verdict).toBe('accepted');
  });

  it('are shown where their publisher is not accepted, with that verdict', async () => {
    const { facts, verdict } = await shown([createPublisher().owner]);
    expect(verdict).toMatchObject({ verdict: 'refused', code: 'publisher_refused' });
    expect(toHex(facts.modelId)).toBe(toHex(world.demo.modelId));
  });

  it('are not shown where another one comes, or one that nobody signed', async () => {
    const { manifest, owner, signature } = world.chat.signed;
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const swapped = { manifest: text(manifest), owner: text(owner), signature: text(signature) };
    world.onGet = async () => utf8(JSON.stringify(swapped));
    expect(await refusalOf(shown())).toBe('release_refused/release_mismatch');
    const unsigned = {
      ...swapped,
      manifest: text(world.demo.signed.manifest),
      signature: text(new Uint8Array(64).fill(1)),
    };
    world.onGet = async () => utf8(JSON.stringify(unsigned));
    expect(await refusalOf(shown())).toBe('release_refused/release_signature');
    world.onGet = async () => utf8('[]');
    expect(await refusalOf(shown())).toMatch(/^protocol_violated\//);
    expect(await refusalOf(listReleases({ ...world.host, get: async () => utf8('{}') }))).toMatch(
      /^protocol_violated\//,
    );
  });
});

describe('what the owner says of a release', () => {
  it('is nothing, or signed', async () => {
    expect(await standing()).toEqual({ kind: 'none' });
    world.statuses.set(toHex(world.demo.modelId), status('deprecated', 3n));
    expect(await standing()).toMatchObject({ kind: 'signed', facts: { status: 'deprecated', sequence: 3n } });
  });

  it('is refused where it is somebody else’s, older than what was seen, or no status', async () => {
    const memory: StatusMemory = new Map();
    const lay = (bytes: Uint8Array) => world.statuses.set(toHex(world.demo.modelId), bytes);
    lay(status('yanked', 1n, createPublisher()));
    expect(await standing(memory)).toMatchObject({ kind: 'refused', verdict: { code: 'status_mismatch' } });
    lay(status('yanked', 2n));
    expect(await standing(memory)).toMatchObject({ kind: 'signed', facts: { status: 'yanked' } });
    lay(status('active', 1n));
    expect(await standing(memory)).toMatchObject({ kind: 'refused', verdict: { code: 'status_replayed' } });
    lay(status('active', 2n));
    expect(await standing(memory)).toMatchObject({ kind: 'refused', verdict: { code: 'status_equivocation' } });
    lay(utf8('{}'));
    expect(await refusalOf(standing(memory))).toMatch(/^protocol_violated\//);
  });
});
