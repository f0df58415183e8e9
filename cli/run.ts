import { ClientError, HubError } from '../client/index.ts';
import { audit } from './commands/audit.ts';
import { chat } from './commands/chat.ts';
import { configuration } from './commands/configuration.ts';
import type { Command, CommandContext } from './commands/context.ts';
import { doctor } from './commands/doctor.ts';
import { evidence } from './commands/evidence.ts';
import { hub } from './commands/hub.ts';
import { image } from './commands/image.ts';
import { exitCodeOfClientError, infer } from './commands/infer.ts';
import { kms } from './commands/kms.ts';
import { log } from './commands/log.ts';
import { model } from './commands/model.ts';
import { prove } from './commands/prove.ts';
import { receipts } from './commands/receipts.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { exitCodeOfHubError } from './model/hub-options.ts';
import { printable } from './report.ts';
import { helpText } from './usage.ts';

/** `up` and `demo` need the optional packages (engine, journal, web server); they are loaded when asked for. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  demo: async () => (await import('./commands/up.ts')).demo,
  doctor: () => Promise.resolve(doctor),
  audit: () => Promise.resolve(audit),
  infer: () => Promise.resolve(infer),
  chat: () => Promise.resolve(chat),
  receipts: () => Promise.resolve(receipts),
  evidence: () => Promise.resolve(evidence),
  configuration: () => Promise.resolve(configuration),
  image: () => Promise.resolve(image),
  replay: async () => (await import('./commands/replay.ts')).replayCommand,
  kit: async () => (await import('./commands/kit.ts')).kit,
  kms: () => Promise.resolve(kms),
  log: () => Promise.resolve(log),
  model: () => Promise.resolve(model),
  prove: () => Promise.resolve(prove),
  host: async () => (await import('./commands/host.ts')).host,
  hub: () => Promise.resolve(hub),
};

/** Whose commands are too many for one page, and tell their own. */
const tellsItself: ReadonlySet<string> = new Set(['model']);

/** One command line from start to exit code. Whatever goes wrong ends in one line on the error stream, never in a stack. */
export async function run(context: CommandContext): Promise<number> {
  try {
    return await dispatch(context);
  } catch (error) {
    const { code, message } = explain(error);
    context.warn(`proofmark: ${printable(message)}\n`);
    return code;
  }
}

async function dispatch(context: CommandContext): Promise<number> {
  const [name, ...args] = context.args;
  if (
    name === undefined ||
    name === 'help' ||
    name === '--help' ||
    (args.includes('--help') && !tellsItself.has(name))
  ) {
    context.write(helpText());
    return name === undefined ? exitCode.usage : exitCode.accepted;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) throw new UsageError(`no command "${name}"; see proofmark --help`);
  const command = await load();
  return command({ ...context, args });
}

function explain(error: unknown): { readonly code: number; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { code: exitCode.usage, message };
  if (error instanceof ClientError) return { code: exitCodeOfClientError(error), message };
  if (error instanceof HubError) return { code: exitCodeOfHubError(error), message };
  const missing = missingPackage(error);
  if (missing === undefined) return { code: exitCode.failed, message };
  // What every machine that runs workers needs; a key service is asked for by few.
  const machine = ['express', 'lmdb', 'node-forge', 'onnxruntime-node'];
  const packages = machine.includes(missing) ? machine.join(' ') : missing;
  return { code: exitCode.failed, message: `this command needs the package ${missing}: npm install ${packages}` };
}

function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /Cannot find package '([^']+)'/.exec(error.message)?.[1];
}
