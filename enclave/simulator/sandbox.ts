import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { withOpenFile } from './child.ts';
import { SimulatorError } from './errors.ts';
import { bootFiles, type Image, sandboxPaths } from './measure.ts';
import { nativeFile } from './native-files.ts';
import { type Command, dyingWithParent } from './role.ts';

/**
 * Where the worker of the process tier runs: in a bubblewrap sandbox that holds the measured image and two sockets, or,
 * where bubblewrap is missing or the kernel refuses it, as a plain process, and then with a warning that is shown.
 * Neither protects the worker from this machine's administrator, who can read its memory; what is simulated is the
 * shape, not the protection.
 */
export interface SandboxPlan {
  readonly image: Pick<Image, 'plan'>;
  /** Directories of this machine, one for each thing that worker and outside share. */
  readonly link: string;
  readonly attester: string;
  /** Used by the plain process only: inside a sandbox this is memory that nobody else sees. */
  readonly private: string;
}

export interface SandboxWarning {
  readonly code: 'sandbox_missing' | 'sandbox_refused';
  readonly detail: string;
}

export type Sandbox =
  | { readonly kind: 'bubblewrap'; readonly program: string }
  | { readonly kind: 'process'; readonly warning: SandboxWarning };

/** Fixed places and not PATH: what confines the worker must not depend on the environment. */
export const bubblewrapPlaces: readonly string[] = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap'];

/** Long, because a slow machine must not be taken for one that refuses. */
const TRIAL_MILLISECONDS = 60_000;
const CONSEQUENCE =
  'the worker runs as a plain process, sees the files and the network of this machine, and loads its libraries from it';

/** Decides by a real trial: only running in the sandbox shows that this kernel and this user may. */
export async function chooseSandbox(plan: SandboxPlan, places: readonly string[]): Promise<Sandbox> {
  const program = places.find((path) => existsSync(path));
  if (program === undefined) {
    const detail = `bubblewrap is not installed (looked for ${places.join(', ')}); ${CONSEQUENCE}`;
    return { kind: 'process', warning: { code: 'sandbox_missing', detail } };
  }
  const refusal = await trial(program, plan);
  if (refusal === null) return { kind: 'bubblewrap', program };
  const detail = `bubblewrap was refused (${refusal}); ${CONSEQUENCE}`;
  return { kind: 'process', warning: { code: 'sandbox_refused', detail } };
}

/** The same trial where there is no image yet, around node alone: for whoever asks before anything is made. */
export async function trySandbox(node: string, places: readonly string[]): Promise<Sandbox> {
  const helper = nativeFile('confine');
  // A folder that is there already, in place of those that worker and outside share: nothing in it is touched.
  const folder = dirname(helper);
  const app = [{ path: `${sandboxPaths.app}/confine`, source: helper, mode: 0o555 }] as const;
  const plan = { commandLine: [], boot: await bootFiles(node, []), app };
  return chooseSandbox({ image: { plan }, link: folder, attester: folder, private: folder }, places);
}

/** With everything that the worker will have around it, the call filter included. Null where it went well. */
async function trial(program: string, plan: SandboxPlan): Promise<string | null> {
  const args = [...confinement(plan), '--', sandboxPaths.node, '--version'];
  const child = withOpenFile(nativeFile('sandbox.bpf'), ([filter]) =>
    spawn(program, args, { env: {}, timeout: TRIAL_MILLISECONDS, stdio: ['ignore', 'ignore', 'pipe', filter] }),
  );
  try {
    const ended = once(child, 'close');
    const said = await text(child.stderr as Readable);
    await ended;
    return child.exitCode === 0 ? null : `code ${child.exitCode}: ${said.trim()}`;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface SandboxCommand extends Command {
  /** To be open as descriptor 3. */
  readonly file: string | null;
}

/** The worker's launcher in its sandbox. It is to be started with an empty environment. */
export function sandboxCommand(sandbox: Sandbox, plan: SandboxPlan): SandboxCommand {
  const { commandLine } = plan.image.plan;
  if (sandbox.kind === 'bubblewrap') {
    const args = [...confinement(plan), '--', ...commandLine];
    return { command: sandbox.program, args, file: nativeFile('sandbox.bpf') };
  }
  const [command, ...args] = commandLine.map((argument) => outsideArgument(argument, plan));
  return { ...dyingWithParent({ command: command as string, args }), file: null };
}

function confinement(plan: SandboxPlan): readonly string[] {
  const { boot, app } = plan.image.plan;
  return [
    // User, pid, network, ipc, uts and cgroup namespaces of its own: no interface but a loopback without an address.
    '--unshare-all',
    '--die-with-parent',
    // A new session: no controlling terminal into which the worker could type (TIOCSTI).
    '--new-session',
    ...['--cap-drop', 'ALL'],
    ...['--uid', '65534', '--gid', '65534'],
    ...['--hostname', 'enclave'],
    '--clearenv',
    // A filter on system calls, as a program on descriptor 3 (enclave/native/sandbox-filter.ts).
    ...['--seccomp', '3'],
    ...[...boot, ...app].flatMap(({ source, path }) => ['--ro-bind', source, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--remount-ro', '/dev'],
    ...['--tmpfs', '/tmp'],
    ...['--perms', '0700', '--tmpfs', sandboxPaths.private],
    ...['--bind', plan.link, sandboxPaths.link],
    ...['--ro-bind', plan.attester, sandboxPaths.attester],
    // The root is bubblewrap's own tmpfs and writable until here.
    ...['--remount-ro', '/'],
    ...['--chdir', sandboxPaths.app],
  ];
}

/** Without a sandbox there is nothing that gives files other names: arguments are translated instead. */
function outsideArgument(argument: string, plan: SandboxPlan): string {
  const [, kind, path] = /^([a-z-]+:)(\/.*)$/.exec(argument) ?? [];
  return kind === undefined || path === undefined ? outsidePath(argument, plan) : kind + outsidePath(path, plan);
}

function outsidePath(argument: string, plan: SandboxPlan): string {
  if (!argument.startsWith('/')) return argument;
  const { boot, app } = plan.image.plan;
  const file = [...boot, ...app].find(({ path }) => path === argument);
  if (file !== undefined) return file.source;
  for (const [inside, outside] of [
    [sandboxPaths.link, plan.link],
    [sandboxPaths.attester, plan.attester],
    [sandboxPaths.private, plan.private],
  ] as const) {
    if (argument === inside) return outside;
    if (argument.startsWith(`${inside}/`)) return outside + argument.slice(inside.length);
  }
  throw new SimulatorError('argument_invalid', `${argument} exists in the sandbox only`);
}
