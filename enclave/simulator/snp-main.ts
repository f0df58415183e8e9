import { parseArgs } from 'node:util';
import { fromHex } from '../../wire/bytes.ts';
import { serveDevice } from './device-server.ts';
import { SimulatorError } from './errors.ts';
import { systemChance } from './signing.ts';
import { makeSnpAuthority } from './snp/authority.ts';
import { createFirmware } from './snp/firmware.ts';
import { type Product, products, profiles, type SignerKind } from './snp/product.ts';
import { issueRevocationList } from './snp/revocation.ts';
import { openSnpRoot } from './snp/root.ts';
import { encodeCertificateTable } from './snp/table.ts';

/**
 * The simulated firmware's process, and the owner of the machine that it is in. It alone holds the keys of the
 * simulated authorities; the supervisor tells it what it measured, and the worker reaches it by one socket. It says
 * "ready" once it listens, and ends with its worker or its supervisor.
 */

const YEAR_MS = 365 * 24 * 3_600_000;
/** A request has 96 bytes; a longer one is answered, with a refusal. */
const REQUEST_BYTES = 4_096;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  strict: true,
  options: {
    socket: text,
    state: text,
    product: text,
    signer: text,
    chip: text,
    measurement: text,
    'report-version': text,
  },
});

function argument(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new SimulatorError('argument_invalid', `--${name} is missing`);
  return value;
}

function oneOf<const T extends readonly string[]>(name: keyof typeof values, known: T): T[number] {
  const value = argument(name);
  const found = known.find((word) => word === value);
  if (found === undefined) throw new SimulatorError('argument_invalid', `--${name} is one of ${known.join(', ')}`);
  return found;
}

const now = Date.now();
const product: Product = oneOf('product', products);
const signer: SignerKind = oneOf('signer', ['vcek', 'vlek']);
const root = await openSnpRoot(argument('state'), { product, now });
const authority = makeSnpAuthority({
  root,
  signer,
  now,
  chance: systemChance,
  chipId: fromHex(argument('chip'), profiles[product].chipIdBytes),
});
const revocationList = issueRevocationList({
  root,
  thisUpdate: now,
  nextUpdate: now + YEAR_MS,
  number: 1,
  revoked: [],
  chance: systemChance,
});
const [leaf, intermediate, ark] = authority.certificates;
const server = await serveDevice({
  socketPath: argument('socket'),
  maxRequestBytes: REQUEST_BYTES,
  respond: createFirmware({
    authority,
    measurement: fromHex(argument('measurement'), 48),
    reportVersion: oneOf('report-version', ['3', '5']) === '3' ? 3 : 5,
    vmpl: 0,
    certificateTable: encodeCertificateTable([
      { kind: signer, content: leaf },
      { kind: 'ask', content: intermediate },
      { kind: 'ark', content: ark },
      { kind: 'revocationList', content: revocationList },
    ]),
  }),
});
process.stdout.write('ready\n');
// The supervisor holds the other end for as long as it lives.
process.stdin.on('end', () => server.close()).resume();
await server.finished;
process.exit(0);
