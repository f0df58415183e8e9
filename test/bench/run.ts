import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Bench, BenchError, createReport } from './report.ts';

const HERE = import.meta.dirname;
const RESULTS = join(HERE, 'results.json');

/** Numbers without the machine they were taken on say nothing. */
function machine(): Readonly<Record<string, string>> {
  const processors = cpus();
  const { version, dependencies, devDependencies } = JSON.parse(
    readFileSync(join(HERE, '../../package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>> & { version: string };
  const packages = { ...dependencies, ...devDependencies };
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: String(processors.length),
    memory_gib: String(Math.round(totalmem() / 2 ** 30)),
    kernel: release(),
    arch: process.arch,
    node: process.versions.node,
    openssl: process.versions.openssl,
    proofmark: version,
    'cbor-x': packages['cbor-x'] ?? 'unknown',
    'onnxruntime-node': packages['onnxruntime-node'] ?? 'unknown',
    lmdb: packages['lmdb'] ?? 'unknown',
  };
}

async function loadBench(file: string): Promise<Bench> {
  const loaded = (await import(pathToFileURL(join(HERE, file)).href)) as Partial<Bench>;
  if (typeof loaded.run !== 'function') throw new BenchError('bench_invalid', `${file} exports no run`);
  return { run: loaded.run };
}

const { report, numbers } = createReport();
const files = readdirSync(HERE).filter((file) => file.endsWith('.bench.ts'));
for (const file of files.sort()) {
  console.log(file);
  const before = numbers.size;
  const bench = await loadBench(file);
  await bench.run(report);
  for (const [key, value] of [...numbers].slice(before)) console.log(`  ${key} ${value}`);
}
const sorted = Object.fromEntries([...numbers].sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(RESULTS, `${JSON.stringify({ meta: machine(), ...sorted }, null, 2)}\n`);
console.log(`${numbers.size} numbers from ${files.length} benches in test/bench/results.json`);
