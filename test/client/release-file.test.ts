import { beforeAll, describe, expect, it } from 'vitest';
import { ClientError, type HostTransport } from '../../client/index.ts';
import { releaseFile } from '../../client/release-file.ts';
import { type ReleaseFacts, requireAccepted, type Verified, verifyRelease } from '../../verifier/index.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { release } from '../enclave/worker/core/harness.ts';
import { refusalOf } from './world.ts';

const card = utf8('# A model\n');
const model = release([], {
  entry: 'model.onnx',
  files: [
    { path: 'README.md', size: card.length, sha256: sha256(card) },
    { path: 'model.onnx', size: 3, sha256: sha256(utf8('abc')) },
  ],
});
let facts: Verified<ReleaseFacts>;
beforeAll(async () => {
  const { modelId } = model;
  facts = requireAccepted(await verifyRelease(model.signed, { modelId, publishers: 'any', suite: nodeSuite }));
});

const asked: string[] = [];

function hostOf(answer: () => Uint8Array): HostTransport {
  const never = (): never => {
    throw new TypeError('nobody posts here');
  };
  return {
    get: async (path) => {
      asked.push(path);
      return answer();
    },
    post: never,
    stream: never,
  };
}

const read = (host: HostTransport, path = 'README.md'): Promise<Uint8Array | null> =>
  releaseFile(host, facts, { path, suite: nodeSuite });

describe('a card or sample from a host', () => {
  it('is taken where it has the digest that was signed', async () => {
    expect(await read(hostOf(() => card))).toEqual(card);
    expect(asked).toEqual([`/v1/releases/${toHex(model.modelId)}/files/README.md`]);
  });

  it.each([
    ['another one of the same size', utf8('# A modem\n')],
    ['a part of it', card.slice(0, -1)],
    ['nothing', new Uint8Array(0)],
  ])('is refused where it is %s', async (_, shown) => {
    expect(await refusalOf(read(hostOf(() => shown)))).toBe('release_refused/file_mismatch');
  });

  it.each(['file_unknown', 'model_unknown', 'not_found'])('is none where the host says %s', async (reason) => {
    const host = hostOf(() => {
      throw new ClientError('host_error', 'no', { reason });
    });
    expect(await read(host)).toBeNull();
  });

  it('is not there for now where the host fails', async () => {
    const host = hostOf(() => {
      throw new ClientError('host_error', 'no', { reason: 'internal' });
    });
    expect(await refusalOf(read(host))).toBe('host_error/internal');
  });

  it('is not asked for where it is neither card nor sample', async () => {
    const before = asked.length;
    expect(
      await read(
        hostOf(() => utf8('abc')),
        'model.onnx',
      ),
    ).toBeNull();
    expect(asked).toHaveLength(before);
  });
});
