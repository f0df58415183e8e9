import { setTimeout as pause } from 'node:timers/promises';
import { type Address, getContractAddress, type Hex } from 'viem';
import type { Compiled } from './compiled.ts';
import { type CreatedContract, type Deployment, writeDeployment } from './deployment.ts';
import { ChainError } from './errors.ts';
import { asked, type ChainNode, feesOf, type Mined, MOST_GAS, refusing, type Sender } from './node.ts';
import type { PlannedContract } from './plan.ts';

export interface Deploying {
  readonly node: ChainNode;
  readonly sender: Sender;
  readonly compiled: Compiled;
  readonly plan: readonly PlannedContract[];
  readonly path: string;
}

/** What of a plan is there, and what the rest will cost. */
export interface DryRun {
  readonly rows: readonly DryRunRow[];
  readonly gas: bigint;
  /** In wei, at today's most. */
  readonly fee: bigint;
  readonly balance: bigint;
}

export interface DryRunRow {
  readonly name: string;
  readonly address: Address;
  /** Null where it stands already. */
  readonly gas: bigint | null;
  readonly bytes: number;
}

type Overrides = Record<Address, { readonly code?: Hex; readonly nonce?: Hex }>;

/**
 * Every step as the chain itself would do it: contracts that do not stand yet are put under the addresses that they will
 * have, so that those after them can be simulated. Nothing is sent.
 */
export async function dryRun(deploying: Deploying, before: Deployment): Promise<DryRun> {
  const { node, sender, compiled, plan } = deploying;
  const overrides: Overrides = {};
  const addresses = new Map<string, Address>();
  const rows: DryRunRow[] = [];
  let nonce = await sender.nonce('latest');
  for (const { name, args } of plan) {
    const data = compiled.creation(
      name,
      args((other) => known(addresses, other)),
    );
    const found = before.contracts.get(name);
    const standing = found === undefined ? undefined : await standingOf(deploying, name, found, data);
    const address = standing === 'created' && found !== undefined ? found.address : addressOf(sender, nonce);
    addresses.set(name, address);
    if (standing === 'created') {
      rows.push({ name, address, gas: null, bytes: (await node.code(address)).length / 2 - 1 });
      continue;
    }
    // As of its own number: what is simulated is created there, and something stands at the one before.
    Object.assign(overrides, asOf(sender, nonce));
    nonce += 1;
    const code = await simulated(deploying, name, data, overrides);
    rows.push({ name, address, gas: await gasOf(deploying, data, code, overrides), bytes: code.length / 2 - 1 });
    overrides[address] = { code };
  }
  const gas = rows.reduce((sum, row) => sum + (row.gas ?? 0n), 0n);
  const { maxFeePerGas } = await feesOf(node.client);
  const balance = await asked(() => node.client.getBalance({ address: sender.address }));
  return { rows, gas, fee: gas * maxFeePerGas, balance };
}

export interface DeployedStep {
  readonly name: string;
  readonly address: Address;
  /** Null where it stood before. */
  readonly mined: Mined | null;
}

/**
 * Creates what is missing, one after the other. Before anything is sent the file says under which number and address: after
 * a kill at any point it is known what to look for, and nothing is created twice.
 */
export async function createAll(
  deploying: Deploying,
  before: Deployment,
  onStep: (step: DeployedStep) => void,
): Promise<Deployment> {
  const { sender, compiled, plan, path, node } = deploying;
  let deployment = before;
  const keep = async (name: string, contract: CreatedContract): Promise<void> => {
    deployment = { ...deployment, contracts: new Map([...deployment.contracts, [name, contract]]) };
    await writeDeployment(path, deployment);
  };
  for (const { name, args } of plan) {
    const data = compiled.creation(
      name,
      args((other) => known(addressesOf(deployment), other)),
    );
    const found = deployment.contracts.get(name);
    if (found !== undefined && (await settled(deploying, name, found, data)) === 'created') {
      if (found.state !== 'created') await keep(name, { ...found, state: 'created' });
      onStep({ name, address: found.address, mined: null });
      continue;
    }
    const nonce = await sender.nonce('pending');
    const code = await simulated(deploying, name, data, asOf(sender, nonce));
    const gas = await gasOf(deploying, data, code, {});
    const sent: CreatedContract = {
      ...{ address: addressOf(sender, nonce), nonce, code: compiled.digest(name) },
      ...{ transaction: null, state: 'sent' },
    };
    await keep(name, sent);
    const mined = await sender.create({ contract: name, data, nonce, gas });
    if ((await node.code(sent.address)) !== code) {
      throw new ChainError('deployment_code', `${name} at ${sent.address} is not what was created`);
    }
    await keep(name, { ...sent, transaction: mined.hash, state: 'created' });
    onStep({ name, address: sent.address, mined });
  }
  return deployment;
}

