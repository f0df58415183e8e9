import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './steps.ts';

interface Forbidden {
  readonly rule: string;
  readonly from: string;
  readonly imports: string;
}

/** One import that each rule of .dependency-cruiser.cjs must refuse. */
const FORBIDDEN: readonly Forbidden[] = [
  { rule: 'resolvable', from: 'wire/lost.ts', imports: './nowhere.ts' },
  { rule: 'wire-imports', from: 'wire/reads-files.ts', imports: 'node:fs' },
  { rule: 'wire-imports', from: 'wire/looks-up.ts', imports: '../verifier/index.ts' },
  { rule: 'wire-imports', from: 'wire/hashes.ts', imports: '@noble/curves' },
  { rule: 'wire-cbor-without-eval', from: 'wire/evaluates.ts', imports: 'cbor-x' },
  { rule: 'verifier-imports', from: 'verifier/hashes.ts', imports: 'node:crypto' },
  { rule: 'verifier-imports', from: 'verifier/native.ts', imports: '../wire/crypto/node.ts' },
  { rule: 'verifier-imports', from: 'verifier/asks-host.ts', imports: '../host/index.ts' },
  { rule: 'verifier-imports', from: 'verifier/reads-x509.ts', imports: '@peculiar/x509' },
  { rule: 'browsers-load-it', from: 'wire/index.ts', imports: './crypto/node.ts' },
  { rule: 'client-imports', from: 'client/asks-host.ts', imports: '../host/index.ts' },
  { rule: 'client-imports', from: 'client/simulates.ts', imports: '../enclave/simulator/index.ts' },
  { rule: 'client-imports', from: 'client/reads-files.ts', imports: 'node:fs/promises' },
  { rule: 'client-proofs-imports', from: 'client/proofs/calls.ts', imports: '../session.ts' },
  { rule: 'client-store-imports', from: 'client/payment/file-store.ts', imports: 'node:net' },
  { rule: 'client-node-imports', from: 'client/node/starts.ts', imports: 'node:child_process' },
  { rule: 'browsers-load-the-client', from: 'client/web.ts', imports: '../wire/crypto/node.ts' },
  { rule: 'browsers-load-the-client', from: 'client/audit/index.ts', imports: '../../wire/crypto/node.ts' },
  { rule: 'browsers-load-the-client', from: 'client/proofs/index.ts', imports: '../../wire/crypto/node.ts' },
  { rule: 'worker-imports', from: 'enclave/worker/verifies.ts', imports: '../../verifier/index.ts' },
  { rule: 'worker-imports', from: 'enclave/worker/serves.ts', imports: 'express' },
  { rule: 'worker-imports', from: 'enclave/worker/bundles.ts', imports: './build/bundle.ts' },
  { rule: 'worker-reaches-nothing', from: 'enclave/worker/starts.ts', imports: 'node:child_process' },
  { rule: 'worker-reaches-nothing', from: 'enclave/worker/model/fetches.ts', imports: 'node:https' },
  { rule: 'worker-has-no-threads', from: 'enclave/worker/threads.ts', imports: 'worker_threads' },
  { rule: 'launcher-starts-processes-only', from: 'enclave/worker/launcher.ts', imports: 'node:http' },
  { rule: 'worker-build-imports', from: 'enclave/worker/build/checks.ts', imports: '../../../verifier/index.ts' },
  { rule: 'simulator-imports', from: 'enclave/simulator/peeks.ts', imports: '../worker/index.ts' },
  { rule: 'image-imports', from: 'enclave/image/peeks.ts', imports: '../worker/index.ts' },
  { rule: 'host-imports', from: 'host/signs.ts', imports: '../enclave/simulator/index.ts' },
  { rule: 'host-imports', from: 'host/dials.ts', imports: '../client/index.ts' },
  { rule: 'console-page-imports', from: 'host/console/page/relays.tsx', imports: '../../index.ts' },
  { rule: 'console-page-imports', from: 'host/console/page/serves.ts', imports: 'express' },
  { rule: 'console-page-imports', from: 'host/console/page/connection/dials.ts', imports: 'node:http' },
  { rule: 'browsers-load-the-console', from: 'host/console/page/main.tsx', imports: '../../../client/node/calls.ts' },
  { rule: 'the-page-is-bundled', from: 'host/console/renders.ts', imports: './page/draws.tsx' },
  { rule: 'console-build-imports', from: 'host/console/build/checks.ts', imports: '../../../verifier/index.ts' },
  { rule: 'console-serves-alone', from: 'host/console/relays.ts', imports: '../index.ts' },
  { rule: 'hub-imports', from: 'host/hub/relays.ts', imports: '../index.ts' },
  { rule: 'the-hub-stands-alone', from: 'host/peeks.ts', imports: './hub/index.ts' },
  { rule: 'contract-tools-imports', from: 'contracts/tools/asks-host.ts', imports: '../../host/index.ts' },
  { rule: 'contract-deploy-imports', from: 'contracts/deploy/asks-host.ts', imports: '../../host/index.ts' },
  { rule: 'only-demos-deploy', from: 'host/deploys.ts', imports: '../contracts/deploy/index.ts' },
  { rule: 'prover-imports', from: 'contracts/prover/serves.ts', imports: '../../host/index.ts' },
  { rule: 'integer-imports', from: 'contracts/integer/serves.ts', imports: '../../host/index.ts' },
  { rule: 'circuit-imports', from: 'contracts/circuit/compiles.ts', imports: '../tools/index.ts' },
  { rule: 'nobody-imports-contract-tools', from: 'host/builds.ts', imports: '../contracts/tools/index.ts' },
  { rule: 'nobody-imports-cli', from: 'host/commands.ts', imports: '../cli/index.ts' },
  { rule: 'nobody-imports-tests', from: 'cli/borrows.ts', imports: '../test/index.ts' },
  { rule: 'example-imports', from: 'examples/peeks.ts', imports: '../client/session.ts' },
  { rule: 'example-imports', from: 'examples/serves.ts', imports: '../host/index.ts' },
  { rule: 'nobody-imports-examples', from: 'cli/copies.ts', imports: '../examples/index.ts' },
  { rule: 'attestations-are-data', from: 'attestations/computes.ts', imports: '../wire/index.ts' },
];

