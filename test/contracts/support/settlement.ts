import {
  type Abi,
  type AbiFunction,
  type Address,
  decodeEventLog,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
} from 'viem';
import { type Chain, type Receipt as Mined, TRANSACTION_GAS } from '../../../contracts/tools/anvil.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { registerMessage, voucherMessage } from '../../../wire/message/authorisations.ts';
import { encodeIdentity, logPreimage } from '../../../wire/message/identity.ts';
import { encodeReceipt, encodeTreeHead, leafPreimage, type Receipt } from '../../../wire/message/receipt.ts';
import { nodePreimage } from '../../../wire/tree/shape.ts';
import { filler, sign, type TestKey, testKey } from '../../vectors/golden/keys.ts';

/** A contract on a chain: what is sent to it, asked of it and heard from it. */
export interface Deployed {
  readonly address: Address;
  readonly abi: Abi;
  send(name: string, args: readonly unknown[], from?: Address): Promise<Mined>;
  view<T>(name: string, args?: readonly unknown[]): Promise<T>;
  data(name: string, args: readonly unknown[]): Hex;
}

export interface Event {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A worker's log in a registry: signed with a published test key, so that gas is the same to the last unit. */
export interface Worker {
  readonly key: TestKey;
  readonly log: Uint8Array;
  readonly operator: Address;
}

export interface SettlementWorld {
  readonly chain: Chain;
  readonly chainId: bigint;
  readonly token: Deployed;
  readonly registry: Deployed;
  readonly settlement: Deployed;
  readonly policy: Deployed;
  readonly attested: Deployed;
  readonly session: TestKey;
  readonly accounts: {
    readonly payer: Address;
    readonly operator: Address;
    readonly requester: Address;
    readonly stranger: Address;
  };
  register(role: string): Promise<Worker>;
}

export const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;
export const bytesOf = (text: Hex): Uint8Array => fromHex(text.slice(2));

export const CLOSE_DELAY = 86_400n;
const LIFETIME = 86_400n;

export async function deployed(
  chain: Chain,
  name: string,
  args: readonly unknown[] = [],
  file: string = name,
): Promise<Deployed> {
  const code = await artifact(name, file);
  const address = await chain.deploy(code, args);
  const data = (functionName: string, given: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: code.abi, functionName, args: [...given] });
  return {
    address,
    abi: code.abi,
    data,
    send: (functionName, given, from) =>
      chain.send({ to: address, data: data(functionName, given), ...(from !== undefined && { from }) }),
    async view<T>(functionName: string, given: readonly unknown[] = []): Promise<T> {
      const answer = await chain.call({ to: address, data: data(functionName, given), gas: TRANSACTION_GAS });
      return decodeFunctionResult({ abi: code.abi, functionName, data: answer }) as T;
    },
  };
}

/** The real registry behind verifiers that believe everything, and the real settlement. */
export async function settlementWorld(chain: Chain): Promise<SettlementWorld> {
  const accounts: readonly Address[] = chain.accounts;
  const [, payer, operator, requester, stranger] = accounts as readonly [Address, Address, Address, Address, Address];
  const chainId = BigInt(await chain.rpc<Hex>('eth_chainId'));
  const token = await deployed(chain, 'TestToken', [], 'TestTokens');
  const believing = await deployed(chain, 'StubEvidenceVerifier', [false]);
  const engine = await deployed(chain, 'Sha384Engine');
  const registry = await deployed(chain, 'WorkerRegistry', [
    {
      nitro: believing.address,
      snp: believing.address,
      sha384: engine.address,
      lifetime: LIFETIME,
      challengeBlocks: 200n,
      maxAge: 300n,
      maxSkew: 60n,
    },
  ]);
  const settlement = await deployed(chain, 'Settlement', [token.address, registry.address, CLOSE_DELAY]);
  const policy = await deployed(chain, 'ListPolicy', [], 'Policies');
  const attested = await deployed(chain, 'AttestedResult');
  for (const account of [payer, requester, stranger]) {
    await mustSucceed(token.send('mint', [account, 1_000_000n]));
    await mustSucceed(token.send('approve', [settlement.address, 2n ** 256n - 1n], account));
  }

  async function register(role: string): Promise<Worker> {
    const key = testKey(role);
    const identity = encodeIdentity({
      version: 1n,
      signerX: key.point.slice(1, 33),
      signerY: key.point.slice(33),
      sealKey: filler('seal key'),
      operator: bytesOf(operator),
      chainId,
      registry: bytesOf(registry.address),
      settlement: bytesOf(settlement.address),
      config: filler('config'),
      runtime: filler('runtime'),
    });
    const log = sha256(logPreimage(identity));
    const block = BigInt(await chain.rpc<Hex>('eth_blockNumber'));
    const challenge = await registry.view<Hex>('blockChallenge', [operator, block - 1n]);
    const signature = sign(key, registerMessage(log, bytesOf(challenge)));
    await mustSucceed(
      registry.send(
        'register',
        [
          {
            tee: SEV_SNP,
            identity: words(identity),
            evidence: encodeAbiParameters(outputsOf(believing.abi, 'verify'), [evidence(log, challenge)]),
            hints: '0x',
            challengeBlock: block - 1n,
            r: hex(signature.slice(0, 32)),
            s: hex(signature.slice(32)),
          },
        ],
        operator,
      ),
    );
    await mustSucceed(policy.send('set', [hex(log), true]));
    return { key, log, operator };
  }

  return {
    chain,
    chainId,
    token,
    registry,
    settlement,
    policy,
    attested,
    session: testKey('channel session'),
    accounts: { payer, operator, requester, stranger },
    register,
  };
}

