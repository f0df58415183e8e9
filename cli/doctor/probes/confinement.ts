import { bubblewrapPlaces } from '../../../enclave/simulator/sandbox.ts';
import { confinedModel } from '../../../enclave/worker/confine/plan.ts';
import { good, type Look, lacking, limited } from '../finding.ts';
import type { Machine } from '../machine.ts';
import type { Probes } from './probe.ts';

/** What the helper says about a call without arguments: it was reached. */
const HELPER_USAGE = 64;
const NEEDED_ACTIONS = ['kill_process', 'errno'] as const;
const PLAIN_PROCESS = 'without one the worker is a plain process, which sees files and network';

async function findSandbox(machine: Machine): Promise<Look> {
  const places = await Promise.all(bubblewrapPlaces.map((path) => machine.entry(path)));
  const program = bubblewrapPlaces[places.findIndex((entry) => entry !== undefined)];
  if (program === undefined) {
    return lacking(`not installed (looked for ${bubblewrapPlaces.join(', ')})`, 'apt-get install bubblewrap');
  }
  const trial = await machine.trySandbox();
  if (trial.works) return good(`${program} makes a sandbox`);
  return lacking(`${program} is there, but: ${trial.why}`, await namespaceAdvice(machine));
}

async function findNamespaces(machine: Machine): Promise<Look> {
  const { confineProgram: program, pid: parent } = machine;
  const confiner = { program, parent, separation: 'user-namespaces', hidden: [] } as const;
  const { code, output } = await machine.run(program, confinedModel(confiner, 0, [program]));
  if (code === HELPER_USAGE) return good('each model process gets namespaces of its own');
  const why = output.trim() === '' ? `code ${code ?? 'none'}` : output.trim();
  return limited(`the kernel refuses them (${why}): models get a call filter only`, await namespaceAdvice(machine));
}

/** Each of these has another name on another distribution, and the same effect. */
async function namespaceAdvice(machine: Machine): Promise<string> {
  const value = async (path: string): Promise<string | undefined> => (await machine.text(path))?.trim();
  if ((await value('/proc/sys/kernel/unprivileged_userns_clone')) === '0') {
    return 'sysctl kernel.unprivileged_userns_clone=1';
  }
  if ((await value('/proc/sys/user/max_user_namespaces')) === '0') {
    return 'raise user.max_user_namespaces with sysctl: it is 0';
  }
  if ((await value('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    return 'give the program an AppArmor profile that allows user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)';
  }
  return 'in a container: allow user namespaces and new mounts in it; else ask the administrator of this machine';
}

export const confinementProbes: Probes<'bubblewrap' | 'libraries' | 'namespaces' | 'system-call-filter' | 'setpriv'> = {
  bubblewrap: {
    title: 'bubblewrap',
    means: `the sandbox of the simulated enclave; ${PLAIN_PROCESS}`,
    look: findSandbox,
  },
  libraries: {
    title: 'ldd',
    means: 'tells which libraries Node.js loads: they are part of the measured image of the simulated enclave',
    look: async (machine) => {
      const program = await machine.which('ldd');
      if (program === undefined)
        return lacking('not installed', 'install the tools of the C library: apt-get install libc-bin');
      const { code, output } = await machine.run(program, [machine.nodeProgram]);
      if (code === 0 && !output.includes('not found')) return good('tells the libraries of Node.js');
      return lacking(
        'does not tell all libraries of Node.js',
        'run Node.js from an official build, linked dynamically',
      );
    },
  },
  namespaces: {
    title: 'user namespaces',
    means: 'set model processes apart from worker, files and each other',
    look: findNamespaces,
  },
  'system-call-filter': {
    title: 'seccomp',
    means: 'worker and model processes leave themselves only the system calls that they need; none starts without it',
    look: async (machine) => {
      const actions = (await machine.text('/proc/sys/kernel/seccomp/actions_avail'))?.trim().split(/\s+/) ?? [];
      const missing = NEEDED_ACTIONS.filter((action) => !actions.includes(action));
      if (missing.length === 0) return good('the kernel filters system calls');
      return lacking(
        `the kernel does not offer ${missing.join(' and ')}`,
        'use a kernel with CONFIG_SECCOMP_FILTER, 4.14 or later',
      );
    },
  },
  setpriv: {
    title: 'setpriv',
    means: 'has the kernel end workers with the program that started them, also where that is killed',
    look: async (machine) => {
      const program = (await machine.entry('/usr/bin/setpriv')) ?? (await machine.entry('/bin/setpriv'));
      if (program !== undefined) return good('installed');
      return limited('not installed: processes may outlive a program that is killed', 'apt-get install util-linux');
    },
  },
};
