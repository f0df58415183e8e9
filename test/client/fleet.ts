import type { HostTransport } from '../../client/index.ts';
import { toBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import type { TestRelease } from '../enclave/worker/core/harness.ts';
import type { World } from './world.ts';

/** One host in front of several workers: it chooses the first where nobody is named, and serves everybody's releases. */
export function createFleet(worlds: readonly World[], also: readonly TestRelease[] = []): HostTransport {
  const owners = new Map<string, World>();
  const releases = [...worlds.flatMap(({ models }) => models), ...also];

  const worldOf = (path: string): World => {
    const log = /[?&]log=([0-9a-f]{64})/.exec(path)?.[1];
    const session = /^\/v1\/sessions\/([0-9a-f]{32})/.exec(path)?.[1];
    const kept = /^\/v1\/responses\/([0-9a-f]{64})/.exec(path)?.[1];
    const name = session ?? kept;
    if (name !== undefined) return owners.get(name) ?? first(worlds);
    return worlds.find((world) => toHex(world.log) === log) ?? first(worlds);
  };

  return {
    async get(path, maxBytes) {
      if (path === '/v1/workers') {
        return json(
          worlds.map((world) => ({
            log: toHex(world.log),
            state: 'ready',
            models: world.models.map(({ modelId }) => toHex(modelId)),
          })),
        );
      }
      const release = releases.find(({ modelId }) => path === `/v1/releases/${toHex(modelId)}`);
      if (release !== undefined) {
        const { manifest, owner, signature } = release.signed;
        return json({
          manifest: toBase64url(manifest),
          owner: toBase64url(owner),
          signature: toBase64url(signature),
        });
      }
      return worldOf(path).host.get(path, maxBytes);
    },
    async post(path, body, maxBytes, options) {
      const world = worldOf(path);
      if (options?.requestId !== undefined) owners.set(toHex(options.requestId), world);
      const reply = await world.host.post(path, body, maxBytes, options);
      if (/^\/v1\/sessions(\?|$)/.test(path)) owners.set(toHex(reply.subarray(0, 16)), world);
      return reply;
    },
    stream(path, body, options) {
      const world = worldOf(path);
      if (options?.requestId !== undefined) owners.set(toHex(options.requestId), world);
      return world.host.stream(path, body, options);
    },
  };
}

function first(worlds: readonly World[]): World {
  return worlds[0] as World;
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
