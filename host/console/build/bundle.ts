import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { licencesOf } from './licences.ts';

/** The console as browsers load it: file names and their bytes. They depend on the sources and the lockfile only. */
export type ConsoleFiles = ReadonlyMap<string, Uint8Array>;

export interface BundleOptions {
  /** The repository: sources and node_modules. */
  readonly root: string;
}

const PAGE = 'host/console/page';
/** Taken as they are. */
const PLAIN = ['index.html', 'icon.svg'] as const;

/** One script, one style sheet, one page and its icon, beside the licences of what is in them: nothing else is loaded. */
export async function bundleConsole({ root }: BundleOptions): Promise<ConsoleFiles> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { console: `${PAGE}/main.tsx`, style: `${PAGE}/style/console.css` },
    entryNames: '[name]',
    outdir: 'console',
    write: false,
    bundle: true,
    minify: true,
    // Fails on any import of a module of Node.
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // The checkout's own settings are for the compiler.
    tsconfigRaw: {},
    charset: 'utf8',
    // They go along in a file of their own.
    legalComments: 'none',
    metafile: true,
    sourcemap: false,
    logLevel: 'silent',
  });
  const plain = await Promise.all(
    PLAIN.map(async (name) => [name, Uint8Array.from(await readFile(join(root, PAGE, name)))] as const),
  );
  const built = outputFiles.map(({ path, contents }) => {
    const name = path.endsWith('.css') ? 'console.css' : 'console.js';
    return [name, contents] as const;
  });
  const licences = new TextEncoder().encode(await licencesOf(root, Object.keys(metafile.inputs)));
  return new Map([...plain, ...built, ['licences.txt', licences] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
}
