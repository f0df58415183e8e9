import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { CONTRACTS, foundryBinary, foundryEnvironment } from './foundry.ts';
import { exclusively } from './lock.ts';

export interface ForgeResult {
  /** forge's own exit code; 128 and the signal's number when it was ended by one. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ForgeOptions {
  /** `show` passes forge's words on as they come; `keep` only returns them. */
  readonly output: 'show' | 'keep';
  /** A profile of foundry.toml. */
  readonly profile?: 'default' | 'long';
}

/** Runs forge in the contracts folder, or in another project that `--root` names; one run at a time on this machine. */
export function forge(args: readonly string[], options: ForgeOptions): Promise<ForgeResult> {
  const at = args.indexOf('--root');
  const named = at === -1 ? undefined : args[at + 1];
  if (named === undefined) return exclusively(resolve(CONTRACTS, 'out'), () => run(CONTRACTS, args, options));
  const root = resolve(named);
  const rest = args.filter((_, index) => index !== at && index !== at + 1);
  return exclusively(resolve(root, 'out'), () => run(root, rest, options));
}

function run(root: string, args: readonly string[], { output, profile }: ForgeOptions): Promise<ForgeResult> {
  return new Promise((done, fail) => {
    const child = spawn(foundryBinary('forge'), args, {
      // Paths in foundry.toml are relative to the working directory.
      cwd: root,
      env: { ...foundryEnvironment(), FOUNDRY_PROFILE: profile ?? 'default' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kept = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        kept[name] += chunk.toString('utf8');
        if (output === 'show') process[name].write(chunk);
      });
    }
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code: code ?? (signal === 'SIGINT' ? 130 : 137), ...kept }));
  });
}

if (process.argv[1] !== undefined && import.meta.filename === resolve(process.argv[1])) {
  const { code } = await forge(process.argv.slice(2), { output: 'show' });
  process.exitCode = code;
}
