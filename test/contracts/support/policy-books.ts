import { type Abi, type AbiEvent, type AbiParameter, type Address, decodeAbiParameters, type Hex } from 'viem';
import type { Floors, HardwareRules } from './policy.ts';
import type { Event } from './settlement.ts';

/** Everything that a policy keeps, told by its events alone. */
export interface Books {
  readonly fixed: { registry?: Address; simulated?: boolean; delay?: bigint };
  owner: Address | undefined;
  hardware: HardwareRules | undefined;
  /** By subject and id. */
  readonly standings: Map<string, number>;
  readonly provenances: Map<Hex, Hex>;
  /** The subjects of which anything not listed is accepted. */
  readonly any: Set<number>;
  readonly floors: Map<number, Floors>;
  /** By product, model and stepping. */
  readonly microcode: Map<string, Minima>;
  readonly proposals: Map<Hex, Proposal>;
  /** What was ever proposed: the arguments of `activate`. */
  readonly announced: Map<Hex, { readonly kind: number; readonly content: Hex }>;
  /** How often each thing has changed since the deployment. */
  readonly revisions: Map<string, bigint>;
  /** Which last bytes the certificates have that ever had a standing, as a word of bits. */
  endings: bigint;
}

interface Minima {
  readonly stated: boolean;
  readonly reported: number;
  readonly committed: number;
  readonly launch: number;
}

interface Proposal {
  readonly readyAt: number;
  readonly expiresAt: number;
  readonly revision: bigint;
}

/** ChangeKind of `ManagedPolicy`. */
export const KIND = { standing: 0, any: 1, hardware: 2, floors: 3, microcode: 4, owner: 5 } as const;

/** By kind: the event of such a change, whose arguments are those of its content, and how many of them name its target. */
export const CHANGES = [
  { event: 'StandingChanged', naming: 2 },
  { event: 'AnyChanged', naming: 1 },
  { event: 'HardwareRulesChanged', naming: 0 },
  { event: 'TcbFloorsChanged', naming: 1 },
  { event: 'MicrocodeChanged', naming: 3 },
  { event: 'OwnerChanged', naming: 0 },
] as const;

/** Subject of `PolicyTypes`. */
export const SUBJECT = {
  image: 0,
  config: 1,
  runtime: 2,
  execution: 3,
  operator: 4,
  platform: 5,
  cloud: 6,
  certificate: 7,
} as const;

export const NO_PROPOSAL: Proposal = { readyAt: 0, expiresAt: 0, revision: 0n };

type Book = (books: Books, args: Event['args'], abi: Abi) => void;

/** One line for each event of either policy; an event without a line fails the test. */
export const booking: Readonly<Record<string, Book>> = {
  PolicyCreated: ({ fixed }, { registry, simulated }) => void Object.assign(fixed, { registry, simulated }),
  DelayFixed: ({ fixed }, { delay }) => void Object.assign(fixed, { delay }),
  StandingChanged: (books, { subject, id, standing, provenance }) => {
    revised(books, KIND.standing, [subject, id]);
    books.standings.set(`${subject} ${id}`, standing as number);
    if (BigInt(provenance as Hex) !== 0n) books.provenances.set(id as Hex, provenance as Hex);
    if (subject === SUBJECT.certificate) books.endings |= 1n << (BigInt(id as Hex) & 0xffn);
  },
  AnyChanged: (books, { subject, any }) => {
    revised(books, KIND.any, [subject]);
    if (any === true) books.any.add(subject as number);
    else books.any.delete(subject as number);
  },
  HardwareRulesChanged: (books, { rules }) => {
    revised(books, KIND.hardware, []);
    books.hardware = rules as HardwareRules;
  },
  TcbFloorsChanged: (books, { product, floors }) => {
    revised(books, KIND.floors, [product]);
    books.floors.set(product as number, floors as Floors);
  },
  MicrocodeChanged: (books, { product, model, stepping, minima }) => {
    revised(books, KIND.microcode, [product, model, stepping]);
    books.microcode.set(`${product} ${model} ${stepping}`, minima as Minima);
  },
  OwnerChanged: (books, { owner }) => {
    revised(books, KIND.owner, []);
    books.owner = owner as Address;
  },
  Proposed: (books, args, abi) => {
    const [kind, content] = [args['kind'] as number, args['content'] as Hex];
    const names = decodeAbiParameters(contentOf(abi, kind), content).slice(0, CHANGES[kind]?.naming);
    const [readyAt, expiresAt] = [args['readyAt'] as number, args['expiresAt'] as number];
    const revision = books.revisions.get(target(kind, names)) ?? 0n;
    books.proposals.set(args['proposal'] as Hex, { readyAt, expiresAt, revision });
    books.announced.set(args['proposal'] as Hex, { kind, content });
  },
  Activated: ended,
  Cancelled: ended,
};

