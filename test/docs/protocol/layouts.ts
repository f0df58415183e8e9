import { toHex } from '../../../wire/bytes.ts';
import { pointPreimage } from '../../../wire/commitment/index.ts';
import { challengeDateMessage, headDateMessage } from '../../../wire/message/anchor.ts';
import {
  blockChallengePreimage,
  channelLayout,
  channelPreimage,
  escrowPreimage,
  kmsPreimage,
  registerMessage,
  releaseMessage,
  releaseStatusMessage,
  sessionMessage,
  voucherMessage,
} from '../../../wire/message/authorisations.ts';
import { encodeAccountState, encodeVoucherRaise } from '../../../wire/message/channel.ts';
import { uploadMessage } from '../../../wire/message/hub.ts';
import { identityLayout } from '../../../wire/message/identity.ts';
import { encodeTreeHead, receiptLayout } from '../../../wire/message/receipt.ts';
import { issuedChallengePreimage, listingMessage, revokeMessage } from '../../../wire/message/registrations.ts';
import { requestHeaderLayout } from '../../../wire/message/request.ts';
import { proofmarkPrologue } from '../../../wire/noise/index.ts';
import { WORD, type WordField } from '../../../wire/words.ts';
import { code, table } from '../markers.ts';

/** A fixed layout as its table: place, name, kind. */
function layoutTable(layout: readonly WordField[]): string {
  const rows = layout.map((field, index) => [
    String(index),
    code(field.name),
    field.kind === 'uint' ? `uint${field.bits}` : field.kind,
  ]);
  return `${table(['word', 'field', 'kind'], rows)}\n\n${layout.length} words, ${layout.length * WORD} bytes.`;
}

/**
 * What a message that is put together by hand holds, found by asking for it: each field gets a value that occurs once, and
 * is then looked for word by word. A word that is none of them is text.
 */
function probe<Name extends string>(names: readonly Name[], make: (values: Probes<Name>) => Uint8Array): string {
  const at = (name: Name): number => names.indexOf(name) + 1;
  const values: Probes<Name> = {
    bytes32: (name) => new Uint8Array(WORD).fill(at(name)),
    address: (name) => new Uint8Array(20).fill(at(name)),
    uint: (name) => BigInt(at(name)),
  };
  const message = make(values);
  if (message.length % WORD !== 0) throw new Error('not whole words');
  const words = Array.from({ length: message.length / WORD }, (_, i) => message.subarray(i * WORD, (i + 1) * WORD));
  const seen = words.map((word) => describe(word, names));
  const missing = names.filter((name) => !seen.some((text) => text.startsWith(`${name}`)));
  if (missing.length > 0) throw new Error(`${missing.join()} is in no word`);
  return seen.map((text) => code(text)).join(' \u2016 ');
}

interface Probes<Name extends string> {
  bytes32(name: Name): Uint8Array;
  address(name: Name): Uint8Array;
  uint(name: Name): bigint;
}

function describe(word: Uint8Array, names: readonly string[]): string {
  const last = word[WORD - 1] as number;
  const name = names[last - 1];
  if (name !== undefined) {
    if (toHex(word) === toHex(new Uint8Array(WORD).fill(last))) return name;
    const isAddress = word.slice(12).every((byte) => byte === last) && word.slice(0, 12).every((byte) => byte === 0);
    if (isAddress) return `${name}: address`;
    if (word.slice(0, -1).every((byte) => byte === 0)) return `${name}: uint`;
  }
  const text = new TextDecoder().decode(word).replace(/\0+$/, '');
  if (!/^[\x20-\x7e]+$/.test(text)) throw new Error(`a word that is nothing known: ${toHex(word)}`);
  return `"${text}"`;
}

