import { sep } from 'node:path';

/**
 * How far a model process is set apart, best first (DESIGN section 7):
 *   own-users        inside an image, where the launcher is root: a user, and namespaces, for each process
 *   user-namespaces  without any privilege: a user namespace, and in it the same namespaces
 *   filter-only      where the kernel refuses those: no capabilities, limits and the system call filter, which alone
 *                    leaves no way to a file, a socket or another process; only beside a simulator, and with a warning
 */
export type Separation = 'own-users' | 'user-namespaces' | 'filter-only';

export interface Confiner {
  /** The helper, enclave/native/confine.c. */
  readonly program: string;
  /** The process that everything started by it dies with. */
  readonly parent: number;
  readonly separation: Separation;
  /** Directories that model processes find empty: the link, the attestation device, each other's sockets. */
  readonly hidden: readonly string[];
}

/** Users of an image, which has no other than root. */
export const WORKER_USER = 500;
const FIRST_MODEL_USER = 1_000;

/** `slot` tells model processes apart that are alive at once. */
export function confinedModel(confiner: Confiner, slot: number, command: readonly string[]): readonly string[] {
  const { separation, parent, hidden } = confiner;
  const namespaces: Readonly<Record<Separation, readonly string[]>> = {
    'own-users': ['--namespaces', 'root', '--id', String(FIRST_MODEL_USER + slot)],
    'user-namespaces': ['--namespaces', 'user'],
    'filter-only': [],
  };
  const covers = separation === 'filter-only' ? [] : hidden.flatMap((path) => ['--cover', path]);
  return ['--parent', String(parent), ...namespaces[separation], ...covers, '--', ...command];
}

/** The worker stays in the launcher's namespaces, where its sockets are. `user` null keeps the launcher's. */
export function confinedWorker(
  { parent }: Confiner,
  user: number | null,
  command: readonly string[],
): readonly string[] {
  return ['--parent', String(parent), ...(user === null ? [] : ['--id', String(user)]), '--', ...command];
}

/** Nothing that a model process needs for its start may be hidden from it: `needed` are its files. */
export function hidable(directories: readonly string[], needed: readonly string[]): readonly string[] {
  const holds = (directory: string): boolean =>
    needed.some((file) => file.startsWith(directory.endsWith(sep) ? directory : directory + sep));
  return [...new Set(directories)].filter((directory) => !holds(directory));
}
