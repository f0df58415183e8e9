import { gunzipSync } from 'node:zlib';
import { type Abi, type Address, decodeErrorResult, encodeAbiParameters, getAddress, type Hex, toHex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { filler } from '../vectors/golden/keys.ts';
import type { Floors, HardwareRules } from './support/policy.ts';
import {
  type Books,
  booking,
  CHANGES,
  contentOf,
  KIND,
  NO_PROPOSAL,
  rebuilt,
  SUBJECT,
  wordsOf,
} from './support/policy-books.ts';
import { type Deployed, deployed, type Event, eventsOf, hex, mustSucceed } from './support/settlement.ts';

const DAY = 86_400;
const DELAY = 3 * DAY;
const WINDOW = 14 * DAY;
const [UNLISTED, ACCEPTED, DENIED] = [0, 1, 2] as const;
const [MILAN, GENOA, TURIN] = [1, 2, 3] as const;

let chain: Chain;
let registry: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka', timestamp: 1_800_000_000 });
  registry = getAddress((await deployed(chain, 'FakeRegistry')).address);
}, 300_000);

afterAll(() => chain.stop());

const id = (label: string): Hex => hex(filler(label));
const NOTHING: Hex = hex(new Uint8Array(32));
const NO_MINIMA = { stated: false, reported: 0, committed: 0, launch: 0 };

/** No two fields alike, so that none is taken for another. */
const RULES: HardwareRules = {
  lines: 0x7f,
  reportVersions: 0x2c,
  vmpls: 3,
  vlekMayHideChip: true,
  provisionalFirmware: true,
  minimumAbi: 0x0137,
  minimumGuestSvn: 2,
  guestSet: 1 << 23,
  guestClear: (1 << 19) | (1 << 18),
  platformSet: 1 << 5,
  platformClear: 1 << 1,
  unknownPlatformBits: true,
  expiresAt: 2_000_000_000,
};

function floorsOf(reported: bigint, committed: bigint, launch: 'any' | bigint): Floors {
  const floor = (minimum: bigint): Floors['reported'] => ({ any: false, anyMicrocode: minimum < 1n << 60n, minimum });
  return {
    reported: floor(reported),
    committed: floor(committed),
    launch: launch === 'any' ? { any: true, anyMicrocode: false, minimum: 0n } : floor(launch),
  };
}

function minimaOf(least: number): typeof NO_MINIMA {
  return { stated: true, reported: least + 2, committed: least + 1, launch: least };
}

function setup(): object {
  const only = (...ids: readonly Hex[]): object => ({ any: false, ids });
  return {
    registry,
    simulated: true,
    images: ['a', 'b'].map((name) => ({ image: id(`image ${name}`), provenance: id(`sources ${name}`) })),
    configs: only(id('config a'), id('config b')),
    runtimes: { any: true, ids: [] },
    executions: only(id('execution')),
    operators: only(toHex(0x0bee, { size: 32 })),
    platforms: only(id('platform a')),
    clouds: only(id('cloud')),
    deniedPlatforms: [id('platform b')],
    deniedCertificates: [id('certificate a')],
    hardware: RULES,
    floors: [
      { product: MILAN, floors: floorsOf(0x0400_0000_0000_1800n, 0x0300_0000_0000_1700n, 'any') },
      { product: GENOA, floors: floorsOf(0x1a00_0000_0000_1b00n, 0x0900_0000_0000_1a00n, 0x0800_0000_0000_1900n) },
    ],
    microcode: [
      { product: MILAN, model: 1, stepping: 2, minima: minimaOf(60) },
      { product: GENOA, model: 17, stepping: 1, minima: minimaOf(80) },
    ],
  };
}

interface Change {
  readonly kind: number;
  readonly content: Hex;
}

function change(abi: Abi, kind: number, ...args: readonly unknown[]): Change {
  return { kind, content: encodeAbiParameters(contentOf(abi, kind), args) };
}

const heard = async ({ address, abi }: Deployed): Promise<readonly Event[]> =>
  eventsOf({ address, abi } as Deployed, {
    logs: await chain.rpc('eth_getLogs', [{ address, fromBlock: '0x0', toBlock: 'latest' }]),
  });

