import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStranger } from '../commands/materials.ts';
import { runPage } from '../commands/run-page.ts';
import { openShell } from '../commands/shell.ts';
import { measuredText, PATH_PAGE, withMeasured } from './measured.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'pm-path-'));
const shell = openShell(root, join(scratch, 'stranger'));
try {
  const stranger = await startStranger(root, shell);
  const done = await runPage({ root, page: PATH_PAGE, stranger, folder: join(scratch, 'path') });
  const failed = done.find(({ problem }) => problem !== '');
  if (failed !== undefined) throw new Error(`${failed.command}: ${failed.problem}`);
  const page = join(root, PATH_PAGE);
  writeFileSync(page, withMeasured(readFileSync(page, 'utf8'), measuredText(done, new Date())));
} finally {
  await shell.close();
  rmSync(scratch, { recursive: true, force: true });
}
