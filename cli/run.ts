import { ClientError, HubError } from '../client/index.ts';
import { audit, auditUsage } from './commands/audit.ts';
import { configuration, configurationUsage } from './commands/configuration.ts';
import type { Command, CommandContext } from './commands/context.ts';
import { evidence, evidenceUsage } from './commands/evidence.ts';
import { hub, hubUsage } from './commands/hub.ts';
import { image, imageUsage } from './commands/image.ts';
import { exitCodeOfClientError, infer, inferUsage } from './commands/infer.ts';
import { kms, kmsUsage } from './commands/kms.ts';
import { log, logUsage } from './commands/log.ts';
import { model, modelUsage } from './commands/model.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { exitCodeOfHubError } from './model/hub-options.ts';
import { printable } from './report.ts';

/** `up` and `demo` need the optional packages (engine, journal, web server); they are loaded when asked for. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  demo: async () => (await import('./commands/up.ts')).demo,
  audit: () => Promise.resolve(audit),
  infer: () => Promise.resolve(infer),
  evidence: () => Promise.resolve(evidence),
  configuration: () => Promise.resolve(configuration),
  image: () => Promise.resolve(image),
  kit: async () => (await import('./commands/kit.ts')).kit,
  kms: () => Promise.resolve(kms),
  log: () => Promise.resolve(log),
  model: () => Promise.resolve(model),
  host: async () => (await import('./commands/host.ts')).host,
  hub: () => Promise.resolve(hub),
};

/** Whose commands are too many for one page, and tell their own. */
const tellsItself: ReadonlySet<string> = new Set(['model']);

const usage = `Proofmark: check which code ran which model on which input.

proofmark up [--port PORT] [--state DIR] [--tier process|vm] [--chain local|none]
             [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  Starts signer, worker (in a sandbox, or in a machine of its own) and host on loopback, runs one inference, prints
  its audit, and keeps serving. From a checkout also a local chain with all contracts: the worker is registered by its
  evidence, the inference is paid from a channel and claimed, and one request of a contract is answered.

proofmark demo [--tier process|vm] [--chain local|none]
               [--tee aws-nitro | --tee amd-sev-snp [--product milan|genoa|turin]]
  The same once, in a folder of its own; exits 0 if every check passed.

${auditUsage}

${inferUsage}

${evidenceUsage}

${configurationUsage}

${kmsUsage}

${logUsage}

${imageUsage}

${modelUsage}

proofmark kit --measurements FILE --out DIR [--template POLICY]
  What a first worker needs around it: a release key, a signed demo model, a configuration, and a policy that accepts
  just them and the measured image. The policy's other rules come from the shipped default, or from the template.

proofmark host --link SOCKET --state DIR --listen ADDRESS:PORT --configuration FILE.cbor --release DIR...
               [--metrics ADDRESS:PORT] [--certificates DIR] [--settlement FILE]
               [--kms-region REGION] [--kms-endpoint URL]
  Serves a worker that runs elsewhere: relays requests, keeps the journal, hands out evidence. Nobody needs to trust it.
  --certificates is for AMD machines that bring none of their own: certificates and revocation lists, fetched before.
  --settlement says how the operator is paid: chain, account, and the policies that it works for.
  Events go to the error stream, one JSON line each.

${hubUsage}
`;

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
    context.write(usage);
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
