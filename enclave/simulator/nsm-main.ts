import { parseArgs } from 'node:util';
import { fromHex } from '../../wire/bytes.ts';
import { makeAuthority } from './authority.ts';
import { SimulatorError } from './errors.ts';
import { createNsm } from './nsm.ts';
import { serveNsm } from './nsm-server.ts';
import { openRoot } from './root.ts';
import { systemChance } from './signing.ts';

/**
 * The signer's process. It alone holds the simulated authority's keys; the supervisor tells it what it measured, and
 * the worker reaches it by one socket. It says "ready" once it listens, and ends with its worker or its supervisor.
 */

const { values } = parseArgs({
  strict: true,
  options: {
    socket: { type: 'string' },
    state: { type: 'string' },
    instance: { type: 'string' },
    enclave: { type: 'string' },
    encoding: { type: 'string' },
    pcr0: { type: 'string' },
    pcr1: { type: 'string' },
    pcr2: { type: 'string' },
    pcr3: { type: 'string' },
    pcr4: { type: 'string' },
  },
});

function argument(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new SimulatorError('argument_invalid', `--${name} is missing`);
  return value;
}

function encodingArgument(): 'definite' | 'indefinite' {
  const encoding = argument('encoding');
  if (encoding === 'definite' || encoding === 'indefinite') return encoding;
  throw new SimulatorError('argument_invalid', '--encoding is definite or indefinite');
}

const root = await openRoot(argument('state'), { now: Date.now() });
const nsm = createNsm({
  authority: makeAuthority({
    root,
    instanceId: argument('instance'),
    enclaveId: fromHex(argument('enclave'), 8),
    chance: systemChance,
  }),
  registers: {
    pcr0: fromHex(argument('pcr0'), 48),
    pcr1: fromHex(argument('pcr1'), 48),
    pcr2: fromHex(argument('pcr2'), 48),
    pcr3: fromHex(argument('pcr3'), 48),
    pcr4: fromHex(argument('pcr4'), 48),
  },
  clock: Date.now,
  chance: systemChance,
  encoding: encodingArgument(),
});
const server = await serveNsm({ socketPath: argument('socket'), nsm });
process.stdout.write('ready\n');
// The supervisor holds the other end for as long as it lives.
process.stdin.on('end', () => server.close()).resume();
await server.finished;
process.exit(0);
