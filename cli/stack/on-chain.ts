import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileStore, type PaymentOptions } from '../../client/index.ts';
import type { Done, LocalChain } from '../../contracts/deploy/index.ts';
import { openPlatformRoot, type Platform } from '../../enclave/simulator/platform.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import type { ChannelFields } from '../../wire/message/authorisations.ts';
import { CommandError } from '../exit-codes.ts';
import type { ChainIdentity } from './demo-files.ts';

type Hex = `0x${string}`;

/** A chain of this machine on which the stack's worker is registered and paid. Everything on it is worth nothing. */
export interface OnChain {
  readonly local: LocalChain;
  readonly identity: ChainIdentity;
  readonly settlementFile: string;
}

export type ChainChoice =
  | { readonly kind: 'local'; readonly start: (roots: Roots) => Promise<LocalChain> }
  | { readonly kind: 'none'; readonly why: string };

type Roots = Parameters<typeof import('../../contracts/deploy/index.ts').startLocalChain>[0]['roots'];

/**
 * Foundry and the contracts' sources are part of a checkout and not of the package, so that an installed command has no
 * chain to start; it says so.
 */
export async function findChain(): Promise<ChainChoice> {
  if (!import.meta.url.endsWith('.ts')) {
    return { kind: 'none', why: 'a package has neither Foundry nor the contracts; a checkout has both' };
  }
  try {
    const { requireFoundry, startLocalChain } = await import('../../contracts/deploy/index.ts');
    requireFoundry();
    return { kind: 'local', start: (roots) => startLocalChain({ roots }) };
  } catch (error) {
    return { kind: 'none', why: error instanceof Error ? error.message : String(error) };
  }
}

export async function openOnChain(
  stateDirectory: string,
  platform: Platform,
  start: (roots: Roots) => Promise<LocalChain>,
): Promise<OnChain> {
  const root = await openPlatformRoot(platform, { state: stateDirectory, now: Date.now() });
  const local = await start(
    platform.tee === 'aws-nitro' ? { nitro: root, snp: 'none' } : { nitro: 'none', snp: [root] },
  );
  const { deployment, operator, chainId } = local;
  const settlementFile = join(stateDirectory, 'settlement.json');
  const onChain: OnChain = {
    local,
    identity: {
      chainId,
      registry: address(deployment.registry),
      settlement: address(deployment.settlement),
      operator: address(operator),
    },
    settlementFile,
  };
  await writeServed(onChain, []);
  return onChain;
}

/** What the host settles with. It reads the lists again before each escrow, so that a policy can be added while it runs. */
export async function writeServed(
  { local, settlementFile }: OnChain,
  policies: readonly Hex[],
  { settledByOthers = [] }: { readonly settledByOthers?: readonly Hex[] } = {},
): Promise<void> {
  const known = async (at: Hex): Promise<object> => ({ address: at, codeHash: await local.codeHash(at) });
  const others = settledByOthers.map(async (at) => ({ ...(await known(at)), settled: 'by-others' }));
  const file = {
    version: 1,
    rpc: [local.url],
    quorum: 1,
    account: { unlocked: local.operator },
    fromBlock: '0',
    finalAfterBlocks: 32,
    // A chain of one machine has no other branch, and no block without a transaction.
    serveAfterBlocks: 0,
    pollMilliseconds: 100,
    claimAbove: '1',
    renewBeforeSeconds: '3600',
    maxFeePerGas: '1000000000000',
    stuckSeconds: 60,
    coinInTokens: 'any',
    // The demo's own worker may be asked by anybody on this machine.
    unpaid: 'serve',
    policies: await Promise.all(policies.map(known)),
    resultVerifiers: [await known(local.deployment.attestedResult), ...(await Promise.all(others))],
  };
  const draft = `${settlementFile}.draft`;
  await writeFile(draft, `${JSON.stringify(file, null, 2)}\n`);
  await rename(draft, settlementFile);
}

/** Locks tokens of the payer for this operator, and gives what its client pays with. */
export async function openChannel(
  { local, identity }: OnChain,
  options: { readonly amount: bigint; readonly maxUnitPrice: bigint; readonly storeFile: string },
): Promise<PaymentOptions> {
  const { privateKey: pem } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const key = createPrivateKey(pem);
  const point = publicPoint(key);
  const channel: ChannelFields = {
    chainId: identity.chainId,
    settlement: identity.settlement,
    payer: address(local.payer),
    payee: identity.operator,
    sessionX: point.slice(1, 33),
    sessionY: point.slice(33),
    salt: Uint8Array.from(randomBytes(32)),
  };
  await local.fund(local.payer, options.amount);
  await local.sendTo('open a channel', 'Settlement', local.deployment.settlement, {
    from: local.payer,
    functionName: 'openChannel',
    args: [local.operator, hex(channel.sessionX), hex(channel.sessionY), hex(channel.salt), options.amount],
  });
  return {
    channel,
    sign: (message) => signP256(key, message),
    store: fileStore(options.storeFile),
    maxOutstanding: options.maxUnitPrice,
    // The channel holds what the demo is to spend.
    maxSpend: 'any',
    maxUnitPrice: options.maxUnitPrice,
  };
}

/** The host's transactions, as its events tell them; whatever else it says is not for here. */
export interface HostTransactions {
  hear(line: string): void;
  /** The first of that kind, now or later. */
  next(what: string): Promise<Done>;
  sent(): readonly Done[];
}

const PATIENCE_MS = 60_000;

export function listenForTransactions(): HostTransactions {
  const seen: Done[] = [];
  const failures: string[] = [];
  let listeners: ((done: Done) => void)[] = [];
  return {
    sent: () => seen,
    hear(line) {
      const event = parse(line);
      if (event?.['event'] === 'settlement_failed') failures.push(String(event['code']));
      if (event?.['event'] === 'escrow_skipped') failures.push(String(event['why']));
      if (event?.['event'] !== 'transaction') return;
      const { what, hash, gas } = event;
      const done: Done = { what: String(what), hash: String(hash) as Hex, gasUsed: BigInt(String(gas)) };
      seen.push(done);
      for (const listener of listeners) listener(done);
    },
    next: (what) =>
      new Promise((resolve, reject) => {
        const known = seen.find((done) => done.what === what);
        if (known !== undefined) return resolve(known);
        const timer = setTimeout(() => {
          const why = failures.length === 0 ? 'it said nothing' : `it said ${failures.slice(-3).join(', ')}`;
          reject(new CommandError(`the host did not send ${what} within ${PATIENCE_MS / 1_000} s: ${why}`));
        }, PATIENCE_MS);
        listeners = [
          ...listeners,
          (done) => {
            if (done.what !== what) return;
            clearTimeout(timer);
            resolve(done);
          },
        ];
      }),
  };
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function address(text: Hex): Uint8Array {
  return fromHex(text.slice(2).toLowerCase(), 20);
}

export function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}
