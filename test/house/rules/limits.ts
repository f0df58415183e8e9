import ts from 'typescript';
import { type Finding, inspect, lineOf, type Rule, type SourceTree } from './tree.ts';

const HOME = 'wire/limits.ts';
const LIMIT_NAME = /^(MAX|LIMIT)_|_(MAX|LIMIT)(_|$)|^(max|limit)[A-Z]\w*(Bytes|Items|Depth|Count)$/;

/** A reviewer reads on one page how much work a stranger can cause: wire/limits.ts, and every entry of it is in force. */
export const limits: Rule = {
  name: 'every limit lives in wire/limits.ts and is used',
  find: (tree) => [...strayLimits(tree), ...unusedLimits(tree)],
};

function strayLimits(tree: SourceTree): readonly Finding[] {
  return inspect(tree, /^(wire|verifier|client|enclave|host|cli)\//, (node, path) => {
    if (path === HOME || !ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name)) return undefined;
    if (node.initializer === undefined || !isNumberMadeHere(node.initializer)) return undefined;
    return LIMIT_NAME.test(node.name.text) ? `${node.name.text} belongs in ${HOME}` : undefined;
  });
}

function isNumberMadeHere(node: ts.Expression): boolean {
  if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) return true;
  return ts.isBinaryExpression(node) && isNumberMadeHere(node.left) && isNumberMadeHere(node.right);
}

function unusedLimits(tree: SourceTree): readonly Finding[] {
  const home = tree.get(HOME);
  if (home === undefined) return [];
  const used = new Set<string>();
  for (const [path, text] of tree) {
    if (!/\.tsx?$/.test(path) || path === HOME || path.startsWith('test/')) continue;
    for (const [, name = ''] of text.matchAll(/\blimits\.(\w+)/g)) used.add(name);
  }
  return [...home.matchAll(/^ {2}(\w+):/gm)]
    .filter(([, name = '']) => !used.has(name))
    .map((match) => ({ path: HOME, line: lineOf(home, match.index), message: `${match[1]} is enforced nowhere` }));
}
