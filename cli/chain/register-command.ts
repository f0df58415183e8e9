import { writeFile } from 'node:fs/promises';
import type { Hex } from 'viem';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { encodeRegistrationEvidence } from '../../wire/message/registration-evidence.ts';
import { readSmallFile } from '../audit/source.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { registryAbi } from './abi.ts';
import { ChainError } from './errors.ts';
import { asked, type ContractCall, openSender } from './node.ts';
import { payerOf, payerOptions, requireAddress, requireWord } from './options.ts';
import { openPlace, type Place, placeOptions } from './place.ts';
import {
  askWorker,
  blockChallenge,
  type Challenge,
  decodeRegistration,
  encodeRegistration,
  identityWords,
  issuedChallenge,
  logOf,
  REGISTRATION_BYTES,
  registerCall,
  registryCall,
  type SavedRegistration,
} from './registration.ts';
import { answer, doneJson, doneRow } from './sent.ts';
import { timeOf } from './times.ts';

const option = { type: 'string' } as const;
const json = { type: 'boolean' } as const;

export async function chainRegister(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    ...placeOptions,
    ...payerOptions,
    ...{ log: option, operator: option, save: option, issued: { type: 'boolean' }, json },
  });
  const source = onlyName(parsed, 'a host URL, or a file that --save wrote');
  const place = await openPlace(parsed);
  const registry = await place.contract('registry');
  const steps = createSteps(context);
  try {
    const save = textOption(parsed, 'save');
    if (save !== undefined) return await saveOnly(context, parsed, { place, registry, source, save });
    const sender = await openSender(place.node, place.rpc, payerOf(parsed));
    let saved: SavedRegistration;
    if (isUrl(source)) {
      steps.begin('asks the worker for evidence');
      const challenge =
        parsed.values['issued'] === true
          ? await issuedChallenge(sender, registry)
          : await blockChallenge(place.node, registry, sender.address);
      saved = await askWorker(source, { chainId: place.node.chainId, registry }, { challenge, log: logOption(parsed) });
    } else {
      saved = decodeRegistration(source, await readSmallFile(source, REGISTRATION_BYTES));
      requireSamePlace(source, saved, place, registry);
    }
    const log = logOf(saved, sender.address);
    steps.begin('makes hints for the signatures');
    const call = await registerCall(place.node, saved);
    const before = await standingOf(place, registry, log);
    steps.begin('registers');
    const mined = await sender.send(call);
    const after = await standingOf(place, registry, log);
    steps.end();
    const what = before.expiresAt === 0 ? 'register' : 'renew';
    answer(context, parsed.values['json'], {
      facts: { what, log: log.slice(2), registry, ...standingFacts(after), transaction: doneJson({ what, mined }) },
      rows: [['log', log.slice(2)], ...standingRows(after), doneRow({ what, mined })],
    });
    return exitCode.accepted;
  } finally {
    steps.end();
  }
}

/** For an account on another machine: whose it is has to be said, because the challenge is addressed to it. */
async function saveOnly(
  context: CommandContext,
  parsed: Parsed,
  {
    place,
    registry,
    source,
    save,
  }: { readonly place: Place; readonly registry: Hex; readonly source: string; readonly save: string },
): Promise<number> {
  const text = textOption(parsed, 'operator');
  if (!isUrl(source) || text === undefined) throw new UsageError('--save takes a host URL and --operator ADDRESS');
  if (parsed.values['issued'] === true) throw new UsageError('--issued needs the account: send it from its machine');
  const operator = requireAddress(text, '--operator');
  const challenge: Challenge = await blockChallenge(place.node, registry, operator);
  const where = { chainId: place.node.chainId, registry };
  const saved = await askWorker(source, where, { challenge, log: logOption(parsed) });
  const log = logOf(saved, operator);
  await writeFile(save, encodeRegistration(saved, encodeRegistrationEvidence(saved.said))).catch((error: Error) => {
    throw new ChainError('registration_invalid', `cannot write ${save}: ${error.message}`);
  });
  answer(context, parsed.values['json'], {
    facts: { what: 'save', log: log.slice(2), file: save, challengeBlock: String(challenge.block) },
    rows: [
      ['log', log.slice(2)],
      ['saved', `${save}; the registry takes it while block ${challenge.block} is recent`],
    ],
  });
  return exitCode.accepted;
}

function requireSamePlace(source: string, saved: SavedRegistration, { node }: Place, registry: Hex): void {
  if (saved.chainId === node.chainId && saved.registry.toLowerCase() === registry.toLowerCase()) return;
  throw new ChainError('registration_other', `${source} is for ${saved.registry} on chain ${saved.chainId}`);
}

