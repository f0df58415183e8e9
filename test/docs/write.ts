import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { generatedPages, pageUrl } from './pages.ts';

for (const { path, text } of generatedPages()) {
  if (existsSync(pageUrl(path)) && readFileSync(pageUrl(path), 'utf8') === text) continue;
  writeFileSync(pageUrl(path), text);
  console.log(`wrote ${path}`);
}
