import { readFileSync, writeFileSync } from 'node:fs';
import { filledPages, pageUrl } from './pages.ts';

for (const { path, text } of filledPages()) {
  if (readFileSync(pageUrl(path), 'utf8') === text) continue;
  writeFileSync(pageUrl(path), text);
  console.log(`wrote ${path}`);
}
