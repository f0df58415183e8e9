import { decodeEventLog, type Hex, type Log } from 'viem';
import { limits } from '../../wire/limits.ts';
import { readSmallFile } from '../audit/source.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import { policyAbi } from './abi.ts';
import { createOne } from './create-one.ts';
import { ChainError } from './errors.ts';
import { asked, type ContractCall, openSender, requireContract } from './node.ts';
import { addressOption, amountOption, payerOf, payerOptions, requireAddress, requireWord } from './options.ts';
import { openPlace, type Place, placeOptions } from './place.ts';
import {
  anyChange,
  type Change,
  changeText,
  floorsChange,
  microcodeChange,
  ownerChange,
  standingChange,
  standings,
  subjects,
} from './policy-change.ts';
import { policySetup, setupTemplate } from './policy-setup.ts';
import { answer, doneJson, doneRow } from './sent.ts';
import { timeOf } from './times.ts';

const option = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const options = {
  ...placeOptions,
  ...payerOptions,
  ...{ setup: option, owner: option, delay: option, provenance: option, image: option, expires: option },
  ...{ 'from-block': option, execution: option },
  simulated: flag,
  yes: flag,
  json: flag,
} as const;

type Action = (context: CommandContext, parsed: Parsed) => Promise<number>;

const changes: Readonly<Record<string, (words: readonly string[], parsed: Parsed) => Change>> = {
  accept: (words, parsed) => standingChange('accepted', words, textOption(parsed, 'provenance')),
  deny: (words) => standingChange('denied', words, undefined),
  unlist: (words) => standingChange('unlisted', words, undefined),
  any: anyChange,
  floors: floorsChange,
  microcode: microcodeChange,
  owner: ownerChange,
};

const actions: Readonly<Record<string, Action>> = {
  template,
  create,
  ...Object.fromEntries(Object.keys(changes).map((name) => [name, changing(name)])),
  pending,
  activate: (context, parsed) => decide(context, parsed, 'activate'),
  cancel: (context, parsed) => decide(context, parsed, 'cancel'),
  show,
  accepts,
};

export async function chainPolicy(context: CommandContext): Promise<number> {
  const [name = '', ...args] = context.args;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    const known = Object.keys(actions);
    throw new UsageError(`chain policy ${known.join('|')}, not "${name}"${didYouMean(name, known)}`);
  }
  return action({ ...context, args }, parseArguments(args, options));
}

/** A setup to edit; it takes no chain. */
async function template(context: CommandContext, parsed: Parsed): Promise<number> {
  const expires = textOption(parsed, 'expires');
  const expiresAt = expires === undefined ? Number.NaN : Date.parse(expires) / 1_000;
  if (!Number.isSafeInteger(expiresAt))
    throw new UsageError('--expires ISO-TIME is required: the last second at which it accepts anything');
  const image = requireWord(textOption(parsed, 'image'), '--image').slice(2);
  const provenance = requireWord(textOption(parsed, 'provenance'), '--provenance').slice(2);
  const simulated = parsed.values['simulated'] === true;
  context.write(`${JSON.stringify(setupTemplate({ image, provenance, simulated, expiresAt }), null, 2)}\n`);
  return exitCode.accepted;
}

async function create(context: CommandContext, parsed: Parsed): Promise<number> {
  const file = textOption(parsed, 'setup');
  if (file === undefined) throw new UsageError('--setup FILE is required');
  const owner = addressOption(parsed, 'owner');
  const delay = amountOption(parsed, 'delay');
  if ((owner === undefined) !== (delay === undefined)) {
    throw new UsageError(
      '--owner ADDRESS and --delay SECONDS make a managed policy; without both nobody can change it',
    );
  }
  const place = await openPlace(parsed);
  const registry = await place.contract('registry');
  const setup = policySetup(file, await readSmallFile(file, limits.policyBytes), registry);
  const contract = owner === undefined ? 'ImageListPolicy' : 'ManagedPolicy';
  const args = owner === undefined ? [setup] : [setup, owner, delay];
  const { address, codeHash, done } = await createOne(context, parsed, place, { contract, args });
  answer(context, parsed.values['json'], {
    facts: { policy: address, contract, registry, codeHash, transaction: doneJson(done) },
    rows: [['policy', address], ['contract', contract], ['code hash', codeHash], doneRow(done)],
  });
  return exitCode.accepted;
}

