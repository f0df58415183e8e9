import { ClientError, HubError } from '../client/index.ts';
import { exitCodeOfClientError } from './commands/infer.ts';
import { exitCode, JudgedError, UsageError } from './exit-codes.ts';
import { exitCodeOfHubError } from './model/hub-options.ts';

/** What a failure is for scripts and for people: `code` is the part's own where it has one. */
export interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly message: string;
}

export function explain(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return { code: 'usage', exit: exitCode.usage, message };
  if (error instanceof JudgedError) return { code: error.code, exit: error.exit, message };
  if (error instanceof ClientError) return { code: error.code, exit: exitCodeOfClientError(error), message };
  if (error instanceof HubError) return { code: error.code, exit: exitCodeOfHubError(error), message };
  const missing = missingPackage(error);
  if (missing === undefined) return { code: codeOf(error), exit: exitCode.failed, message };
  // What every machine that runs workers needs; a key service is asked for by few.
  const machine = ['express', 'lmdb', 'node-forge', 'onnxruntime-node'];
  const packages = machine.includes(missing) ? machine.join(' ') : missing;
  const advice = `this command needs the package ${missing}: npm install ${packages}`;
  return { code: 'package_missing', exit: exitCode.failed, message: advice };
}

/** Codes of this project's parts are words; the platform's are in capitals, and say less than its message. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[a-z][a-z0-9_]{2,63}$/.test(code) ? code : 'failed';
}

function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /Cannot find package '([^']+)'/.exec(error.message)?.[1];
}
