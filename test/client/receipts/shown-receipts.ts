import { ClientError, type HostTransport } from '../../../client/index.ts';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeBundle, type ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import { completedNodes, consistencyProof } from '../../../wire/tree/index.ts';
import type { World } from '../world.ts';

/** A world whose host keeps receipts and shows its log, with the routes of the real one. */
export interface ShownReceipts {
  readonly bundles: readonly ReceiptBundle[];
  readonly host: HostTransport;
  ask(count: number): Promise<void>;
  idOf(at: number): string;
  /** What the host does in place of showing. */
  onGet: (path: string, show: () => Promise<Uint8Array>) => Promise<Uint8Array>;
}

export function showReceipts(world: World): ShownReceipts {
  const bundles: ReceiptBundle[] = [];
  const nodes = new Map<string, Uint8Array>();
  const reader = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array;
  const json = (value: object): Uint8Array => utf8(JSON.stringify(value));
  const idOf = (at: number): string => toHex(decodeReceipt((bundles[at] as ReceiptBundle).receipt).requestId);

  async function show(path: string, maxBytes: number): Promise<Uint8Array> {
    const { pathname, searchParams } = new URL(path, 'http://host');
    const log = toHex(world.log);
    if (pathname === '/v1/log/head') {
      const { head, signature } = bundles.at(-1) as ReceiptBundle;
      const said = { head: toBase64url(head), signature: toBase64url(signature) };
      return json({ log, size: decodeTreeHead(head).size, ...said });
    }
    if (pathname === '/v1/log/consistency') {
      const [first, second] = ['first', 'second'].map((name) => Number(searchParams.get(name))) as [number, number];
      return json({ log, first, second, proof: consistencyProof(reader, first, second).map(toBase64url) });
    }
    const named = /^\/v1\/receipts\/([0-9a-f]{64})(\/places)?$/.exec(pathname);
    if (named === null) return world.host.get(path, maxBytes);
    const at = bundles.findIndex((_, index) => idOf(index) === named[1]);
    if (at < 0) throw new ClientError('host_error', 'none', { reason: 'receipt_unknown' });
    return named[2] === undefined
      ? encodeBundle(bundles[at] as ReceiptBundle)
      : json({ requestId: idOf(at), places: [{ log, index: at }] });
  }

  const shown: ShownReceipts = {
    bundles,
    idOf,
    onGet: (_, pass) => pass(),
    async ask(count) {
      const client = world.client();
      for (let asked = 0; asked < count; asked++) {
        const { bundle } = await client.infer(world.call);
        const leaf = sha256(leafPreimage(bundle.receipt));
        for (const node of completedNodes(bundles.length, [leaf], reader)) {
          nodes.set(`${node.level}/${node.index}`, node.hash);
        }
        bundles.push(bundle);
      }
    },
    host: { ...world.host, get: (path, maxBytes) => shown.onGet(path, () => show(path, maxBytes)) },
  };
  return shown;
}
