import { readdirSync, readFileSync } from 'node:fs';
import { apiNames, apiPage } from './api.ts';
import { figuresPage } from './figures.ts';
import { type Blocks, blockNames, fillBlocks } from './markers.ts';
import { operationBlocks } from './operations.ts';
import { protocolBlocks } from './protocol/blocks.ts';
import { spectrumPage } from './spectrum.ts';

const ROOT: URL = new URL('../../', import.meta.url);

export const blocks: Blocks = { ...operationBlocks, ...protocolBlocks };

export interface Page {
  readonly path: string;
  readonly text: string;
}

/** Every page that is generated as a whole, or has a generated part, as it should be. */
export function generatedPages(): readonly Page[] {
  return [
    { path: 'docs/figures.md', text: figuresPage() },
    { path: 'docs/spectrum.md', text: spectrumPage() },
    ...apiNames.map((name) => ({ path: `docs/api/${name}.md`, text: apiPage(name) })),
    ...filledPages(),
  ];
}

function filledPages(): readonly Page[] {
  return readdirSync(pageUrl('docs/'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .sort()
    .map((path) => `docs/${path}`)
    .map((path) => ({ path, text: readFileSync(pageUrl(path), 'utf8') }))
    .filter(({ text }) => blockNames(text).length > 0)
    .map(({ path, text }) => ({ path, text: fillBlocks(text, blocks) }));
}

export function pageUrl(path: string): URL {
  return new URL(path, ROOT);
}
