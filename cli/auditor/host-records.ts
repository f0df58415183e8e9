import { randomBytes } from 'node:crypto';
import { ClientError } from '../../client/errors.ts';
import { newestOf } from '../../client/receipts/newest-head.ts';
import type { Asker, ProvenWorker } from '../../client/receipts/prove-worker.ts';
import { violation } from '../../client/violation.ts';
import { createLogSource } from '../../client/watch/fetch.ts';
import { verifyReceiptOrigin } from '../../verifier/receipt/verify.ts';
import { equalBytes, toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { type Disclosed, decodeDisclosed } from '../../wire/message/disclosed.ts';
import { auditorAskMessage } from '../../wire/message/finding.ts';
import { auditorWords } from '../../wire/message/finding-record.ts';
import {
  decodeReceipt,
  decodeTreeHead,
  leafPreimage,
  type Receipt,
  type TreeHead,
} from '../../wire/message/receipt.ts';
import { flag } from '../../wire/message/request.ts';
import { verifyConsistency } from '../../wire/tree/verify.ts';
import type { AuditorKey } from './key.ts';

/** What a host shows an auditor of one leaf, checked as far as it goes without computing. */
export type Shown =
  | {
      readonly kind: 'disclosed';
      readonly leaf: Uint8Array;
      readonly receipt: Receipt;
      readonly bundle: ReceiptBundle;
      readonly disclosed: Disclosed;
    }
  /** Its requester did not disclose it: nobody is owed its content. */
  | { readonly kind: 'undisclosed'; readonly leaf: Uint8Array }
  /** It was sealed, so that the host never saw it; its requester allowed what it did not bring. */
  | { readonly kind: 'not-brought'; readonly leaf: Uint8Array }
  /** The host has it, must have it, or shows what cannot be it. */
  | { readonly kind: 'missing'; readonly leaf: Uint8Array | null; readonly reason: string };

export interface HostRecords {
  readonly head: TreeHead;
  show(index: number): Promise<Shown>;
}

export interface HostRecordsOptions {
  readonly asker: Asker;
  readonly key: AuditorKey;
  readonly worker: ProvenWorker;
  /** As it stands in `Host`. */
  readonly hostName: string;
}

/** The newest head that the host shows, and what is under it. */
export async function openHostRecords({ asker, key, worker, hostName }: HostRecordsOptions): Promise<HostRecords> {
  const { host, suite } = asker;
  const { log } = worker.worker;
  const { head } = await newestOf(asker, worker.worker);
  const source = createLogSource(host);
  /** Sizes of later heads that were shown to go on from the sampled one. */
  const joined = new Set<number>([head.size]);

  const ask = (path: string, index: number): string =>
    `${path}/${toHex(log)}/${index}?${signedQuery(key, { hostName, log, index })}`;

  /** The proof of a receipt is under the head of that moment; that one has to go on from the head that was sampled. */
  async function goesOn(later: TreeHead): Promise<boolean> {
    if (later.size === head.size) return equalBytes(later.root, head.root);
    if (joined.has(later.size)) return true;
    if (later.size < head.size) return false;
    const proof = await source.consistency(log, head.size, later.size);
    const sizes = { first: head.size, second: later.size };
    const goes = await verifyConsistency(suite, { ...sizes, firstRoot: head.root, secondRoot: later.root, proof });
    if (goes) joined.add(later.size);
    return goes;
  }

  async function receiptAt(index: number): Promise<{ readonly bundle: ReceiptBundle; readonly receipt: Receipt }> {
    const served = await host.get(ask('/v1/receipts/by-index', index), limits.bundleBytes);
    const bundle = violation(() => decodeBundle(served));
    const receipt = violation(() => decodeReceipt(bundle.receipt));
    if (receipt.index !== BigInt(index)) throw contradiction('index_mismatch');
    const headerBy = (receipt.flags & flag.sealed) === 0n ? 'host' : 'client';
    const verdict = await verifyReceiptOrigin(bundle, { worker: worker.worker, headerBy, now: asker.now(), suite });
    if (verdict.verdict !== 'origin-only') throw contradiction(verdict.code);
    const later = violation(() => decodeTreeHead(bundle.head));
    if (!(await goesOn(later))) throw contradiction('consistency_proof');
    return { bundle, receipt };
  }

  return {
    head,
    async show(index) {
      let leaf: Uint8Array | null = null;
      try {
        const { bundle, receipt } = await receiptAt(index);
        leaf = sha256(leafPreimage(bundle.receipt));
        if ((receipt.flags & flag.disclose) === 0n) return { kind: 'undisclosed', leaf };
        const disclosed = await disclosedAt(index, receipt);
        return disclosed === undefined
          ? { kind: 'not-brought', leaf }
          : { kind: 'disclosed', leaf, receipt, bundle, disclosed };
      } catch (error) {
        if (!(error instanceof ClientError) || !isHostsFault(error)) throw error;
        return { kind: 'missing', leaf, reason: error.reason };
      }
    },
  };

  async function disclosedAt(index: number, { flags }: Receipt): Promise<Disclosed | undefined> {
    try {
      const served = await host.get(ask('/v1/disclosed', index), limits.disclosedBytes);
      return violation(() => decodeDisclosed(served));
    } catch (error) {
      const unknown = error instanceof ClientError && error.reason === 'disclosed_unknown';
      if (unknown && (flags & flag.sealed) !== 0n) return undefined;
      throw error;
    }
  }
}

/** What an honest host has, and a busy or an unreachable one may have: only the first is told of anybody. */
const missingReasons: ReadonlySet<string> = new Set([
  'receipt_unknown',
  'receipt_dropped',
  'log_unknown',
  'size_unknown',
  'disclosed_unknown',
  'not_found',
]);

function isHostsFault(error: ClientError): boolean {
  if (error.action === 'stop-trusting') return true;
  return error.code === 'host_error' && missingReasons.has(error.reason);
}

function contradiction(reason: string): ClientError {
  return new ClientError('protocol_violated', 'the host shows what cannot be at this place', { reason });
}

interface Question {
  readonly hostName: string;
  readonly log: Uint8Array;
  readonly index: number;
}

function signedQuery(key: AuditorKey, { hostName, log, index }: Question): string {
  const nonce = Uint8Array.from(randomBytes(32));
  const time = BigInt(Math.floor(Date.now() / 1_000));
  const host = sha256(utf8(hostName));
  const message = auditorAskMessage({ ...auditorWords(key.auditor), host, log, index: BigInt(index), time, nonce });
  const fields = {
    key: toHex(key.auditor),
    time: String(time),
    nonce: toHex(nonce),
    signature: toHex(key.sign(message)),
  };
  return new URLSearchParams(fields).toString();
}
