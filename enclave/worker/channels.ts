import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import {
  type ChannelFields,
  channelPreimage,
  sessionMessage,
  voucherMessage,
} from '../../wire/message/authorisations.ts';
import type { AccountState, ChannelOpening, VoucherRaise } from '../../wire/message/channel.ts';
import type { WorkerIdentity } from '../../wire/message/identity.ts';
import { Refusal } from './refusal.ts';

/** One request's part in what its channel owes. */
export interface Charge {
  /** Holds the most that the request may cost; false where the newest voucher does not cover it. */
  reserve(maxFee: bigint): boolean;
  /** Ends the reservation and gives what the channel owes in this log with this fee. */
  settle(fee: bigint): bigint;
  release(): void;
}

/** What channels owe in this log (DESIGN sections 4 and 5). The chain is out of sight: whether one is funded is the host's to ask. */
export interface Channels {
  /** Gives the channel's id once its session key has signed for this session. */
  open(opening: ChannelOpening, handshakeHash: Uint8Array): Promise<Uint8Array>;
  raise(voucher: VoucherRaise): Promise<void>;
  state(channel: Uint8Array): AccountState;
  /** Undefined where the channel had to go for another. */
  charge(channel: Uint8Array): Charge | undefined;
}

interface Account {
  readonly fields: ChannelFields;
  owed: bigint;
  reserved: bigint;
  voucher: bigint;
}

export function createChannels(options: {
  readonly identity: WorkerIdentity;
  readonly log: Uint8Array;
  readonly capacity: number;
}): Channels {
  const { chainId, settlement, operator } = options.identity;
  const accounts = new Map<string, Account>();

  /** Totals of channels that have paid are never forgotten: a channel that came back at zero would owe the same twice. */
  function makeRoom(): void {
    if (accounts.size < options.capacity) return;
    for (const [key, { owed, reserved }] of accounts) {
      if (owed === 0n && reserved === 0n) {
        accounts.delete(key);
        return;
      }
    }
    throw new Refusal('channel_refused', `${accounts.size} channels have paid`);
  }

  function find(channel: Uint8Array): Account {
    const account = accounts.get(toHex(channel));
    if (account === undefined) throw new Refusal('channel_refused', 'no such channel here');
    return account;
  }

  return {
    async open({ fields, signature }, handshakeHash) {
      const ours =
        fields.chainId === chainId && equalBytes(fields.settlement, settlement) && equalBytes(fields.payee, operator);
      if (!ours)
        throw new Refusal('channel_refused', 'it pays on another chain, in another contract, or somebody else');
      if (!(await signedBy(fields, sessionMessage(handshakeHash), signature))) {
        throw new Refusal('channel_refused', 'its key did not sign for this session');
      }
      const channel = sha256(channelPreimage(fields));
      const key = toHex(channel);
      if (!accounts.has(key)) {
        makeRoom();
        accounts.set(key, { fields, owed: 0n, reserved: 0n, voucher: 0n });
      }
      return channel;
    },
    async raise({ channel, maxCumulative, signature }) {
      const account = find(channel);
      const message = voucherMessage({ chainId, settlement, channel, log: options.log, maxCumulative });
      if (!(await signedBy(account.fields, message, signature)))
        throw new Refusal('voucher_refused', 'not signed for this log');
      if (maxCumulative > account.voucher) account.voucher = maxCumulative;
    },
    state(channel) {
      const { owed, reserved, voucher } = find(channel);
      return { committed: owed + reserved, voucher };
    },
    charge(channel) {
      const key = toHex(channel);
      const account = accounts.get(key);
      if (account === undefined) return undefined;
      let held = 0n;
      const release = (): void => {
        account.reserved -= held;
        held = 0n;
      };
      return {
        reserve(maxFee) {
          // It may have gone for another since, and what is written to it then would be forgotten.
          if (accounts.get(key) !== account) return false;
          if (account.owed + account.reserved + maxFee > account.voucher) return false;
          account.reserved += maxFee;
          held += maxFee;
          return true;
        },
        settle(fee) {
          release();
          account.owed += fee;
          return account.owed;
        },
        release,
      };
    },
  };
}

async function signedBy(fields: ChannelFields, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(
      nodeSuite,
      concatBytes(Uint8Array.of(4), fields.sessionX, fields.sessionY),
      message,
      signature,
    );
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