/** What accepts nothing new counts at once; everything else is announced, and waits. The contract says which it is. */
function changing(name: string): Action {
  return async (context, parsed) => {
    const { policy, words } = namesOf(parsed);
    const change = (changes[name] as (typeof changes)[string])(words, parsed);
    const place = await openPolicy(parsed, policy);
    const sender = await openSender(place.node, place.rpc, payerOf(parsed));
    const args = [change.kind, change.content];
    const tightens = await place.node.read<boolean>(call(policy, 'isTightening', args));
    const what = tightens ? 'tighten' : 'propose';
    const mined = await sender.send(call(policy, what, args));
    const proposal = await place.node.read<Hex>(call(policy, 'proposalOf', args));
    const { readyAt } = await place.node.read<{ readonly readyAt: number }>(call(policy, 'proposalAt', [proposal]));
    const ready = tightens ? null : timeOf(readyAt);
    answer(context, parsed.values['json'], {
      facts: {
        what,
        change: changeText(change),
        proposal: tightens ? null : proposal,
        readyAt: ready,
        transaction: doneJson({ what, mined }),
      },
      rows: [
        ['change', changeText(change)],
        tightens
          ? ['counts', 'at once: it accepts nothing new']
          : ['counts', `once activated, from ${ready}: ${proposal}`],
        doneRow({ what, mined }),
      ],
    });
    return exitCode.accepted;
  };
}

interface Pending extends Change {
  readonly proposal: Hex;
  readonly readyAt: number;
  readonly expiresAt: number;
}

async function pending(context: CommandContext, parsed: Parsed): Promise<number> {
  const { policy } = namesOf(parsed);
  const place = await openPolicy(parsed, policy);
  const found = await pendingOf(place, parsed, policy);
  const { timestamp } = await asked(() => place.node.client.getBlock());
  const stateOf = ({ readyAt, expiresAt }: Pending): string =>
    BigInt(readyAt) > timestamp ? 'waits' : BigInt(expiresAt) < timestamp ? 'expired' : 'ready';
  answer(context, parsed.values['json'], {
    facts: {
      pending: found.map((one) => ({
        ...{ proposal: one.proposal, change: changeText(one), state: stateOf(one) },
        ...{ readyAt: timeOf(one.readyAt), expiresAt: timeOf(one.expiresAt) },
      })),
    },
    rows: found.map(
      (one) => [stateOf(one), `${changeText(one)}, from ${timeOf(one.readyAt)}: ${one.proposal}`] as const,
    ),
  });
  return exitCode.accepted;
}

async function decide(context: CommandContext, parsed: Parsed, what: 'activate' | 'cancel'): Promise<number> {
  const { policy, words } = namesOf(parsed);
  const [text, ...rest] = words;
  if (rest.length > 0) throw new UsageError('name a policy and one proposal');
  const proposal = requireWord(text, 'a proposal');
  const place = await openPolicy(parsed, policy);
  const sender = await openSender(place.node, place.rpc, payerOf(parsed));
  const found = (await pendingOf(place, parsed, policy)).find((one) => one.proposal === proposal);
  // The contract says best what is wrong with one that is not there.
  const args = what === 'cancel' ? [proposal] : [found?.kind ?? 0, found?.content ?? '0x'];
  if (what === 'activate' && found === undefined) {
    throw new ChainError('contract_refused', 'ManagedPolicy refuses: NotProposed');
  }
  const mined = await sender.send(call(policy, what, args));
  const change = found === undefined ? proposal : changeText(found);
  answer(context, parsed.values['json'], {
    facts: { what, proposal, change, transaction: doneJson({ what, mined }) },
    rows: [['change', change], doneRow({ what, mined })],
  });
  return exitCode.accepted;
}

