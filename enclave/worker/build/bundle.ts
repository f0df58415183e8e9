import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildResult, build, type Metafile, type Plugin } from 'esbuild';

/**
 * Builds the measured program: one JavaScript file, and beside it the engine's native code and our own. The bytes depend
 * on the sources and the lockfile only - not on where, when or by whom they are built. Nothing in
 * this folder is part of what it builds.
 */
export interface WorkerBuild {
  readonly files: readonly BuiltFile[];
  /** Source files that went into the program, relative to the root. */
  readonly inputs: readonly string[];
}

export interface BuiltFile {
  readonly path: string;
  readonly sha256: string;
}

export interface WorkerClosure {
  readonly ownFiles: readonly OwnFile[];
  readonly packages: readonly string[];
  readonly native: readonly string[];
}

export interface OwnFile {
  readonly path: string;
  /** Of its source, with comments and types. */
  readonly sourceLines: number;
  /** Of code that it leaves in the measured program: without comments, types, blanks and what nothing uses. */
  readonly programLines: number;
}

export interface BuildOptions {
  /** The repository or an installed copy of it: sources and node_modules. */
  readonly root: string;
  readonly outDir: string;
  /** Another program over the same parts, for tests. */
  readonly entry?: string;
}

const ENTRY = 'enclave/worker/main.ts';
const PROGRAM = 'worker.mjs';
const BINDING = 'onnxruntime_binding.node';
/** The binding finds the library beside itself: its RUNPATH is $ORIGIN. */
const ENGINE = [BINDING, 'libonnxruntime.so.1'] as const;
const GUARD = 'guard.node';
/** Where our own native code lies, built and committed; for this architecture only. */
const PREBUILT = 'native/prebuilt/linux-x64';
/** Packages in the bundle are CommonJS and call `require`, which a module has to make for itself. */
const BANNER = [
  '// Proofmark worker: launcher, worker and model process in one measured file.',
  "import { createRequire } from 'node:module';",
  'const require = createRequire(import.meta.url);',
].join('\n');

export async function buildWorker(options: BuildOptions): Promise<WorkerBuild> {
  const result = await bundle(options.root, options.entry ?? ENTRY);
  const program = result.outputFiles[0]?.contents as Uint8Array;
  await mkdir(options.outDir, { recursive: true });
  await writeFile(join(options.outDir, PROGRAM), program);
  const native = nativeFiles(options.root);
  for (const [name, source] of native) await copyFile(source, join(options.outDir, name));
  const files: BuiltFile[] = [];
  for (const path of [PROGRAM, ...native.keys()].sort()) {
    const target = join(options.outDir, path);
    // Modes are measured too: neither the umask nor the package's own modes may show.
    await chmod(target, 0o644);
    files.push({
      path,
      sha256: createHash('sha256')
        .update(await readFile(target))
        .digest('hex'),
    });
  }
  return { files, inputs: Object.keys(result.metafile.inputs).sort() };
}

/**
 * What the program consists of, for the committed list that reviewers compare (DESIGN section 2): every file of which
 * something is in the bundle. Files that are imported and leave nothing behind are not part of what is measured.
 */
export async function workerClosure(options: { readonly root: string }): Promise<WorkerClosure> {
  const { metafile, outputFiles } = await bundle(options.root, ENTRY);
  const program = linesByFile(outputFiles[0]?.text ?? '');
  const contributions = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const inputs = contributions
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path)
    .sort();
  const own = inputs.filter((path) => packageOf(path) === undefined);
  const ownFiles = await Promise.all(
    own.map(async (path) => ({
      path,
      sourceLines: countLines(await readFile(join(options.root, path), 'utf8')),
      programLines: program.get(path) ?? 0,
    })),
  );
  const packages = new Set(inputs.map(packageOf).filter((name) => name !== undefined));
  return { ownFiles, packages: [...packages].sort(), native: [...nativeFiles(options.root).keys()].sort() };
}

type Bundle = BuildResult<{ write: false; metafile: true }> & { readonly metafile: Metafile };

async function bundle(root: string, entry: string): Promise<Bundle> {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: PROGRAM,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    charset: 'utf8',
    legalComments: 'none',
    banner: { js: BANNER },
    // Paths appear as comments in the output: they must not depend on where node_modules really lies.
    preserveSymlinks: true,
    // Said here, so that no tsconfig file in a folder above can change the program.
    tsconfigRaw: { compilerOptions: { target: 'ES2023', verbatimModuleSyntax: true, useDefineForClassFields: true } },
    logLevel: 'silent',
    plugins: [nativeBeside],
  });
}

/**
 * The binding's package picks its native code by a path computed at run time, and our own lies elsewhere in the sources.
 * In the bundle each is a fixed file beside it. The build fails when a line changes, rather than ship a program that looks
 * elsewhere.
 */
const nativeBeside: Plugin = {
  name: 'native-beside',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /onnxruntime-node[\\/]dist[\\/]binding\.js$/ }, async ({ path }) => {
      const parts = (await readFile(path, 'utf8')).split(/require\(`\.\.\/bin\/napi-v6\/[^`]*`\)/);
      if (parts.length !== 2) return { errors: [{ text: 'onnxruntime-node loads its native code in another way' }] };
      return { contents: parts.join(`require('./${BINDING}')`), loader: 'js' };
    });
    onLoad({ filter: /enclave[\\/]worker[\\/]native\.ts$/ }, async ({ path }) => {
      const parts = (await readFile(path, 'utf8')).split(`'../${PREBUILT}/${GUARD}'`);
      if (parts.length !== 2) return { errors: [{ text: 'native.ts loads its addon in another way' }] };
      return { contents: parts.join(`'./${GUARD}'`), loader: 'ts' };
    });
    onResolve({ filter: /\.node$/ }, ({ path }) =>
      path === `./${BINDING}` ? { path, external: true } : { errors: [{ text: `native code: ${path}` }] },
    );
  },
};

/** By name, where each comes from. */
function nativeFiles(root: string): ReadonlyMap<string, string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new TypeError('the worker is built on x64 Linux');
  const engine = join(root, 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64');
  return new Map([
    ...ENGINE.map((name) => [name, join(engine, name)] as const),
    [GUARD, join(root, 'enclave', PREBUILT, GUARD)],
  ]);
}

function packageOf(path: string): string | undefined {
  return /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1];
}

/** esbuild writes each file's path as a comment above what is left of it. */
function linesByFile(program: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let path = '';
  for (const line of program.split('\n')) {
    const marked = /^\/\/ ((?:enclave|wire|node_modules)\/\S+)$/.exec(line)?.[1];
    if (marked !== undefined) path = marked;
    else if (line.trim() !== '') lines.set(path, (lines.get(path) ?? 0) + 1);
  }
  return lines;
}

function countLines(source: string): number {
  return source.split('\n').length - (source.endsWith('\n') ? 1 : 0);
}
