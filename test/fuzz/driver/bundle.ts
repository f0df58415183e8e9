import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Plugin, transform } from 'esbuild';
import { createInstrumenter } from 'istanbul-lib-instrument';

export interface BundleOptions {
  readonly root: string;
  /** Paths below the root whose branches guide the fuzzer. */
  readonly guiding: RegExp;
}

/** The code under attack: ours, and neither the tests' nor a dependency's. */
export const PARSERS: RegExp = /^(wire|verifier|enclave\/(worker|image))\//;

/** jsfuzz instruments whatever its worker loads; this tells its instrumenter that it has been done. */
const INSTRUMENTED = '/* istanbul ignore file */';

/**
 * jsfuzz loads CommonJS and sums every counter after every input: so each target becomes one file, with counters only
 * where they guide. Returns its text.
 */
export async function bundleTarget(name: string, { root, guiding }: BundleOptions): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      // jsfuzz hands out a Buffer, whose `slice` is no copy; everything here is written for Uint8Array.
      contents: `
        import { fuzz as target } from ${JSON.stringify(join(root, 'test', 'fuzz', `${name}.fuzz.ts`))};
        export async function fuzz(data) { await target(new Uint8Array(data)); }`,
      resolveDir: root,
    },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    banner: { js: INSTRUMENTED },
    plugins: [counters(root, guiding)],
  });
  return outputFiles.map(({ text }) => text).join('');
}

function counters(root: string, guiding: RegExp): Plugin {
  const instrumenter = createInstrumenter({ esModules: true, compact: true });
  return {
    name: 'counters',
    setup(setup) {
      setup.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const inside = relative(root, path);
        if (!guiding.test(inside)) return undefined;
        const { code } = await transform(await readFile(path, 'utf8'), { loader: 'ts', target: 'node20' });
        return { contents: instrumenter.instrumentSync(code, inside), loader: 'js' };
      });
    },
  };
}
