import { readFileSync } from 'node:fs';
import { parseWorkerPolicy, type WorkerPolicy } from 'proofmark/verifier';
import { fromHex, type JsonValue } from 'proofmark/wire';

/** What every example here is started with: `tsx FILE HOST POLICY [more]`. */
export interface Settings {
  readonly url: string;
  readonly policy: WorkerPolicy;
  readonly modelId: Uint8Array;
  readonly more: readonly string[];
}

/** The model is the policy's, or the one named as `--model HEX`: a host is never asked what is meant. */
export function readSettings(args: readonly string[] = process.argv.slice(2)): Settings {
  const at = args.indexOf('--model');
  const named = at === -1 ? undefined : args[at + 1];
  const [url, policyFile, ...more] = args.filter((_, index) => at === -1 || (index !== at && index !== at + 1));
  if (url === undefined || policyFile === undefined) throw new Error('give the address of a host, and a policy file');
  const policy = parseWorkerPolicy(JSON.parse(readFileSync(policyFile, 'utf8')) as JsonValue);
  const modelId = named === undefined ? onlyModelOf(policy) : fromHex(named, 32);
  return { url, policy, modelId, more };
}

function onlyModelOf({ models }: WorkerPolicy): Uint8Array {
  const [first, ...others] = models === 'any' ? [] : models;
  if (first === undefined || others.length > 0) throw new Error('the policy names no single model: give --model HEX');
  return first;
}
