import { createReadStream, existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFile, isOpenElsewhere } from '../../host/journal/directory.ts';
import { JournalError } from '../../host/journal/errors.ts';
import { type ExportedLog, exportLog, verifyExport } from '../../host/journal/export.ts';
import type { Journal } from '../../host/journal/index.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { decodeTreeHead } from '../../wire/message/receipt.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { jsonLine, rowLines } from '../report.ts';
import { type Parsed, parseArguments, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

export const logUsage = `proofmark log export STATE-DIR LOG --out FILE [--json]
  Writes a whole log out of the journal of a host that is stopped: identity, evidence, every receipt and signed head.
proofmark log verify FILE [--json]
  Checks such a file by itself: that the key which the log's name stands for signed every head, and that each head is that
  of the receipts before it. Whose key it is, the evidence says. Exits 10 for a file that is cut short, damaged or none,
  and 20 for one whose words, heads or signatures do not hold together.`;

const json = { type: 'boolean' } as const;

export async function log(context: CommandContext): Promise<number> {
  const [action, ...args] = context.args;
  if (action === 'export') return write(context, parseArguments(args, { out: { type: 'string' }, json }));
  if (action === 'verify') return verify(context, parseArguments(args, { json }));
  throw new UsageError(`log ${action ?? ''}: export or verify`);
}

async function write(context: CommandContext, parsed: Parsed): Promise<number> {
  const [state, name, ...rest] = parsed.positionals;
  const out = textOption(parsed, 'out');
  if (state === undefined || name === undefined || rest.length > 0) {
    throw new UsageError("name a host's state folder and a log");
  }
  if (!/^[0-9a-fA-F]{64}$/.test(name)) throw new UsageError('a log is named by 64 hex digits');
  if (out === undefined) throw new UsageError('--out FILE is required');
  const directory = join(state, 'journal');
  // Opening a journal makes one where there is none.
  if (!existsSync(dataFile(directory))) throw new CommandError(`${state} holds no journal`);
  if (isOpenElsewhere(directory)) throw new CommandError(`${state} is in use: stop its host first`);
  const { openJournal } = await import('../../host/journal/index.ts');
  const journal = openJournal(directory, { maxBytes: limits.journalBytes });
  try {
    await save(out, exportLog(journal, fromHex(name, 32)));
  } catch (error) {
    if (error instanceof JournalError && error.code === 'log_unknown') throw new CommandError(unknownLog(journal));
    throw error;
  } finally {
    await journal.close();
  }
  // Read back rather than believed: whoever deletes the journal now relies on the file.
  show(context, parsed, await verifyExport(createReadStream(out)));
  return exitCode.accepted;
}

/** A file of its own, and whole or not at all. */
async function save(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  let made = false;
  try {
    const file = await open(path, 'wx');
    made = true;
    try {
      for (const piece of pieces) await file.appendFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (made) await rm(path, { force: true });
    if (error instanceof JournalError) throw error;
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`);
  }
}

const SHOWN = 8;

function unknownLog(journal: Journal): string {
  const logs = journal.logs(SHOWN).map(toHex);
  return logs.length === 0 ? 'the journal holds no log' : `no such log; the journal holds ${logs.join(', ')}`;
}

async function verify(context: CommandContext, parsed: Parsed): Promise<number> {
  const [path, ...rest] = parsed.positionals;
  if (path === undefined || rest.length > 0) throw new UsageError('name one exported log');
  try {
    show(context, parsed, await verifyExport(createReadStream(path)));
    return exitCode.accepted;
  } catch (error) {
    if (!(error instanceof JournalError)) throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
    const verdict = error.code === 'export_invalid' ? 'malformed' : 'untrusted';
    if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify({ verdict, code: error.code })));
    context.warn(`${path}: ${error.message}\n`);
    return exitCode[verdict];
  }
}

function show(context: CommandContext, parsed: Parsed, { log: name, newest, evidence }: ExportedLog): void {
  const size = newest?.size ?? 0;
  const root = newest === undefined ? null : toHex(decodeTreeHead(newest.head).root);
  const facts = { log: toHex(name), size, root, evidenceBytes: evidence.length };
  if (parsed.values['json'] === true) {
    context.write(jsonLine(JSON.stringify({ verdict: 'accepted', code: null, ...facts })));
    return;
  }
  context.write(
    rowLines([
      ['log', facts.log],
      ['receipts', String(size)],
      ['root', root ?? 'nothing was signed'],
      ['evidence', evidence.length === 0 ? 'none was saved' : `${evidence.length} bytes, not judged`],
    ]),
  );
}
