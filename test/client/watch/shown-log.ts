import { ClientError, type HostTransport, type Proof } from '../../../client/index.ts';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeBundle, encodeBundle, type ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeIdentity } from '../../../wire/message/identity.ts';
import { decodeReceipt, leafPreimage } from '../../../wire/message/receipt.ts';
import { completedNodes, consistencyProof, inclusionProof, treeRoot } from '../../../wire/tree/index.ts';
import { createFakeLog, type FakeLog } from '../../support/fake-log.ts';

type Seen = Pick<Proof, 'worker' | 'bundle'>;

/** A log and a host that shows all of it, with the routes of the real one. */
export interface ShownLog {
  readonly log: FakeLog;
  readonly host: HostTransport;
  /** What the host does in place of showing. */
  onGet: (path: string, show: () => Uint8Array) => Uint8Array;
  grow(count: number): readonly Seen[];
  head(size: number): { readonly size: number; readonly root: Uint8Array };
  /** Anything that the worker's key signs. */
  sign(size: number, root: Uint8Array): Seen;
}

export function createShownLog(log: FakeLog = createFakeLog()): ShownLog {
  const nodes = new Map<string, Uint8Array>();
  const bundles: ReceiptBundle[] = [];
  const reader = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array;
  const worker = { log: log.log, identity: decodeIdentity(log.ready.identity) } as Seen['worker'];
  const json = (value: object): Uint8Array => utf8(JSON.stringify(value));

  function show(path: string): Uint8Array {
    const url = new URL(path, 'http://host');
    const number = (name: string): number => Number(url.searchParams.get(name));
    if (url.pathname === '/v1/log/head') {
      const { head, signature } = log.signHead(log.size, treeRoot(reader, log.size));
      return json({
        log: toHex(log.log),
        size: log.size,
        head: toBase64url(head),
        signature: toBase64url(signature),
      });
    }
    if (url.pathname === '/v1/log/consistency') {
      const [first, second] = [number('first'), number('second')];
      if (second > log.size) throw new ClientError('host_error', '', { reason: 'size_unknown' });
      const proof = consistencyProof(reader, first, second).map(toBase64url);
      return json({ log: toHex(log.log), first, second, proof });
    }
    const id = /^\/v1\/receipts\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
    const found = bundles.find(({ receipt }) => toHex(decodeReceipt(receipt).requestId) === id);
    if (found === undefined) throw new ClientError('host_error', '', { reason: 'receipt_unknown' });
    const proof = inclusionProof(reader, Number(decodeReceipt(found.receipt).index), log.size);
    return encodeBundle({ ...found, proof, ...log.signHead(log.size, treeRoot(reader, log.size)) });
  }

  const shown: ShownLog = {
    log,
    onGet: (_, pass) => pass(),
    host: {
      get: async (path) => shown.onGet(path, () => show(path)),
      post: () => Promise.reject(new TypeError('nothing is sent to a log')),
      stream: () => Promise.reject(new TypeError('nothing is sent to a log')),
    },
    grow(count) {
      const from = log.size;
      const made = log.grow(Array.from({ length: count }, () => ({}))).bundles.map(decodeBundle);
      const leaves = made.map(({ receipt }) => sha256(leafPreimage(receipt)));
      for (const { level, index, hash } of completedNodes(from, leaves, reader)) nodes.set(`${level}/${index}`, hash);
      bundles.push(...made);
      return made.map((bundle) => ({ worker, bundle }));
    },
    head: (size) => ({ size, root: treeRoot(reader, size) }),
    sign: (size, root) => ({ worker, bundle: { ...(bundles[0] as ReceiptBundle), ...log.signHead(size, root) } }),
  };
  return shown;
}
