import { rules } from './all.ts';
import { readSourceTree } from './tree.ts';

const tree = readSourceTree(process.cwd());
let broken = 0;
for (const rule of rules) {
  const findings = rule.find(tree);
  if (findings.length === 0) continue;
  broken += findings.length;
  console.log(`${rule.name}:`);
  for (const { path, line, message } of findings) console.log(`  ${path}:${line} ${message}`);
}
console.log(`${rules.length} house rules over ${tree.size} files, ${broken} findings`);
process.exitCode = broken === 0 ? 0 : 1;
