import type { HostTransport, Proof } from '../../../client/index.ts';
import type { Statistics } from '../../../host/metrics/statistics.ts';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { completedNodes, consistencyProof } from '../../../wire/tree/index.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { createWorld, type World } from '../../client/world.ts';

/** A world whose host also shows its log and its figures, as the real one does. */
export interface SeenWorld {
  readonly world: World;
  readonly host: HttpHost;
  /** One answer more in the log. */
  grow(): Promise<void>;
  /** What the host shows as its newest head; that of the last answer unless a test says otherwise. */
  onHead: (newest: object) => object;
}

export async function createSeenWorld(): Promise<SeenWorld> {
  const world = await createWorld();
  const client = world.client();
  const proofs: Proof[] = [];
  const nodes = new Map<string, Uint8Array>();
  const node = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array;

  function show(path: string): Uint8Array | undefined {
    const { pathname, searchParams } = new URL(path, 'http://host');
    switch (pathname) {
      case '/v1/statistics':
        return json(statisticsOf(world, proofs.length));
      case '/v1/log/head':
        return json(seen.onHead(headOf(proofs.at(-1) as Proof)));
      case '/v1/log/consistency': {
        const [first, second] = [Number(searchParams.get('first')), Number(searchParams.get('second'))];
        const proof = consistencyProof(node, first, second).map(toBase64url);
        return json({ log: toHex(world.log), first, second, proof });
      }
      default:
        return undefined;
    }
  }

  const transport: HostTransport = {
    ...world.host,
    get: async (path, maxBytes) => show(path) ?? world.host.get(path, maxBytes),
  };
  const host = await serveHost(transport);
  const seen: SeenWorld = {
    world,
    host,
    onHead: (newest) => newest,
    async grow() {
      const proof = await client.infer(world.call);
      const leaf = sha256(leafPreimage(proof.bundle.receipt));
      for (const { level, index, hash } of completedNodes(proofs.length, [leaf], node)) {
        nodes.set(`${level}/${index}`, hash);
      }
      proofs.push(proof);
    },
  };
  for (let answers = 0; answers < 5; answers++) await seen.grow();
  return seen;
}

export function headOf({ bundle }: Proof): object {
  const { log, size } = decodeTreeHead(bundle.head);
  return { log: toHex(log), size, head: toBase64url(bundle.head), signature: toBase64url(bundle.signature) };
}

const EVERY = 10;
const MOMENTS = 180;

/** Half an hour of a day like any other: the same figures in every run. */
function statisticsOf(world: World, size: number): Statistics {
  const end = Math.floor(world.now / 1_000);
  const moments = Array.from({ length: MOMENTS }, (_, at) => {
    const wave = Math.sin(at / 14) + Math.sin(at / 5) / 3;
    const quiet = at > 96 && at < 104;
    return {
      at: end - (MOMENTS - 1 - at) * EVERY,
      requests: {
        ok: quiet ? 0 : Math.round(42 + 22 * wave),
        refused: at % 9 === 0 ? 2 : 0,
        failed: quiet ? 4 : 0,
        left: 0,
      },
      medianSeconds: quiet ? null : 0.018 + 0.004 * wave,
      p95Seconds: quiet ? null : 0.047 + 0.012 * wave + (at % 31 === 0 ? 0.05 : 0),
      leaves: Math.max(0, size - Math.floor((MOMENTS - 1 - at) / 40)),
    };
  });
  return {
    version: 1,
    uptimeSeconds: MOMENTS * EVERY + 7,
    requests: { ok: 7_431, refused: 40, failed: 28, left: 3 },
    latency: { bounds: [0.01, 0.1, 1], counts: [812, 6_500, 119, 0], sumSeconds: 164.2 },
    underWay: 2,
    logs: [{ log: toHex(world.log), size }],
    settlement: { unpostedLeaves: 3, pendingTransactions: 1, lastSuccessSeconds: 41 },
    history: { everySeconds: EVERY, moments },
  };
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
