import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { sha256 } from '../../wire/crypto/node.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import {
  type ChannelFields,
  channelPreimage,
  sessionMessage,
  voucherMessage,
} from '../../wire/message/authorisations.ts';
import { type ChannelOpening, encodeVoucherRaise, type VoucherRaise } from '../../wire/message/channel.ts';
import { recordKind } from '../../wire/message/session.ts';
import { random } from './fake-log.ts';

/** What a worker that settles on a chain is configured with, in tests without a chain. */
export const chain: {
  readonly chainId: bigint;
  readonly registry: Uint8Array;
  readonly settlement: Uint8Array;
  readonly operator: Uint8Array;
} = {
  chainId: 31_337n,
  registry: new Uint8Array(20).fill(0x11),
  settlement: new Uint8Array(20).fill(0x22),
  operator: new Uint8Array(20).fill(0x33),
};

export interface TestChannel {
  readonly fields: ChannelFields;
  readonly id: Uint8Array;
  readonly key: KeyObject;
  opening(handshakeHash: Uint8Array): ChannelOpening;
  voucher(log: Uint8Array, maxCumulative: bigint, changes?: Partial<ChannelFields>): VoucherRaise;
}

export function createChannel(changes: Partial<ChannelFields> = {}): TestChannel {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const key = createPrivateKey(privateKey);
  const point = publicPoint(key);
  const fields: ChannelFields = {
    chainId: chain.chainId,
    settlement: chain.settlement,
    payer: new Uint8Array(20).fill(0x44),
    payee: chain.operator,
    sessionX: point.slice(1, 33),
    sessionY: point.slice(33),
    salt: random(32),
    ...changes,
  };
  const id = sha256(channelPreimage(fields));
  return {
    fields,
    id,
    key,
    opening: (handshakeHash) => ({ fields, signature: signP256(key, sessionMessage(handshakeHash)) }),
    voucher: (log, maxCumulative, signed = {}) => {
      const { chainId, settlement } = { ...fields, ...signed };
      const message = voucherMessage({ chainId, settlement, channel: id, log, maxCumulative });
      return { channel: id, maxCumulative, signature: signP256(key, message) };
    },
  };
}

export function voucherRecord(voucher: VoucherRaise): Uint8Array {
  return Uint8Array.from([recordKind.voucher, ...encodeVoucherRaise(voucher)]);
}