type Standing = 'created' | 'absent';

/** What stands at the address is held against what the chain says would be created: its code to the last byte. */
async function standingOf(
  deploying: Deploying,
  name: string,
  { address }: CreatedContract,
  data: Hex,
): Promise<Standing> {
  const code = await deploying.node.code(address);
  if (code === '0x') return 'absent';
  if ((await codeElsewhere(deploying, name, data, address)) === code) return 'created';
  throw new ChainError('deployment_code', `what stands at ${address} is not ${name} as it would be created now`);
}

/**
 * Simulated where nothing stands, under the next number. Code may have its own address in it, and that of what its
 * constructor creates (Settlement has one such).
 */
async function codeElsewhere(deploying: Deploying, name: string, data: Hex, address: Address): Promise<string> {
  const { sender } = deploying;
  const next = await sender.nonce('latest');
  const code = await simulated(deploying, name, data, asOf(sender, next));
  const [here, there] = [ownAddresses(address), ownAddresses(addressOf(sender, next))];
  return there.reduce((text, from, at) => text.replaceAll(from, here[at] as string), code as string);
}

function ownAddresses(address: Address): readonly string[] {
  const child = getContractAddress({ from: address, nonce: 1n });
  return [address, child].map((text) => text.slice(2).toLowerCase());
}

const POLL_MS = 500;
const POLLS = 240;

/** The same, once what was sent before is mined or lost. */
async function settled(deploying: Deploying, name: string, found: CreatedContract, data: Hex): Promise<Standing> {
  for (let polls = 0; polls < POLLS; polls++) {
    const standing = await standingOf(deploying, name, found, data);
    if (standing === 'created' || found.state === 'created') break;
    const isOnItsWay =
      (await deploying.sender.nonce('latest')) <= found.nonce &&
      (await deploying.sender.nonce('pending')) > found.nonce;
    if (!isOnItsWay) break;
    await pause(POLL_MS);
  }
  const standing = await standingOf(deploying, name, found, data);
  if (standing === 'absent' && found.state === 'created') {
    throw new ChainError('deployment_code', `nothing stands at ${found.address}, where ${name} was created`);
  }
  return standing;
}

function addressesOf({ contracts }: Deployment): ReadonlyMap<string, Address> {
  return new Map([...contracts].map(([name, { address }]) => [name, address]));
}

function known(addresses: ReadonlyMap<string, Address>, name: string): Address {
  const found = addresses.get(name);
  if (found === undefined) throw new RangeError(`${name} comes later`);
  return found;
}

function addressOf({ address: from }: Sender, nonce: number): Address {
  return getContractAddress({ from, nonce: BigInt(nonce) });
}

/** The code that would stand there. */
async function simulated({ node, sender }: Deploying, name: string, data: Hex, overrides: Overrides): Promise<Hex> {
  const params = [{ from: sender.address, data }, 'latest', ...(isEmpty(overrides) ? [] : [overrides])];
  const code = await refusing({ contract: name }, () =>
    node.client.request({ method: 'eth_call', params: params as never }),
  );
  if (code === '0x') throw new ChainError('chain_unavailable', `the chain does not say what ${name} would be`);
  return code;
}

/** A sixteenth more than the node says; by hand where it does not say, because it knows no contracts that are not there. */
async function gasOf({ node, sender }: Deploying, data: Hex, code: Hex, overrides: Overrides): Promise<bigint> {
  const params = [{ from: sender.address, data }, 'latest', ...(isEmpty(overrides) ? [] : [overrides])];
  const estimated = await node.client
    .request({ method: 'eth_estimateGas', params: params as never })
    .then(BigInt, () => computedGas(data, code));
  const gas = estimated + estimated / 16n;
  return gas < MOST_GAS ? gas : MOST_GAS;
}

/** 21,000 and 32,000, calldata at 16, two for each word of what is run (EIP-3860), 200 for each byte that stays; and running it. */
function computedGas(data: Hex, code: Hex): bigint {
  const [sent, kept] = [BigInt(data.length / 2 - 1), BigInt(code.length / 2 - 1)];
  return 53_000n + 16n * sent + 2n * ((sent + 31n) / 32n) + 200n * kept + RUNNING;
}

const RUNNING = 500_000n;

/** As if the account had sent so many before. */
function asOf({ address }: Sender, nonce: number): Overrides {
  return { [address]: { nonce: `0x${nonce.toString(16)}` } };
}

function isEmpty(overrides: Overrides): boolean {
  return Object.keys(overrides).length === 0;
}
