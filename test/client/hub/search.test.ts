import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFound, searchPath } from '../../../client/hub/search.ts';
import { HubError } from '../../../client/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { makeRelease, openWorld, type World } from '../../host/hub/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.stop());

async function found(wanted: string, cursor: bigint | null = null): Promise<ReturnType<typeof decodeFound>> {
  return decodeFound(new Uint8Array(await (await world.get(searchPath(wanted, cursor))).arrayBuffer()));
}

describe('what a hub finds', () => {
  it('is read with every name in it, page by page', async () => {
    expect(await found('')).toEqual({ releases: [], next: null });
    for (let number = 0; number < 21; number++) {
      const changes = { name: `model-${number}`, description: 'Finds 100 % & more', tags: ['a'] };
      await world.publish(makeRelease(world.acme, new Map([['m.onnx', utf8('m')]]), changes));
    }
    const first = await found('100 % & more');
    expect(first.releases).toHaveLength(20);
    expect(first.releases[0]).toMatchObject({
      namespace: 'acme',
      name: 'model-20',
      version: '1.0.0',
      status: 'active',
    });
    expect(toHex(first.releases[0]?.modelId ?? new Uint8Array())).toHaveLength(64);
    const second = await found('100 % & more', first.next);
    expect(second.releases.map(({ name }) => name)).toEqual(['model-0']);
    expect(second.next).toBeNull();
    expect((await found('nothing of it')).releases).toEqual([]);
  });

  it.each([
    ['no list', '[]'],
    ['a name that is none', '{"releases":[{"namespace":"../x"}],"next":null}'],
    ['another kind of cursor', '{"releases":[],"next":1}'],
    ['a field more', '{"releases":[],"next":null,"more":1}'],
  ])('is not read where it is %s', (_, text) => {
    expect(() => decodeFound(utf8(text))).toThrow(HubError);
  });
});