const ALLOWED: readonly (readonly [from: string, imports: string])[] = [
  ['wire/hashes-natively.ts', 'node:crypto'],
  ['wire/decodes.ts', 'cbor-x/index-no-eval'],
  ['verifier/reads.ts', '../wire/index.ts'],
  ['verifier/pins.ts', '../attestations/anchors.json'],
  ['client/verifies.ts', '../verifier/index.ts'],
  ['client/node/calls.ts', 'node:http'],
  ['client/proofs/pairs.ts', '@noble/curves'],
  ['enclave/worker/listens.ts', 'node:net'],
  ['enclave/worker/computes.ts', 'onnxruntime-node'],
  ['enclave/worker/build/bundles.ts', 'esbuild'],
  ['enclave/simulator/issues.ts', 'node-forge'],
  ['host/serves.ts', 'express'],
  ['host/keeps.ts', 'lmdb'],
  ['host/console/page/draws.tsx', '../../../verifier/index.ts'],
  ['cli/wires.ts', '../host/index.ts'],
  ['cli/demonstrates.ts', '../contracts/deploy/index.ts'],
  ['host/settles.ts', '../contracts/prover/index.ts'],
  ['contracts/deploy/builds.ts', '../tools/index.ts'],
  ['examples/calls.ts', '../client/index.ts'],
];

const STUBS = [
  '@noble/curves',
  '@peculiar/x509',
  'esbuild',
  'express',
  'lmdb',
  'node-forge',
  'onnxruntime-node',
] as const;

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

const ROOT = resolve(import.meta.dirname, '../..');
let fixture = '';
let violations: readonly Violation[] = [];

function write(path: string, text: string): void {
  const file = join(fixture, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Stubs, because a linked package would resolve outside the fixture. cbor-x keeps its own map of entries. */
function installStubs(): void {
  for (const name of STUBS) write(`node_modules/${name}/index.js`, '');
  const cbor = 'node_modules/cbor-x';
  write(`${cbor}/package.json`, readFileSync(join(ROOT, cbor, 'package.json'), 'utf8'));
  write(`${cbor}/dist/node.cjs`, '');
  write(`${cbor}/dist/index-no-eval.cjs`, '');
}

beforeAll(async () => {
  fixture = mkdtempSync(join(tmpdir(), 'proofmark-boundaries-'));
  installStubs();
  write('tsconfig.json', JSON.stringify({ compilerOptions: { module: 'NodeNext', allowImportingTsExtensions: true } }));
  write('attestations/anchors.json', '{}');
  for (const folder of [
    'wire',
    'verifier',
    'client',
    'enclave/worker',
    'enclave/simulator',
    'host',
    'host/hub',
    'cli',
    'contracts/tools',
    'contracts/deploy',
    'contracts/prover',
    'contracts/integer',
    'test',
    'examples',
  ]) {
    write(`${folder}/index.ts`, 'export const here = 1;\n');
  }
  write('wire/crypto/node.ts', "import 'node:crypto';\n");
  write('client/session.ts', 'export const here = 1;\n');
  write('enclave/worker/build/bundle.ts', 'export const here = 1;\n');
  write('wire/egg.ts', "import './hen.ts';\n");
  write('wire/hen.ts', "import './egg.ts';\n");
  for (const { from, imports } of FORBIDDEN) write(from, `import ${JSON.stringify(imports)};\n`);
  for (const [from, imports] of ALLOWED) write(from, `import ${JSON.stringify(imports)};\n`);
  const folders = [
    'wire',
    'verifier',
    'client',
    'enclave',
    'host',
    'cli',
    'attestations',
    'contracts',
    'test',
    'examples',
  ];
  const result = await runStep({
    name: 'boundaries',
    command: join(ROOT, 'node_modules/.bin/depcruise'),
    args: ['--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json', ...folders],
    cwd: fixture,
  });
  const report = JSON.parse(result.output) as { summary: { violations: readonly Violation[] } };
  violations = report.summary.violations;
});

afterAll(() => rmSync(fixture, { recursive: true, force: true }));

function rulesBrokenBy(from: string): readonly string[] {
  return violations.filter((violation) => violation.from === from).map((violation) => violation.rule.name);
}

describe('import boundaries', () => {
  it.each(FORBIDDEN)('$rule refuses $imports in $from', ({ rule, from }) => {
    expect(rulesBrokenBy(from)).toContain(rule);
  });

  it.each(ALLOWED)('%s may import %s', (from) => {
    expect(rulesBrokenBy(from)).toEqual([]);
  });

  it('no-cycles refuses two files that import each other', () => {
    expect(rulesBrokenBy('wire/egg.ts').concat(rulesBrokenBy('wire/hen.ts'))).toContain('no-cycles');
  });

  it('every rule of the configuration is shown to fire', () => {
    const configuration = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
      readonly forbidden: readonly { readonly name: string }[];
    };
    const fired = new Set(violations.map((violation) => violation.rule.name));
    expect(configuration.forbidden.map((rule) => rule.name).filter((name) => !fired.has(name))).toEqual([]);
  });
});
