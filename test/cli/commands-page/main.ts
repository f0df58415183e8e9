import { writeFileSync } from 'node:fs';
import { commandsPage, PAGE } from './page.ts';

writeFileSync(PAGE, commandsPage());
