import { good, lacking, limited } from '../finding.ts';
import type { Machine } from '../machine.ts';
import { satisfies } from '../versions.ts';
import type { Probe, Probes } from './probe.ts';

type PackageFinding = 'express' | 'lmdb' | 'node-forge' | 'onnxruntime-node' | 'viem' | 'aws-kms';

function packageProbe(name: string, means: string): Probe {
  return {
    title: name,
    means,
    look: async (machine) => {
      const range = (await machine.manifest()).peers[name];
      const version = await machine.packageVersion(name);
      const install = `npm install ${name}${range === undefined ? '' : `@"${range}"`}`;
      if (version === undefined) return lacking('not installed', install);
      if (range !== undefined && satisfies(version, range)) return good(version);
      return limited(
        `${version}, where ${range ?? 'no version'} is asked for`,
        `${install}, the version that is tested`,
      );
    },
  };
}

/** What makes the worker's program of a checkout, and what of others is in it. */
const BUNDLED_BY = ['esbuild', '@huggingface/jinja', '@huggingface/tokenizers'] as const;

async function missingPackages(machine: Machine, names: readonly string[]): Promise<readonly string[]> {
  const versions = await Promise.all(names.map((name) => machine.packageVersion(name)));
  return names.filter((_, at) => versions[at] === undefined);
}

async function loadEngine(machine: Machine): ReturnType<Probe['look']> {
  const file = await machine.engineFile();
  if (file === undefined) {
    return lacking(
      `no engine for ${machine.platform} ${machine.architecture}`,
      'install onnxruntime-node on a machine that it has an engine for: Linux on x64',
    );
  }
  // In a process of its own: what crashes while it is loaded takes nobody with it.
  const { code, output } = await machine.run(machine.nodeProgram, [
    '-e',
    'process.dlopen({ exports: {} }, process.argv[1])',
    file,
  ]);
  if (code === 0) return good('its native code loads');
  const said = output.split('\n').find((line) => line.startsWith('Error:')) ?? `code ${code ?? 'none: it was killed'}`;
  return lacking(`its native code does not load (${said})`, 'install what it names, or onnxruntime-node again');
}

export const programProbes: Probes<'node' | 'platform' | 'checkout' | 'worker' | 'engine' | PackageFinding> = {
  node: {
    title: 'Node.js',
    means: 'everything here runs on it',
    look: async (machine) => {
      const { node } = await machine.manifest();
      const found = `${machine.nodeVersion} (${node} is asked for)`;
      return satisfies(machine.nodeVersion, node) ? good(found) : lacking(found, `install Node.js ${node}`);
    },
  },
  platform: {
    title: 'platform',
    means: 'workers, sandboxes and images are for Linux on x64; auditing and asking work wherever Node.js does',
    look: async ({ platform, architecture }) => {
      const found = `${platform} ${architecture}`;
      if (platform === 'linux' && architecture === 'x64') return good(found);
      return lacking(found, 'run workers on a Linux machine with an x64 processor, or in a virtual one');
    },
  },
  checkout: {
    title: 'sources',
    means: 'images are built, and a chain is started, from a checkout with its development packages',
    look: async (machine) => {
      if (machine.form === 'package') {
        return lacking('an installed package', 'clone the repository, and run npm ci in it');
      }
      const missing = await missingPackages(machine, BUNDLED_BY);
      return missing.length === 0
        ? good('a checkout with its development packages')
        : lacking(`a checkout without ${missing.join(' and ')}`, 'run npm ci');
    },
  },
  worker: {
    title: "the worker's program",
    means: 'what runs in the enclave, with our own native code; a checkout bundles it each time',
    look: async (machine) => {
      const entries = await Promise.all(machine.workerFiles.map((path) => machine.entry(path)));
      const absent = machine.workerFiles.filter((_, at) => entries[at] === undefined);
      if (absent.length > 0) return lacking(`not there: ${absent.join(', ')}`, 'install the package, or clone, again');
      const missing = machine.form === 'checkout' ? await missingPackages(machine, BUNDLED_BY) : [];
      return missing.length === 0
        ? good('all of its files are there')
        : lacking(`it cannot be bundled without ${missing.join(' and ')}`, 'run npm ci');
    },
  },
  express: packageProbe('express', 'the host serves HTTP with it'),
  lmdb: packageProbe('lmdb', "the host's journal is kept in it"),
  'node-forge': packageProbe('node-forge', 'the simulator makes its certificates with it'),
  'onnxruntime-node': packageProbe('onnxruntime-node', 'the engine that runs models'),
  engine: { title: 'engine', means: 'whether models can run on this processor and system', look: loadEngine },
  viem: packageProbe('viem', 'what talks to a chain: registering workers, settling, listing models'),
  'aws-kms': packageProbe('@aws-sdk/client-kms', 'releases that only certain workers can decrypt'),
};
