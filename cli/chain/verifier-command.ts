import type { Address, Hex } from 'viem';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { CIRCUIT_KEY_BYTES } from '../../wire/message/circuit-key.ts';
import { readSmallFile } from '../audit/source.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { didYouMean } from '../nearest.ts';
import { provedAbi, replayedAbi } from './abi.ts';
import { createOne } from './create-one.ts';
import { requireContract } from './node.ts';
import { payerOptions, requireAddress, requiredAmount, requireWord } from './options.ts';
import { openPlace, placeOptions } from './place.ts';
import { answer, doneJson, doneRow } from './sent.ts';

const option = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const options = {
  ...placeOptions,
  ...payerOptions,
  ...{ 'circuit-key': option, model: option, needed: option },
  auditor: { type: 'string', multiple: true } as const,
  ...{ 'with-receipts': flag, dev: flag, yes: flag, json: flag },
} as const;

type Action = (context: CommandContext, parsed: Parsed) => Promise<number>;

const actions: Readonly<Record<string, Action>> = { proved, replayed, show };

export async function chainVerifier(context: CommandContext): Promise<number> {
  const [name = '', ...args] = context.args;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    const known = Object.keys(actions);
    throw new UsageError(`chain verifier ${known.join('|')}, not "${name}"${didYouMean(name, known)}`);
  }
  return action({ ...context, args }, parseArguments(args, options));
}

async function proved(context: CommandContext, parsed: Parsed): Promise<number> {
  refuseWords(parsed);
  const file = textOption(parsed, 'circuit-key');
  if (file === undefined) throw new UsageError('--circuit-key FILE is required: the key that the release names');
  const model = requireWord(textOption(parsed, 'model'), '--model');
  const key = await readSmallFile(file, CIRCUIT_KEY_BYTES);
  const args = [hex(key), model, parsed.values['with-receipts'] === true, parsed.values['dev'] === true];
  const created = await createOne(context, parsed, await openPlace(parsed), { contract: 'ProvedResult', args });
  return told(context, parsed, created, [['circuit', toHex(sha256(key))]]);
}

async function replayed(context: CommandContext, parsed: Parsed): Promise<number> {
  refuseWords(parsed);
  const auditors = (parsed.lists['auditor'] ?? []).map(auditorOf);
  if (auditors.length === 0) throw new UsageError('--auditor HEX is required: whose word counts');
  const needed = requiredAmount(parsed, 'needed');
  const place = await openPlace(parsed);
  const created = await createOne(context, parsed, place, { contract: 'ReplayedResult', args: [auditors, needed] });
  return told(context, parsed, created, [['needed', `${needed} of ${auditors.length}`]]);
}

async function show(context: CommandContext, parsed: Parsed): Promise<number> {
  const [level, text, ...rest] = parsed.positionals;
  if (text === undefined || rest.length > 0 || (level !== 'proved' && level !== 'replayed')) {
    throw new UsageError('chain verifier show proved|replayed ADDRESS');
  }
  const address = requireAddress(text, 'the verifier');
  const { node } = await openPlace(parsed);
  await requireContract(node, 'verifier', address);
  const facts = level === 'proved' ? await provedFacts(node.read, address) : await replayedFacts(node.read, address);
  const rows = Object.entries(facts).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): readonly [string, string] => [name, String(each)]),
  );
  answer(context, parsed.values['json'], { facts: { verifier: address, level, ...facts }, rows });
  return exitCode.accepted;
}

type Read = Awaited<ReturnType<typeof openPlace>>['node']['read'];

async function provedFacts(read: Read, address: Address): Promise<object> {
  const ask = <T>(functionName: string): Promise<T> =>
    read<T>({ contract: 'ProvedResult', address, abi: provedAbi, functionName, args: [] });
  return {
    circuit: (await ask<Hex>('KEY_HASH')).slice(2),
    model: (await ask<Hex>('MODEL_ID')).slice(2),
    setup: (await ask<boolean>('IS_DEV')) ? 'dev' : 'ceremony',
    phase1: Number(await ask<bigint>('PHASE_1')),
    phase2: Number(await ask<bigint>('PHASE_2')),
    withReceipts: await ask<boolean>('needsReceipt'),
  };
}

async function replayedFacts(read: Read, address: Address): Promise<object> {
  const ask = <T>(functionName: string, ...args: readonly unknown[]): Promise<T> =>
    read<T>({ contract: 'ReplayedResult', address, abi: replayedAbi, functionName, args });
  const count = Number(await ask<bigint>('AUDITORS'));
  const auditors: string[] = [];
  for (let index = 0; index < count; index++) {
    const { x, y } = await ask<{ readonly x: Hex; readonly y: Hex }>('auditorAt', BigInt(index));
    auditors.push(`${x.slice(2)}${y.slice(2)}`);
  }
  return { needed: Number(await ask<bigint>('NEEDED')), auditor: auditors };
}

function told(
  context: CommandContext,
  parsed: Parsed,
  { address, codeHash, done }: Awaited<ReturnType<typeof createOne>>,
  facts: readonly (readonly [string, string])[],
): number {
  answer(context, parsed.values['json'], {
    facts: { verifier: address, ...Object.fromEntries(facts), codeHash, transaction: doneJson(done) },
    rows: [['verifier', address], ...facts, ['code hash', codeHash], doneRow(done)],
  });
  return exitCode.accepted;
}

function auditorOf(text: string): { readonly x: Hex; readonly y: Hex } {
  if (!/^[0-9a-fA-F]{128}$/.test(text)) throw new UsageError('--auditor is 128 hex digits: x and y of a public key');
  return { x: `0x${text.slice(0, 64).toLowerCase()}`, y: `0x${text.slice(64).toLowerCase()}` };
}

function refuseWords({ positionals }: Parsed): void {
  if (positionals.length > 0) throw new UsageError('chain verifier proved|replayed takes options only');
}

function hex(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`;
}
