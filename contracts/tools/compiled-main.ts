import { writeFileSync } from 'node:fs';
import { compiledContracts } from './compiled.ts';

// Takes the path of the file: a part of the build, because no user of the package has a compiler of contracts.
const [path] = process.argv.slice(2);
if (path === undefined) throw new TypeError('name the file to write');
writeFileSync(path, `${JSON.stringify({ format: 'proofmark compiled v1', contracts: await compiledContracts() })}\n`);