/** What the contract keeps, public or not: its storage on the chain, without the words' places. */
async function stored({ address }: Deployed): Promise<readonly bigint[]> {
  const dump = await chain.rpc<Hex>('anvil_dumpState');
  const state = JSON.parse(gunzipSync(Buffer.from(dump.slice(2), 'hex')).toString('utf8')) as {
    readonly accounts: Readonly<Record<string, { readonly storage: Readonly<Record<string, Hex>> } | undefined>>;
  };
  const words = Object.values(state.accounts[address.toLowerCase()]?.storage ?? {}).map(BigInt);
  return words.filter((word) => word !== 0n).sort((a, b) => Number(a > b) - Number(a < b));
}

/** What is worked out or constant: nothing that is kept. */
const RULINGS = ['accepts', 'acceptsExecution', 'isTightening', 'proposalOf'];
const CONSTANTS = ['MINIMUM_DELAY', 'MAXIMUM_DELAY', 'ACTIVATION_WINDOW'];

/** Every view of the policy says what the events say, of all that was ever named and of what never was. */
async function compare(policy: Deployed): Promise<Books> {
  const books = rebuilt(await heard(policy), policy.abi);
  const asked = new Set<string>([...RULINGS, ...CONSTANTS]);
  const says = async (view: string, args: readonly unknown[], expected: unknown): Promise<void> => {
    asked.add(view);
    expect({ view, args, says: await policy.view(view, args) }).toEqual({ view, args, says: expected });
  };
  await says('REGISTRY', [], books.fixed.registry);
  await says('SIMULATED', [], books.fixed.simulated);
  await says('hardwareRules', [], books.hardware);
  const named = new Set([...books.standings.keys()].map((key) => key.split(' ')[1] as Hex));
  for (const each of [...named, id('what nobody named')]) {
    await says('provenanceOf', [each], books.provenances.get(each) ?? NOTHING);
    for (const subject of Object.values(SUBJECT)) {
      await says('standingOf', [subject, each], books.standings.get(`${subject} ${each}`) ?? UNLISTED);
    }
  }
  for (const subject of Object.values(SUBJECT)) await says('acceptsAny', [subject], books.any.has(subject));
  const cpus = new Set([...books.microcode.keys()].map((key) => key.slice(2)));
  for (const product of [MILAN, GENOA, TURIN]) {
    await says('tcbFloors', [product], books.floors.get(product) ?? NO_FLOORS);
    for (const cpu of [...cpus, '255 255']) {
      const minima = books.microcode.get(`${product} ${cpu}`) ?? NO_MINIMA;
      await says('microcodeMinima', [product, ...cpu.split(' ').map(Number)], minima);
    }
  }
  if (books.owner !== undefined) {
    await says('owner', [], books.owner);
    await says('DELAY', [], books.fixed.delay);
    await says('proposalAt', [id('what nobody proposed')], NO_PROPOSAL);
    for (const [proposal, { kind, content }] of books.announced) {
      await says('proposalOf', [kind, content], proposal);
      await says('proposalAt', [proposal], books.proposals.get(proposal) ?? NO_PROPOSAL);
    }
  }
  // The events tell what no view does, too: how often each thing changed, and in which bytes denied certificates end.
  expect(await stored(policy)).toEqual(wordsOf(books, policy.abi));
  const views = policy.abi.flatMap((entry) =>
    entry.type === 'function' && ['view', 'pure'].includes(entry.stateMutability) ? [entry.name] : [],
  );
  expect(views.filter((view) => !asked.has(view))).toEqual([]);
  return books;
}

const FLOOR = { any: false, anyMicrocode: false, minimum: 0n };
const NO_FLOORS: Floors = { reported: FLOOR, committed: FLOOR, launch: FLOOR };

const eventNames = (abi: Abi): readonly string[] =>
  [...new Set(abi.flatMap((entry) => (entry.type === 'event' ? [entry.name] : [])))].sort();

async function pass(seconds: number): Promise<void> {
  await chain.rpc('evm_increaseTime', [seconds]);
  await chain.rpc('evm_mine', []);
}