/** Every message that is a tag and words, by the name under which the page asks for it. */
const messages: Readonly<Record<string, () => string>> = {
  head: () =>
    probe(['chainId', 'settlement', 'log', 'size', 'root'], (v) =>
      encodeTreeHead({
        chainId: v.uint('chainId'),
        settlement: v.address('settlement'),
        log: v.bytes32('log'),
        size: Number(v.uint('size')),
        root: v.bytes32('root'),
      }),
    ),
  prologue: () => probe(['log'], (v) => proofmarkPrologue(v.bytes32('log'))),
  session: () => probe(['h'], (v) => sessionMessage(v.bytes32('h'))),
  channel: () =>
    probe(
      channelLayout.map(({ name }) => name),
      (v) =>
        channelPreimage({
          chainId: v.uint('chainId'),
          settlement: v.address('settlement'),
          payer: v.address('payer'),
          payee: v.address('payee'),
          sessionX: v.bytes32('sessionX'),
          sessionY: v.bytes32('sessionY'),
          salt: v.bytes32('salt'),
        }),
    ),
  voucher: () =>
    probe(['chainId', 'settlement', 'channel', 'log', 'maxCumulative'], (v) =>
      voucherMessage({
        chainId: v.uint('chainId'),
        settlement: v.address('settlement'),
        channel: v.bytes32('channel'),
        log: v.bytes32('log'),
        maxCumulative: v.uint('maxCumulative'),
      }),
    ),
  escrow: () =>
    probe(['chainId', 'settlement', 'requester', 'nonce', 'previousBlockHash'], (v) =>
      escrowPreimage({
        chainId: v.uint('chainId'),
        settlement: v.address('settlement'),
        requester: v.address('requester'),
        nonce: v.uint('nonce'),
        previousBlockHash: v.bytes32('previousBlockHash'),
      }),
    ),
  point: () =>
    probe(['chainId', 'verifier', 'escrow', 'modelId', 'inputHash', 'outputHash', 'payee', 'commitment'], (v) =>
      pointPreimage({
        chainId: v.uint('chainId'),
        verifier: v.address('verifier'),
        escrow: v.bytes32('escrow'),
        modelId: v.bytes32('modelId'),
        inputHash: v.bytes32('inputHash'),
        outputHash: v.bytes32('outputHash'),
        payee: v.address('payee'),
        commitment: v.bytes32('commitment'),
      }),
    ),
  'block challenge': () =>
    probe(['chainId', 'registry', 'operator', 'blockNumber', 'blockHash'], (v) =>
      blockChallengePreimage({
        chainId: v.uint('chainId'),
        registry: v.address('registry'),
        operator: v.address('operator'),
        blockNumber: v.uint('blockNumber'),
        blockHash: v.bytes32('blockHash'),
      }),
    ),
  'issued challenge': () =>
    probe(['chainId', 'registry', 'operator', 'nonce', 'previousBlockHash', 'prevrandao'], (v) =>
      issuedChallengePreimage({
        chainId: v.uint('chainId'),
        registry: v.address('registry'),
        operator: v.address('operator'),
        nonce: v.uint('nonce'),
        previousBlockHash: v.bytes32('previousBlockHash'),
        prevrandao: v.uint('prevrandao'),
      }),
    ),
  register: () => probe(['log', 'challenge'], (v) => registerMessage(v.bytes32('log'), v.bytes32('challenge'))),
  revoke: () =>
    probe(['chainId', 'registry', 'log'], (v) =>
      revokeMessage({ chainId: v.uint('chainId'), registry: v.address('registry'), log: v.bytes32('log') }),
    ),
  release: () => probe(['modelId'], (v) => releaseMessage(v.bytes32('modelId'))),
  // The middle name keeps the number of `status` one that a status may have.
  status: () =>
    probe(['modelId', 'status', 'sequence'], (v) =>
      releaseStatusMessage(v.bytes32('modelId'), v.uint('status'), v.uint('sequence')),
    ),
  listing: () =>
    probe(['chainId', 'registry', 'modelId', 'nameHash', 'major', 'minor', 'patch'], (v) =>
      listingMessage({
        chainId: v.uint('chainId'),
        registry: v.address('registry'),
        modelId: v.bytes32('modelId'),
        nameHash: v.bytes32('nameHash'),
        version: { major: Number(v.uint('major')), minor: Number(v.uint('minor')), patch: Number(v.uint('patch')) },
      }),
    ),
  upload: () =>
    probe(['visibility', 'hub', 'nonce', 'modelId', 'contents'], (v) =>
      uploadMessage({
        hub: v.bytes32('hub'),
        nonce: v.bytes32('nonce'),
        modelId: v.bytes32('modelId'),
        visibility: 'private',
        contents: v.bytes32('contents'),
      }),
    ),
  kms: () => probe(['log', 'modelId'], (v) => kmsPreimage(v.bytes32('log'), v.bytes32('modelId'))),
  'head date': () =>
    probe(['log', 'size', 'root', 'document', 'time'], (v) =>
      headDateMessage({
        log: v.bytes32('log'),
        size: v.uint('size'),
        root: v.bytes32('root'),
        document: v.bytes32('document'),
        time: v.uint('time'),
      }),
    ),
  'challenge date': () =>
    probe(['time', 'nonce'], (v) => challengeDateMessage({ time: v.uint('time'), nonce: v.bytes32('nonce') })),
  'voucher raise': () =>
    probe(['channel', 'maxCumulative'], (v) =>
      encodeVoucherRaise({
        channel: v.bytes32('channel'),
        maxCumulative: v.uint('maxCumulative'),
        signature: new Uint8Array(0),
      }),
    ),
  account: () =>
    probe(['committed', 'voucher'], (v) =>
      encodeAccountState({ committed: v.uint('committed'), voucher: v.uint('voucher') }),
    ),
};

export const layoutBlocks: Readonly<Record<string, () => string>> = {
  identity: () => layoutTable(identityLayout),
  header: () => layoutTable(requestHeaderLayout),
  receipt: () => layoutTable(receiptLayout),
  'channel fields': () => layoutTable(channelLayout),
  ...Object.fromEntries(Object.entries(messages).map(([name, write]) => [`message ${name}`, write])),
};
