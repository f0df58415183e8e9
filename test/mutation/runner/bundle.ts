import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';

export interface Origin {
  /** Where Stryker put the changed code. */
  readonly sandbox: string;
  /** Where it came from: files that tests read by their place lie there. */
  readonly root: string;
}

/** All tests of a slice and what they use, in one module: loading it again starts from nothing in some milliseconds. */
export async function bundle(testFiles: readonly string[], origin: Origin): Promise<string> {
  const entry = testFiles.map((file) => `import ${JSON.stringify(join(origin.sandbox, file))};`).join('\n');
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: origin.sandbox },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [asIfInPlace(testFiles, origin)],
  });
  await stop();
  const [output] = outputFiles;
  if (output === undefined) throw new Error('esbuild wrote nothing');
  return output.text;
}

/** Says no more what it runs, which takes longer than running it. */
export function withoutCoverage(code: string): string {
  return code.replaceAll(/function (stryCov_9fa48\d*)\(\) \{/g, '$&\nreturn;');
}

function asIfInPlace(testFiles: readonly string[], { sandbox, root }: Origin): Plugin {
  return {
    name: 'as-if-in-place',
    setup({ onLoad }): void {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(sandbox, path);
        const original = join(root, file);
        const text = readFileSync(path, 'utf8')
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(original).href))
          .replaceAll('import.meta.dirname', JSON.stringify(dirname(original)));
        const start = `import { startFile } from 'vitest'; startFile(${JSON.stringify(file)});`;
        return { contents: testFiles.includes(file) ? `${start}${text}` : text, loader: 'ts' };
      });
    },
  };
}