describe('ManagedPolicy', () => {
  it('can be rebuilt from its events alone, after everything that can happen to it', { timeout: 300_000 }, async () => {
    const [, owner, nominee, other, stranger] = chain.accounts.map((account) =>
      getAddress(account),
    ) as unknown as readonly [Address, Address, Address, Address, Address];
    const policy = await deployed(chain, 'ManagedPolicy', [setup(), owner, BigInt(DELAY)]);
    const { abi } = policy;
    expect(eventNames(abi)).toEqual(Object.keys(booking).sort());
    const send = async (name: string, args: readonly unknown[], from: Address): Promise<void> =>
      void (await mustSucceed(policy.send(name, args, from)));
    const refused = async (error: string, name: string, args: readonly unknown[], from: Address): Promise<void> => {
      expect((await policy.send(name, args, from)).status).toBe('reverted');
      const call = chain.call({ to: policy.address, data: policy.data(name, args), from });
      const failed = await call.catch((caught: unknown) => caught);
      if (!(failed instanceof ChainError) || failed.data === undefined) throw new Error(`${name} was not refused`);
      expect(decodeErrorResult({ abi, data: failed.data }).errorName).toBe(error);
    };
    const all = async (name: string, changes: readonly Change[], from: Address): Promise<void> => {
      for (const { kind, content } of changes) await send(name, [kind, content], from);
    };
    const allRefused = async (
      error: string,
      name: string,
      changes: readonly Change[],
      from: Address,
    ): Promise<void> => {
      for (const { kind, content } of changes) await refused(error, name, [kind, content], from);
    };
    const cancelAll = async (changes: readonly Change[], from: Address): Promise<void> => {
      for (const { kind, content } of changes) {
        await send('cancel', [await policy.view('proposalOf', [kind, content])], from);
      }
    };
    const kindsOf = (changes: readonly Change[]): readonly number[] => [...new Set(changes.map(({ kind }) => kind))];

    const deployment = await compare(policy);
    expect(deployment.fixed).toEqual({ registry, simulated: true, delay: BigInt(DELAY) });
    expect([deployment.owner, deployment.standings.size, deployment.revisions.size]).toEqual([owner, 10, 0]);

    const raised = floorsOf(0x0500_0000_0000_1900n, 0x0400_0000_0000_1800n, 0x0300_0000_0000_1700n);
    const tighter = [
      change(abi, KIND.standing, SUBJECT.image, id('image b'), DENIED, NOTHING),
      change(abi, KIND.standing, SUBJECT.config, id('config b'), UNLISTED, NOTHING),
      change(abi, KIND.standing, SUBJECT.certificate, id('certificate b'), DENIED, NOTHING),
      change(abi, KIND.standing, SUBJECT.cloud, id('cloud'), DENIED, NOTHING),
      change(abi, KIND.standing, SUBJECT.runtime, id('never listed'), UNLISTED, NOTHING),
      change(abi, KIND.any, SUBJECT.runtime, false),
      change(abi, KIND.hardware, { ...RULES, lines: 0x15, minimumGuestSvn: 3, expiresAt: RULES.expiresAt - 1 }),
      change(abi, KIND.floors, MILAN, raised),
      change(abi, KIND.microcode, MILAN, 1, 2, minimaOf(61)),
      change(abi, KIND.microcode, GENOA, 17, 1, NO_MINIMA),
    ];
    await all('tighten', tighter, owner);
    // A second time changes nothing, and is a revision all the same.
    await all('tighten', tighter.slice(0, 3), owner);
    const tightened = await compare(policy);
    expect(kindsOf(tighter)).toEqual([KIND.standing, KIND.any, KIND.hardware, KIND.floors, KIND.microcode]);
    expect([...tightened.revisions.values()].filter((count) => count === 2n)).toHaveLength(3);

    const looser = [
      change(abi, KIND.standing, SUBJECT.image, id('image c'), ACCEPTED, id('sources c')),
      change(abi, KIND.standing, SUBJECT.image, id('image b'), ACCEPTED, id('other sources b')),
      change(abi, KIND.standing, SUBJECT.platform, id('platform b'), UNLISTED, NOTHING),
      change(abi, KIND.standing, SUBJECT.certificate, id('certificate b'), UNLISTED, NOTHING),
      change(abi, KIND.any, SUBJECT.operator, true),
      change(abi, KIND.hardware, { ...RULES, vmpls: 15, expiresAt: RULES.expiresAt + 1 }),
      change(abi, KIND.floors, GENOA, floorsOf(0n, 0x0100_0000_0000_0000n, 'any')),
      change(abi, KIND.microcode, TURIN, 2, 1, minimaOf(71)),
      change(abi, KIND.owner, nominee),
      change(abi, KIND.owner, other),
    ];
    expect(kindsOf(looser)).toEqual(CHANGES.map((_, kind) => kind));
    await allRefused('Loosens', 'tighten', looser, owner);
    await allRefused('NotOwner', 'propose', looser, nominee);
    await all('propose', looser, owner);
    const proposed = await compare(policy);
    expect(proposed.proposals.size).toBe(looser.length);
    for (const { readyAt, expiresAt } of proposed.proposals.values()) expect(expiresAt - readyAt).toBe(WINDOW);
    await cancelAll(looser, owner);
    expect((await compare(policy)).proposals.size).toBe(0);

    // Nobody activates them in time: they stay, and say until when they could have been.
    await all('propose', looser, owner);
    await allRefused('NotReady', 'activate', looser, nominee);
    await pass(DELAY + WINDOW + looser.length + 60);
    await allRefused('Expired', 'activate', looser, nominee);
    expect((await compare(policy)).proposals.size).toBe(looser.length);

    // A denial kills what was proposed before it, and what is proposed again counts from there.
    await all('propose', looser, owner);
    await all('tighten', [change(abi, KIND.standing, SUBJECT.image, id('image c'), DENIED, NOTHING)], owner);
    await pass(DELAY);
    await allRefused('Superseded', 'activate', looser.slice(0, 1), stranger);
    await compare(policy);
    await all('propose', looser.slice(0, 1), owner);
    await pass(DELAY);

    // Whoever heard the events has all that activation takes.
    const ready = await compare(policy);
    for (const [proposal, { kind, content }] of ready.announced) {
      expect(ready.proposals.has(proposal)).toBe(true);
      if (kind !== KIND.owner) await send('activate', [kind, content], stranger);
    }
    const loosened = await compare(policy);
    expect(loosened.standings.get(`${SUBJECT.image} ${id('image c')}`)).toBe(ACCEPTED);
    expect(loosened.provenances.get(id('image b'))).toBe(id('other sources b'));
    expect([...loosened.any]).toEqual([SUBJECT.operator]);

    const [handover, rival] = looser.slice(-2) as [Change, Change];
    await allRefused('NotNominee', 'activate', [handover], owner);
    await all('activate', [handover], nominee);
    await allRefused('Superseded', 'activate', [rival], other);
    const handed = await compare(policy);
    expect([handed.owner, handed.proposals.size]).toEqual([nominee, 1]);
    await allRefused('NotOwner', 'tighten', tighter, owner);
    await cancelAll([rival], nominee);
    await all('tighten', tighter, nominee);
    await all('propose', [rival], nominee);

    const books = await compare(policy);
    expect([books.proposals.size, [...books.proposals.values()][0]?.revision]).toEqual([1, 1n]);
    // Each kind of event was heard, so that no line of the books went untried.
    expect([...new Set((await heard(policy)).map(({ name }) => name))].sort()).toEqual(Object.keys(booking).sort());
  });
});

describe('ImageListPolicy', () => {
  it('can be rebuilt from the events of its deployment alone', { timeout: 120_000 }, async () => {
    const policy = await deployed(chain, 'ImageListPolicy', [setup()]);
    expect(eventNames(policy.abi).filter((name) => booking[name] === undefined)).toEqual([]);
    const books = await compare(policy);
    expect([books.standings.size, books.floors.size, books.microcode.size]).toEqual([10, 2, 2]);
    expect([...new Set((await heard(policy)).map(({ name }) => name))].sort()).toEqual(eventNames(policy.abi));
  });
});
