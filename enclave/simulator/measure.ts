import { execFile } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { concatBytes, equalBytes, u32, utf8 } from '../../wire/bytes.ts';
import { SimulatorError } from './errors.ts';
import { nativeFile } from './native-files.ts';
import { extend, sha384 } from './signing.ts';

/**
 * The image of the process tier, and its measurement. It has two parts, like an EIF:
 *   boot   the command line, the node binary, the helper that confines processes, the dynamic loader and the libraries
 *   app    the worker's bundle and the native code beside it
 * and three registers with an EIF's arithmetic:
 *   PCR0 = SHA384(0^48 || SHA384(boot || app))   PCR1 = SHA384(0^48 || SHA384(boot))   PCR2 = SHA384(0^48 || SHA384(app))
 *   boot = u32 number of arguments || each: u32 length || UTF-8, then the files      app = the files
 *   files = for each, sorted by the bytes of its path: u32 length of path || path || u32 mode || SHA384(file)
 * All integers are big-endian; paths are those inside the sandbox. Files enter by their digests so that each byte is
 * hashed once, off the main thread: node alone has 100 MB. Every file is read once, and the bytes that were hashed are
 * the bytes that are written to a private directory and run from there: nothing else of this machine is visible to the
 * worker.
 */
export interface ImageFile {
  /** Where the worker finds it. */
  readonly path: string;
  /** Where it lies on this machine. */
  readonly source: string;
  readonly mode: 0o444 | 0o555;
}

export interface ImagePlan {
  readonly commandLine: readonly string[];
  readonly boot: readonly ImageFile[];
  readonly app: readonly ImageFile[];
}

export interface Measurement {
  readonly pcr0: Uint8Array;
  readonly pcr1: Uint8Array;
  readonly pcr2: Uint8Array;
}

/**
 * What a simulated AMD firmware reports as MEASUREMENT: the arithmetic of PCR0 over the same image, because what
 * the process tier runs has no initial memory pages of which a launch digest could be made. Like a real one it covers
 * everything that runs; unlike one it says nothing about virtual processors.
 */
export function snpMeasurement({ pcr0 }: Measurement): Uint8Array {
  return pcr0;
}

/** A measured image that lies ready to run: its files' sources are the private copies. */
export interface Image {
  readonly plan: ImagePlan;
  readonly measurement: Measurement;
}

/** Paths inside the sandbox. */
export const sandboxPaths = {
  node: '/bin/node',
  /** The launcher looks for it beside node. */
  confine: '/bin/confine',
  app: '/app',
  bundle: '/app/worker.mjs',
  link: '/run/link',
  linkSocket: '/run/link/worker.sock',
  attester: '/run/attester',
  attesterSocket: '/run/attester/attester.sock',
  private: '/run/private',
} as const;

/** The device is named on the command line, so that images for different vendors measure differently. */
const commandLineFor = (attester: AttesterSocket): readonly string[] => [
  sandboxPaths.node,
  sandboxPaths.bundle,
  'launcher',
  ...['--link', sandboxPaths.linkSocket],
  ...['--attester', `${attester}:${sandboxPaths.attesterSocket}`],
  ...['--private', sandboxPaths.private],
];

export type AttesterSocket = 'nsm-socket' | 'snp-socket';

/** `app` names the bundle, worker.mjs, and the native files that it loads from its own directory. */
export async function planWorkerImage(options: {
  readonly node: string;
  readonly app: readonly string[];
  readonly attester: AttesterSocket;
}): Promise<ImagePlan> {
  const app = options.app.map(
    (source): ImageFile => ({
      path: `${sandboxPaths.app}/${basename(source)}`,
      source,
      mode: source.endsWith('.mjs') ? 0o444 : 0o555,
    }),
  );
  if (!app.some(({ path }) => path === sandboxPaths.bundle)) {
    throw new SimulatorError('image_unreadable', 'worker.mjs is not among the files of the image');
  }
  const boot = await bootFiles(options.node, options.app);
  return { commandLine: commandLineFor(options.attester), boot, app };
}

