import { join } from 'node:path';
import {
  clientSuite,
  type LevelsPolicy,
  type OpenProgram,
  type OpenProver,
  type Reach,
  reachAuditors,
} from '../../client/index.ts';
import { evaluate } from '../../contracts/integer/evaluate.ts';
import { equalBytes, fromHex } from '../../wire/bytes.ts';
import { auditorAt } from '../auditor/named.ts';
import { CommandError } from '../exit-codes.ts';
import { openIntegerRelease } from '../prove/integer-release.ts';
import { ReadError } from '../prove/read-error.ts';

/** With what a person's own machine brings an answer to a level. */
export interface ReachOptions {
  readonly policy: LevelsPolicy;
  /** `URL=KEY` each. */
  readonly auditors: readonly string[];
  /** A release in a folder: the model that is computed again, and the circuit that proofs are made with. */
  readonly release: string | undefined;
}

/** An auditor computes the model before it answers. */
const TIMEOUT_MS = 120_000;
const KEY_NAME = 'circuit.key';

export function reachOf({ policy, auditors, release }: ReachOptions): Reach {
  const asked = auditors.map((word) => auditorAt(word, '--auditor', TIMEOUT_MS));
  return {
    policy,
    replayed: asked.length === 0 ? 'none' : reachAuditors(asked, clientSuite),
    recomputed:
      release === undefined ? 'none' : { by: 'this-machine', open: ({ modelId }) => programIn(release, modelId) },
    proved: release === undefined ? 'none' : { open: ({ modelId }) => proverIn(release, modelId) },
  };
}

async function programIn(directory: string, modelId: Uint8Array): Promise<OpenProgram> {
  const { program } = await named(directory, modelId);
  return {
    where: 'the integer program of the release, on this machine',
    compute: async ([values = []]) => [evaluate(program, values)],
  };
}

async function proverIn(directory: string, modelId: Uint8Array): Promise<OpenProver | 'unavailable'> {
  const { manifest } = await named(directory, modelId);
  const path = manifest.files.map((file) => file.path).find((name) => name.split('/').at(-1) === KEY_NAME);
  if (path === undefined) return 'unavailable';
  const [{ readCircuitFile, readProver }, { proveRow }] = await Promise.all([
    import('../circuit/folder.ts'),
    import('../circuit/prove.ts'),
  ]);
  const files = await readProver(join(directory, path, '..'));
  return {
    circuitKey: await readCircuitFile(join(directory, path)),
    async prove({ salt, inputs: [input = []], outputs: [output = []] }) {
      // The point zero: whoever sees the proof learns nothing of the values.
      const { file } = await proveRow(files, { salt, input, output }, 0n);
      return file;
    },
  };
}

async function named(directory: string, modelId: Uint8Array): Promise<Awaited<ReturnType<typeof openIntegerRelease>>> {
  try {
    const release = await openIntegerRelease(directory);
    if (equalBytes(fromHex(release.modelId, 32), modelId)) return release;
    throw new CommandError(`${directory} is the release ${release.modelId}, and another one was asked`);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw new CommandError(`${directory}: ${error.message}`, { cause: error });
  }
}
