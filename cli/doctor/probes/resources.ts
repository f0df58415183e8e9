import { dirname, join } from 'node:path';
import { SOCKET_PATH_BYTES, workerSocketPath } from '../../../enclave/simulator/supervisor.ts';
import { HOST_PORT, HUB_PORT } from '../../stack/port.ts';
import { good, type Look, lacking, limited } from '../finding.ts';
import type { Machine } from '../machine.ts';
import type { Probe, Probes } from './probe.ts';

const MIB = 1_048_576;
/** Signer, worker, host, and a model of a few megabytes have about 500 MB together; a machine gets 1 GiB. */
const MEMORY_MIB = { least: 384, enough: 1_536 } as const;
/** A run copies Node.js and the engine into its image: 150 MB. */
const SCRATCH_MIB = { least: 256, enough: 1_024 } as const;
/** Inputs of images are 300 MB; journals and releases grow. */
const DISK_MIB = { least: 128, enough: 2_048 } as const;
/** What a host admits, and some for its files (wire/limits.ts, hostConnections). */
const OPEN_FILES = 4_352;
const PRIVATE = 0o077;
/** Nobody's hardware is older than this program, and no certificate of today is valid beyond. */
const YEARS = { first: 2_025, last: 2_100 } as const;

const mebibytes = (bytes: number): string => `${Math.floor(bytes / MIB).toLocaleString('en')} MiB free`;

function room(bytes: number, bounds: { readonly least: number; readonly enough: number }, todo: string): Look {
  const found = mebibytes(bytes);
  if (bytes < bounds.least * MIB) return lacking(`${found}; at least ${bounds.least} MiB are needed`, todo);
  return bytes < bounds.enough * MIB ? limited(`${found}: little`, todo) : good(found);
}

function portProbe(port: number, who: string): Probe {
  return {
    title: `port ${port}`,
    means: `where ${who} listens on loopback, unless it is told another port`,
    look: async (machine) => {
      if ((await machine.port(port)) === 'free') return good('free');
      return limited('taken', `end what listens there, or choose another port`);
    },
  };
}

/** The kernel takes no longer path for a socket, wherever it is. */
const isTooLong = (folder: string): boolean => Buffer.byteLength(workerSocketPath(folder)) > SOCKET_PATH_BYTES;

/** What is made later is made in the nearest folder that there is. */
async function nearestFolder(machine: Machine, folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if ((await machine.entry(at)) !== undefined || dirname(at) === at) return at;
  }
}

async function findState(machine: Machine): Promise<Look> {
  const { stateFolder: folder, user } = machine;
  if (isTooLong(folder))
    return lacking(`the path of ${folder} is too long for a socket in it`, 'set XDG_STATE_HOME to a shorter one');
  const entry = await machine.entry(folder);
  if (entry === undefined) {
    const above = await nearestFolder(machine, folder);
    if (await machine.allows(above, 'write')) return good(`${folder} will be made`);
    return lacking(
      `${folder} cannot be made: ${above} is not writable`,
      'name another one with --state or XDG_STATE_HOME',
    );
  }
  if (entry.kind !== 'directory') return lacking(`${folder} is no folder`, 'move it away, or set XDG_STATE_HOME');
  if (!(await machine.allows(folder, 'write')))
    return lacking(`${folder} is not writable`, `chown it, or set XDG_STATE_HOME`);
  if (user !== undefined && entry.owner !== user) {
    return limited(`${folder} belongs to user ${entry.owner}, not to ${user}`, 'chown it: its keys are for one user');
  }
  if ((entry.mode & PRIVATE) !== 0) return limited(`${folder} is open to other users`, `chmod 700 ${folder}`);
  return good(`${folder}, writable and private`);
}

async function softLimit(machine: Machine, name: string): Promise<number> {
  const text = (await machine.text('/proc/self/limits')) ?? '';
  const line = text.split('\n').find((each) => each.startsWith(name));
  const word = line?.slice(name.length).trim().split(/\s+/)[0];
  if (word === 'unlimited') return Number.POSITIVE_INFINITY;
  return word !== undefined && /^\d+$/.test(word) ? Number(word) : Number.NaN;
}

export const resourceProbes: Probes<
  'memory' | 'scratch' | 'state' | 'disk' | 'port-host' | 'port-hub' | 'open-files' | 'locked-memory' | 'clock'
> = {
  memory: {
    title: 'memory',
    means: 'signer, worker, host and models run beside each other',
    look: async (machine) =>
      room(await machine.freeMemoryBytes(), MEMORY_MIB, 'end other programs, or take a larger machine'),
  },
  scratch: {
    title: 'temporary folder',
    means: 'the demo lives there, with a private copy of what it measures',
    look: async (machine) => {
      const { scratchFolder: folder } = machine;
      if (!(await machine.allows(folder, 'write')))
        return lacking(`${folder} is not writable`, 'set TMPDIR to a folder that is');
      if (isTooLong(join(folder, 'proofmark-000000'))) {
        return lacking(`the path of ${folder} is too long for a socket in it`, 'set TMPDIR to a shorter one');
      }
      return room(await machine.freeBytes(folder), SCRATCH_MIB, `make room in ${folder}, or set TMPDIR`);
    },
  },
  state: {
    title: 'state folder',
    means: 'keys of the simulated root, journals, what hubs said before',
    look: findState,
  },
  disk: {
    title: 'disk of the state folder',
    means: 'journals and releases grow there',
    look: async (machine) => {
      const folder = await nearestFolder(machine, machine.stateFolder);
      return room(await machine.freeBytes(folder), DISK_MIB, 'make room, or set XDG_STATE_HOME to another disk');
    },
  },
  'port-host': portProbe(HOST_PORT, 'the host of proofmark up'),
  'port-hub': portProbe(HUB_PORT, 'the packaged service of a hub'),
  'open-files': {
    title: 'open files',
    means: 'each connection of a host or a hub is one',
    look: async (machine) => {
      const count = await softLimit(machine, 'Max open files');
      if (Number.isNaN(count))
        return limited('the system does not tell its limit', `see that it is ${OPEN_FILES} or more`);
      const found = count === Number.POSITIVE_INFINITY ? 'no limit' : `${count.toLocaleString('en')} at most`;
      return count >= OPEN_FILES
        ? good(found)
        : limited(found, `ulimit -n ${OPEN_FILES}, or LimitNOFILE in the service`);
    },
  },
  'locked-memory': {
    title: 'locked memory',
    means: 'the memory of a SEV-SNP guest is locked by its host; nothing else here needs it',
    look: async (machine) => {
      const bytes = await softLimit(machine, 'Max locked memory');
      if (bytes === Number.POSITIVE_INFINITY) return good('no limit');
      const found = Number.isNaN(bytes)
        ? 'the system does not tell its limit'
        : `${Math.floor(bytes / MIB)} MiB at most`;
      return limited(found, 'nothing, or LimitMEMLOCK=infinity as in deploy/snp/proofmark-worker.service');
    },
  },
  clock: {
    title: 'clock',
    means: 'whether certificates and evidence are fresh is judged by it',
    look: async ({ now }) => {
      const date = new Date(now);
      const year = date.getUTCFullYear();
      if (year >= YEARS.first && year <= YEARS.last) return good(date.toISOString());
      const found = Number.isNaN(year) ? 'tells no time' : `tells the year ${year}`;
      return lacking(found, 'set it: timedatectl set-ntp true');
    },
  },
};