async function show(context: CommandContext, parsed: Parsed): Promise<number> {
  const { policy } = namesOf(parsed);
  const place = await openPolicy(parsed, policy);
  const read = <T>(name: string, args: readonly unknown[] = []): Promise<T> =>
    place.node.read<T>(call(policy, name, args));
  const simulated = await read<boolean>('SIMULATED');
  const registry = await read<Hex>('REGISTRY');
  const { expiresAt } = await read<{ readonly expiresAt: number }>('hardwareRules');
  const delay = await read<bigint>('DELAY').catch(() => undefined);
  const owner = delay === undefined ? null : await read<Hex>('owner');
  const listed = new Map<string, { subject: string; id: string; standing: string }>();
  for (const log of await logsOf(place, parsed, policy)) {
    const event = eventOf(log, 'StandingChanged');
    if (event === undefined) continue;
    const [subject, standing] = [
      subjects[event['subject'] as number] ?? '',
      standings[event['standing'] as number] ?? '',
    ];
    const id = (event['id'] as Hex).slice(2);
    listed.set(`${subject}/${id}`, { subject, id, standing });
  }
  const entries = [...listed.values()].filter(({ standing }) => standing !== 'unlisted');
  const any: string[] = [];
  for (const [at, subject] of subjects.entries()) if (await read<boolean>('acceptsAny', [at])) any.push(subject);
  const until = timeOf(expiresAt);
  answer(context, parsed.values['json'], {
    facts: {
      policy,
      registry,
      simulated,
      owner,
      delaySeconds: delay === undefined ? null : Number(delay),
      expiresAt: until,
      any,
      entries,
    },
    rows: [
      ['policy', simulated ? `${policy}, for SIMULATED evidence` : policy],
      ['owner', owner === null ? 'nobody: it never changes' : `${owner}, whose loosening waits ${delay} s`],
      ['until', until ?? 'nothing is accepted'],
      ['any', any.join(' ') || 'nothing'],
      ...entries.map(({ subject, id, standing }) => [standing, `${subject} ${id}`] as const),
    ],
  });
  return exitCode.accepted;
}

/** Whether answers of a log count; what the registry says of it, \`chain status\` tells. */
async function accepts(context: CommandContext, parsed: Parsed): Promise<number> {
  const { policy, words } = namesOf(parsed);
  const [text, ...rest] = words;
  if (rest.length > 0) throw new UsageError('name a policy and one log');
  const log = requireWord(text, 'a log');
  const execution = textOption(parsed, 'execution');
  const place = await openPolicy(parsed, policy);
  const ofLog = await place.node.read<boolean>(call(policy, 'accepts', [log]));
  const asked = execution === undefined ? undefined : requireWord(execution, '--execution');
  const ofExecution =
    asked === undefined ? null : await place.node.read<boolean>(call(policy, 'acceptsExecution', [asked]));
  answer(context, parsed.values['json'], {
    facts: { policy, log: log.slice(2), accepts: ofLog, acceptsExecution: ofExecution },
    rows: [
      ['log', ofLog ? 'accepted' : 'not accepted'],
      ...(ofExecution === null ? [] : [['execution', ofExecution ? 'accepted' : 'not accepted'] as const]),
    ],
  });
  return ofLog && ofExecution !== false ? exitCode.accepted : exitCode.refused;
}

async function openPolicy(parsed: Parsed, policy: Hex): Promise<Place> {
  const place = await openPlace(parsed);
  await requireContract(place.node, 'policy', policy);
  return place;
}

/** Each announcement that the contract still keeps; the last one counts where one was made twice. */
async function pendingOf(place: Place, parsed: Parsed, policy: Hex): Promise<readonly Pending[]> {
  const found = new Map<Hex, Pending>();
  for (const log of await logsOf(place, parsed, policy)) {
    const event = eventOf(log, 'Proposed');
    if (event === undefined) continue;
    const proposal = event['proposal'] as Hex;
    const kept = await place.node.read<{ readonly readyAt: number; readonly expiresAt: number }>(
      call(policy, 'proposalAt', [proposal]),
    );
    if (kept.readyAt === 0) continue;
    found.set(proposal, { proposal, kind: event['kind'] as number, content: event['content'] as Hex, ...kept });
  }
  return [...found.values()];
}

async function logsOf({ node }: Place, parsed: Parsed, policy: Hex): Promise<readonly Log[]> {
  const fromBlock = amountOption(parsed, 'from-block') ?? 0n;
  return asked(() => node.client.getLogs({ address: policy, fromBlock, toBlock: 'latest' }));
}

function eventOf(
  { data, topics }: Log,
  eventName: 'Proposed' | 'StandingChanged',
): Readonly<Record<string, unknown>> | undefined {
  try {
    const event = decodeEventLog({ abi: policyAbi, data, topics: topics as [Hex, ...Hex[]] });
    return event.eventName === eventName ? event.args : undefined;
  } catch {
    // An event that nothing here is made of.
    return undefined;
  }
}

function call(policy: Hex, functionName: string, args: readonly unknown[]): ContractCall {
  return { contract: 'ManagedPolicy', address: policy, abi: policyAbi, functionName, args };
}

function namesOf({ positionals }: Parsed): { readonly policy: Hex; readonly words: readonly string[] } {
  const [policy, ...words] = positionals;
  if (policy === undefined) throw new UsageError('name the address of a policy');
  return { policy: requireAddress(policy, 'the policy'), words };
}