export async function mustSucceed(sent: Promise<Mined>): Promise<Mined> {
  const mined = await sent;
  if (mined.status !== 'success') throw new Error(`${mined.transactionHash} reverted`);
  return mined;
}

/** What verifiers that believe everything take for a report about that log. */
export async function believedEvidence(log: Uint8Array, challenge: Hex): Promise<Hex> {
  const { abi } = await artifact('StubEvidenceVerifier');
  return encodeAbiParameters(outputsOf(abi, 'verify'), [evidence(log, challenge)]);
}

/** A receipt with its path and head, as `claim` and `fulfil` take it. */
export interface Logged {
  readonly receipt: Readonly<Record<string, Hex | bigint>>;
  readonly path: readonly Hex[];
  readonly head: {
    readonly log: Hex;
    readonly size: bigint;
    readonly root: Hex;
    readonly r: Hex;
    readonly s: Hex;
  };
}

/** The receipt at its index in a log of 2^levels receipts, of which the others are known by their hashes alone. */
export function loggedReceipt(world: SettlementWorld, worker: Worker, receipt: Receipt, levels: number): Logged {
  const path = Array.from({ length: levels }, (_, level) => filler(`neighbour ${level}`));
  let root = sha256(leafPreimage(encodeReceipt(receipt)));
  path.forEach((neighbour, level) => {
    const isRight = (receipt.index >> BigInt(level)) & 1n;
    root = sha256(isRight === 1n ? nodePreimage(neighbour, root) : nodePreimage(root, neighbour));
  });
  const head = signedHead(world, worker, 2 ** levels, root);
  const fields: Record<string, Hex | bigint> = {};
  for (const [name, value] of Object.entries(receipt)) fields[name] = typeof value === 'bigint' ? value : hex(value);
  return { receipt: fields, path: path.map(hex), head };
}

export function signedHead(world: SettlementWorld, worker: Worker, size: number, root: Uint8Array): Logged['head'] {
  const { chainId, settlement } = world;
  const message = encodeTreeHead({ chainId, settlement: bytesOf(settlement.address), log: worker.log, size, root });
  const signature = sign(worker.key, message);
  const [r, s] = [hex(signature.slice(0, 32)), hex(signature.slice(32))];
  return { log: hex(worker.log), size: BigInt(size), root: hex(root), r, s };
}

export function signedVoucher(world: SettlementWorld, channel: Hex, worker: Worker, most: bigint): object {
  const { chainId, settlement, session } = world;
  const signature = sign(
    session,
    voucherMessage({
      chainId,
      settlement: bytesOf(settlement.address),
      channel: bytesOf(channel),
      log: worker.log,
      maxCumulative: most,
    }),
  );
  const [r, s] = [hex(signature.slice(0, 32)), hex(signature.slice(32))];
  return { channel, maxCumulative: most, r, s };
}

/** What a transaction told, by one contract's events. */
export function eventsOf(contract: Deployed, mined: Pick<Mined, 'logs'>): readonly Event[] {
  return mined.logs
    .filter(({ address }) => address.toLowerCase() === contract.address.toLowerCase())
    .map(({ topics, data }) => {
      const decoded = decodeEventLog({ abi: contract.abi, topics: [...topics] as [Hex, ...Hex[]], data });
      return { name: String(decoded.eventName), args: decoded.args as unknown as Event['args'] };
    });
}

const SEV_SNP: Hex = hex(concatBytes(new TextEncoder().encode('amd-sev-snp'), new Uint8Array(21)));

function words(bytes: Uint8Array): readonly Hex[] {
  return Array.from({ length: bytes.length / 32 }, (_, i) => hex(bytes.slice(32 * i, 32 * (i + 1))));
}

function outputsOf(abi: Abi, name: string): AbiFunction['outputs'] {
  const found = abi.find((entry): entry is AbiFunction => entry.type === 'function' && entry.name === name);
  if (found === undefined) throw new Error(`no function ${name}`);
  return found.outputs;
}

/** Of a report that nobody made. */
function evidence(identity: Uint8Array, challenge: Hex): object {
  const zero = hex(new Uint8Array(32));
  return {
    tee: SEV_SNP,
    simulated: false,
    image: hex(filler('image')),
    identity: hex(identity),
    challenge,
    publicKey: zero,
    configRegister: zero,
    issuedAt: 0n,
    notBefore: 0n,
    notAfter: 2n ** 64n - 1n,
    platformId: hex(filler('platform')),
    snp: {
      product: 2,
      signer: 1,
      reportVersion: 5,
      vmpl: 0,
      cpu: 0,
      guestSvn: 0,
      guestPolicy: 0n,
      platformInfo: 0n,
      reportedTcb: 0n,
      committedTcb: 0n,
      currentTcb: 0n,
      launchTcb: 0n,
      cloud: zero,
    },
    certificates: [zero],
  };
}