/** What has to lie around `app` for its program to start: node, our helper, and the libraries of this machine. */
export async function bootFiles(node: string, app: readonly string[]): Promise<readonly ImageFile[]> {
  const libraries = new Set<string>();
  for (const program of [node, ...app.filter((path) => !path.endsWith('.mjs'))]) {
    for (const library of await librariesOf(program)) libraries.add(library);
  }
  // Native files of the app find each other in their own directory; they are not part of boot.
  const own = new Set(await Promise.all(app.map((path) => realpath(path))));
  const boot: ImageFile[] = [
    { path: sandboxPaths.node, source: node, mode: 0o555 },
    { path: sandboxPaths.confine, source: nativeFile('confine'), mode: 0o555 },
  ];
  for (const library of libraries) {
    if (!own.has(await realpath(library))) boot.push({ path: library, source: library, mode: 0o555 });
  }
  return boot;
}

export async function measureImage(plan: ImagePlan): Promise<Measurement> {
  return measure(plan, async () => {});
}

/** Measures a plan while copying it under a directory that only this user can enter. */
export async function layOutImage(plan: ImagePlan, directory: string): Promise<Image> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700, recursive: true });
  const measurement = await measure(plan, async (file, bytes) => {
    const copy = join(directory, file.path);
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, bytes, { flag: 'wx' });
    await chmod(copy, file.mode);
  });
  const copied = (file: ImageFile): ImageFile => ({ ...file, source: join(directory, file.path) });
  return {
    measurement,
    plan: { commandLine: plan.commandLine, boot: plan.boot.map(copied), app: plan.app.map(copied) },
  };
}

/** Before every further boot of the same image: what lies there is still what was measured. */
export async function requireUnchanged(image: Image): Promise<void> {
  const now = await measureImage(image.plan);
  if (!equalBytes(now.pcr0, image.measurement.pcr0)) {
    throw new SimulatorError('image_changed', 'the private copy of the image differs from what was measured');
  }
}

type Visit = (file: ImageFile, bytes: Uint8Array) => Promise<void>;

async function measure(plan: ImagePlan, visit: Visit): Promise<Measurement> {
  const paths = [...plan.boot, ...plan.app].map(({ path }) => path);
  if (new Set(paths).size !== paths.length) throw new SimulatorError('image_unreadable', 'two files have one path');

  const [bootFiles, app] = await Promise.all([serialise(plan.boot, visit), serialise(plan.app, visit)]);
  const boot = concatBytes(u32(plan.commandLine.length), ...plan.commandLine.map(prefixed), bootFiles);
  return { pcr0: register(boot, app), pcr1: register(boot), pcr2: register(app) };
}

async function serialise(files: readonly ImageFile[], visit: Visit): Promise<Uint8Array> {
  const sorted = [...files].sort((a, b) => Buffer.compare(utf8(a.path), utf8(b.path)));
  return concatBytes(...(await Promise.all(sorted.map((file) => absorb(file, visit)))));
}

async function absorb(file: ImageFile, visit: Visit): Promise<Uint8Array> {
  const bytes = await readFile(file.source).catch((error: Error) => {
    throw new SimulatorError('image_unreadable', error.message);
  });
  const [digest] = await Promise.all([webcrypto.subtle.digest('SHA-384', bytes), visit(file, bytes)]);
  return concatBytes(prefixed(file.path), u32(file.mode), new Uint8Array(digest));
}

function prefixed(text: string): Uint8Array {
  const bytes = utf8(text);
  return concatBytes(u32(bytes.length), bytes);
}

function register(...parts: readonly Uint8Array[]): Uint8Array {
  return extend(new Uint8Array(48), sha384(...parts));
}

/** The loader's own answer to what a program would load, with the paths at which it looks. */
async function librariesOf(program: string): Promise<readonly string[]> {
  let listing: string;
  try {
    // Without this machine's environment, because the sandbox has none.
    ({ stdout: listing } = await promisify(execFile)('ldd', [program], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    }));
  } catch (error) {
    throw new SimulatorError('image_unreadable', `ldd ${program}: ${(error as Error).message}`);
  }
  return listing.split('\n').flatMap((line) => {
    if (line.includes('=> not found')) throw new SimulatorError('image_unreadable', `${program} lacks ${line.trim()}`);
    const path = /(?:=> |^\s+)(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    return path === undefined ? [] : [path];
  });
}
