#!/usr/bin/env node
import { ClientError } from '../client/index.ts';
import { audit, auditUsage } from './commands/audit.ts';
import type { Command } from './commands/context.ts';
import { exitCodeOfClientError, infer, inferUsage } from './commands/infer.ts';
import { CommandError, exitCode, UsageError } from './exit-codes.ts';
import { printable } from './report.ts';

/** `up` and `demo` need the optional packages (engine, journal, web server); they are loaded when asked for. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).up,
  demo: async () => (await import('./commands/up.ts')).demo,
  audit: () => Promise.resolve(audit),
  infer: () => Promise.resolve(infer),
};

const usage = `Proofmark: check which code ran which model on which input.

proofmark up [--port PORT] [--state DIR] [--tier sim-process]
  Starts signer, sandboxed worker and host on loopback, runs one inference, prints its audit, and keeps serving.

proofmark demo [--tier sim-process]
  The same once, in a folder of its own; exits 0 if every check passed.

${auditUsage}

${inferUsage}
`;

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === 'help' || name === '--help' || args.includes('--help')) {
    process.stdout.write(usage);
    return name === undefined ? exitCode.usage : exitCode.accepted;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) throw new UsageError(`no command "${name}"; see proofmark --help`);
  const command = await load();
  return command({
    args,
    style: { colours: process.stdout.isTTY },
    write: (text) => process.stdout.write(text),
    warn: (text) => process.stderr.write(text),
    now: () => Date.now(),
  });
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`proofmark: ${printable(error.message)}\n`);
    return exitCode.usage;
  }
  if (error instanceof ClientError) {
    process.stderr.write(`proofmark: ${printable(error.message)}\n`);
    return exitCodeOfClientError(error);
  }
  if (error instanceof CommandError) {
    process.stderr.write(`proofmark: ${printable(error.message)}\n`);
    return exitCode.failed;
  }
  const missing = missingPackage(error);
  if (missing !== undefined) {
    process.stderr.write(
      `proofmark: this command needs the package ${missing}: npm install express lmdb node-forge onnxruntime-node\n`,
    );
    return exitCode.failed;
  }
  process.stderr.write(`proofmark: ${printable(error instanceof Error ? error.message : String(error))}\n`);
  return exitCode.failed;
}

function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /Cannot find package '([^']+)'/.exec(error.message)?.[1];
}

process.exitCode = await main().catch(explain);