export async function chainRevoke(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { ...placeOptions, ...payerOptions, yes: { type: 'boolean' }, json });
  const source = onlyName(
    parsed,
    'a file with the worker’s identity: a saved registration, evidence, or a .proofmark file',
  );
  if (parsed.values['yes'] !== true) throw new UsageError('--yes is required: a revoked log is dead for ever');
  const place = await openPlace(parsed);
  const registry = await place.contract('registry');
  const identity = identityIn(source, await readSmallFile(source, limits.archiveBytes));
  const said = { evidence: { identity } } as SavedRegistration['said'];
  const sender = await openSender(place.node, place.rpc, payerOf(parsed));
  const log = logOf({ said, chainId: place.node.chainId, registry }, sender.address);
  const mined = await sender.send(registryCall(registry, 'revokeByOperator', [identityWords(identity)]));
  const what = 'revoke';
  answer(context, parsed.values['json'], {
    facts: { what, log: log.slice(2), registry, transaction: doneJson({ what, mined }) },
    rows: [['log', log.slice(2)], doneRow({ what, mined })],
  });
  return exitCode.accepted;
}

/** Whichever file of this project has a worker's words in it. */
function identityIn(name: string, bytes: Uint8Array): Uint8Array {
  const readers: readonly (() => Uint8Array)[] = [
    () => decodeRegistration(name, bytes).said.evidence.identity,
    () => decodeArchive(bytes).evidence.identity,
    () => decodeEvidence(bytes).identity,
  ];
  for (const read of readers) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof WireError || error instanceof ChainError)) throw error;
    }
  }
  throw new ChainError('registration_invalid', `${name} has no worker’s identity in it`);
}

export async function chainStatus(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { ...placeOptions, json });
  const log = requireWord(onlyName(parsed, 'a log'), 'a log');
  const place = await openPlace(parsed);
  const registry = await place.contract('registry');
  const standing = await standingOf(place, registry, log);
  const simulated = await place.node.read<boolean>(registryRead(registry, 'SIMULATED', []));
  answer(context, parsed.values['json'], {
    facts: { log: log.slice(2), chainId: String(place.node.chainId), registry, simulated, ...standingFacts(standing) },
    rows: [
      ['log', log.slice(2)],
      [
        'registry',
        `${registry} on chain ${place.node.chainId}${simulated ? ', SIMULATED: nobody vouches for it' : ''}`,
      ],
      ...standingRows(standing),
    ],
  });
  return standing.state === 'live' ? exitCode.accepted : exitCode.refused;
}

interface Standing {
  readonly state: 'live' | 'expired' | 'revoked' | 'unknown';
  readonly operator: Hex;
  readonly settlement: Hex;
  /** Seconds of the chain's clock; zero where there is none. */
  readonly expiresAt: number;
  readonly revokedAt: number;
}

async function standingOf({ node }: Place, registry: Hex, log: Hex): Promise<Standing> {
  const key = await node.read<Pick<Standing, 'settlement' | 'expiresAt' | 'revokedAt'>>(
    registryRead(registry, 'headKeyOf', [log]),
  );
  const operator = await node.read<Hex>(registryRead(registry, 'operatorOf', [log]));
  const { timestamp } = await asked(() => node.client.getBlock());
  const { settlement, expiresAt, revokedAt } = key;
  const ended = BigInt(expiresAt) < timestamp ? 'expired' : 'live';
  const state = revokedAt !== 0 ? 'revoked' : expiresAt === 0 ? 'unknown' : ended;
  return { state, operator, settlement, expiresAt, revokedAt };
}

function registryRead(registry: Hex, functionName: string, args: readonly unknown[]): ContractCall {
  return { contract: 'WorkerRegistry', address: registry, abi: registryAbi, functionName, args };
}

function standingFacts({ state, operator, settlement, expiresAt, revokedAt }: Standing): object {
  return { state, operator, settlement, expiresAt: timeOf(expiresAt), revokedAt: timeOf(revokedAt) };
}

function standingRows({
  state,
  operator,
  settlement,
  expiresAt,
  revokedAt,
}: Standing): readonly (readonly [string, string])[] {
  return [
    ['state', state],
    ...(expiresAt === 0
      ? []
      : ([
          ['operator', operator],
          ['settlement', settlement],
          ['until', timeOf(expiresAt) ?? ''],
        ] as const)),
    ...(revokedAt === 0 ? [] : [['revoked', timeOf(revokedAt) ?? ''] as const]),
  ];
}

function logOption(parsed: Parsed): Hex | undefined {
  const text = textOption(parsed, 'log');
  return text === undefined ? undefined : requireWord(text, '--log');
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

function onlyName({ positionals }: Parsed, what: string): string {
  const [only, ...more] = positionals;
  if (only === undefined || more.length > 0) throw new UsageError(`name ${what}`);
  return only;
}
