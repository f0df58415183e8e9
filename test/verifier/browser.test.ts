import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../verifier/index.ts', import.meta.url));

describe('the verifier in a browser', () => {
  it('needs no module of Node, and reaches for no clock, chance, environment or network', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    const own = Object.keys(metafile.inputs).filter((file) => !file.includes('node_modules'));
    expect(own.length).toBeGreaterThan(15);
    const code = outputFiles.map(({ text }) => text).join('\n');
    expect(code).not.toMatch(/Date\.now|Math\.random|process\.env|\bfetch\(|\beval\(|new Function/);
  });
});