function ended({ proposals }: Books, { proposal }: Event['args']): void {
  if (!proposals.delete(proposal as Hex)) throw new Error(`the end of what was never proposed: ${String(proposal)}`);
}

const target = (kind: number, named: readonly unknown[]): string => [kind, ...named].join(' ').toLowerCase();

/** A deployment ends with its first owner; nothing was proposed before. */
function revised({ owner, revisions }: Books, kind: number, named: readonly unknown[]): void {
  if (owner === undefined) return;
  const key = target(kind, named);
  revisions.set(key, (revisions.get(key) ?? 0n) + 1n);
}

export function rebuilt(events: readonly Event[], abi: Abi): Books {
  const books: Books = {
    fixed: {},
    owner: undefined,
    hardware: undefined,
    standings: new Map(),
    provenances: new Map(),
    any: new Set(),
    floors: new Map(),
    microcode: new Map(),
    proposals: new Map(),
    announced: new Map(),
    revisions: new Map(),
    endings: 0n,
  };
  for (const { name, args } of events) {
    const book = booking[name];
    if (book === undefined) throw new Error(`no line for ${name}`);
    book(books, args, abi);
  }
  return books;
}

/** The types of a proposal's content. */
export function contentOf(abi: Abi, kind: number): readonly AbiParameter[] {
  return entry(abi, 'event', CHANGES[kind]?.event).inputs;
}

/** The words of storage that are not zero, in the order of their numbers: what they hold, not where. */
export function wordsOf(books: Books, abi: Abi): readonly bigint[] {
  const answer = (view: string, value: unknown): readonly bigint[] =>
    packed(entry(abi, 'function', view).outputs, [value]);
  const each = (view: string, values: Iterable<unknown>): readonly bigint[] =>
    [...values].flatMap((value) => answer(view, value));
  const words = [
    ...[...books.standings.values()].map(BigInt),
    ...[...books.provenances.values()].map(BigInt),
    ...books.revisions.values(),
    [...books.any].reduce((bits, subject) => bits | (1n << BigInt(subject)), 0n),
    books.endings,
    ...answer('hardwareRules', books.hardware),
    ...each('tcbFloors', books.floors.values()),
    ...each('microcodeMinima', books.microcode.values()),
    ...(books.owner === undefined ? [] : [BigInt(books.owner)]),
    ...(books.proposals.size === 0 ? [] : each('proposalAt', books.proposals.values())),
  ];
  return words.filter((word) => word !== 0n).sort((a, b) => Number(a > b) - Number(a < b));
}

/** As Solidity lays a struct out: from a word's lowest byte on, and a struct within on words of its own. */
function packed(parameters: readonly AbiParameter[], values: readonly unknown[]): readonly bigint[] {
  const words: bigint[] = [];
  let filled = 256;
  for (const [index, parameter] of parameters.entries()) {
    const value = values[index];
    if ('components' in parameter) {
      const fields = value as Readonly<Record<string, unknown>>;
      words.push(
        ...packed(
          parameter.components,
          parameter.components.map(({ name }) => fields[name ?? '']),
        ),
      );
      filled = 256;
      continue;
    }
    const bits = parameter.type === 'bool' ? 8 : Number(/^uint(\d+)$/.exec(parameter.type)?.[1]);
    if (filled + bits > 256) {
      words.push(0n);
      filled = 0;
    }
    words.push((words.pop() ?? 0n) | (BigInt(value as number | bigint | boolean) << BigInt(filled)));
    filled += bits;
  }
  return words;
}

function entry(abi: Abi, type: 'event', name: string | undefined): AbiEvent;
function entry(abi: Abi, type: 'function', name: string): Extract<Abi[number], { readonly type: 'function' }>;
function entry(abi: Abi, type: string, name: string | undefined): Abi[number] {
  const found = abi.find((each) => each.type === type && 'name' in each && each.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found;
}
