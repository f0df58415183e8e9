import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { type Bench, BenchError, createReport } from './report.ts';

/**
 * `npx tsx test/bench/run.ts [NAME...]` runs `NAME.bench.ts` of this folder, or all of them, and writes their numbers:
 * what serving, models, clients, logs and levels have to reach into baseline.json, everything else into results.json.
 */
const HERE = import.meta.dirname;
const RESULTS = 'results.json';
const BASELINE = 'baseline.json';
const IN_BASELINE = /^(serving|lm|journal|log|spectrum)\.|^client\.call_us$/;

type Numbers = Readonly<Record<string, number>>;

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

/** What was measured before on a machine like this one; numbers of two machines are not put into one file. */
function earlier(file: string, meta: ReturnType<typeof machine>): Numbers {
  const path = join(HERE, file);
  if (!existsSync(path)) return {};
  const { meta: then, ...numbers } = JSON.parse(readFileSync(path, 'utf8')) as Numbers & {
    readonly meta: ReturnType<typeof machine>;
  };
  const { load: _, ...same } = then;
  return isDeepStrictEqual(same, meta) ? numbers : {};
}

function write(file: string, numbers: Numbers, meta: ReturnType<typeof machine>): void {
  const sorted = Object.fromEntries(Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1)));
  // How busy the machine was at the end: above its cores, ratios are good to a factor and times to nothing.
  const load = loadavg()[0]?.toFixed(1) ?? 'unknown';
  writeFileSync(join(HERE, file), `${JSON.stringify({ meta: { ...meta, load }, ...sorted }, null, 2)}\n`);
  console.log(`${Object.keys(numbers).length} numbers in test/bench/${file}`);
}

const { report, numbers } = createReport();
const wanted = process.argv.slice(2).map((name) => `${name}.bench.ts`);
const all = readdirSync(HERE).filter((file) => file.endsWith('.bench.ts'));
for (const name of wanted) if (!all.includes(name)) throw new BenchError('bench_invalid', `there is no ${name}`);
for (const file of (wanted.length === 0 ? all : wanted).sort()) {
  console.log(file);
  const before = numbers.size;
  const bench = await loadBench(file);
  await bench.run(report);
  for (const [key, value] of [...numbers].slice(before)) console.log(`  ${key} ${value}`);
}
const meta = machine();
for (const file of [RESULTS, BASELINE]) {
  const measured = Object.fromEntries([...numbers].filter(([key]) => IN_BASELINE.test(key) === (file === BASELINE)));
  if (wanted.length > 0 && Object.keys(measured).length === 0) continue;
  write(file, { ...(wanted.length === 0 ? {} : earlier(file, meta)), ...measured }, meta);
}
