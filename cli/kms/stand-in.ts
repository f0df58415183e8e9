import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startKmsStandIn } from '../../enclave/simulator/kms/server.ts';
import type { Caller } from '../../enclave/simulator/kms/signature.ts';
import { array, object, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError } from '../exit-codes.ts';

const readCallers = array(
  object<Caller>({
    accessKeyId: text({ min: 1, max: 128, pattern: /[A-Za-z0-9]+/ }),
    secretAccessKey: text({ min: 1, max: 256 }),
    arn: text({ min: 20, max: limits.kmsKeyIdBytes, pattern: /arn:aws:iam::\d{12}:[\w+=,.@/:-]+/ }),
  }),
  { min: 1, max: limits.kmsPolicyItems },
);

/** Serves until it is told to stop, and prints who asked for what, as CloudTrail would. */
export async function standIn(
  context: CommandContext,
  options: {
    readonly state: string;
    readonly root: string;
    readonly callers: string;
    readonly port: number;
    readonly debug: 'refuse' | 'allow';
  },
): Promise<void> {
  const root = Uint8Array.from(await readOr(options.root));
  const callers = readCallers(
    parseJson(Uint8Array.from(await readOr(options.callers)), limits.kmsPolicyBytes),
    'callers',
  );
  const running = await startKmsStandIn({
    port: options.port,
    folder: join(options.state, 'kms'),
    callers,
    roots: [root],
    debug: options.debug,
    now: context.now,
    onCall: (call) => context.warn(`${JSON.stringify(call)}\n`),
  });
  context.write(`${JSON.stringify({ ready: true, url: running.url })}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  await running.close();
}

async function readOr(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: Error) => {
    throw new CommandError(`cannot read ${path}: ${error.message}`);
  });
}
