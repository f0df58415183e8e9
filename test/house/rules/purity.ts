import ts from 'typescript';
import { inspect, type Rule } from './tree.ts';

const FORBIDDEN_PROPERTIES: ReadonlySet<string> = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.getRandomValues',
  'crypto.randomUUID',
]);
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  'process',
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'setTimeout',
  'setInterval',
  'eval',
  'require',
]);
const FORBIDDEN_CONSTRUCTORS: ReadonlySet<string> = new Set(['Function', 'SharedArrayBuffer']);

/** Time, chance and the environment are arguments in wire/ and verifier/: the same bytes get the same answer everywhere. */
export const purity: Rule = {
  name: 'no clock, chance, environment or network in wire/ and verifier/',
  find: (tree) => inspect(tree, /^(wire|verifier)\//, (node, path) => impurity(node, path)),
};

function impurity(node: ts.Node, path: string): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    // The suite is the one place where randomness is drawn; everything else receives it.
    if (FORBIDDEN_PROPERTIES.has(text) && !path.startsWith('wire/crypto/')) return `${text} is forbidden here`;
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    if (name === 'Date' && (node.arguments?.length ?? 0) === 0) return 'new Date() reads the clock';
    if (FORBIDDEN_CONSTRUCTORS.has(name)) return `new ${name} is forbidden here`;
  }
  if (ts.isIdentifier(node) && FORBIDDEN_NAMES.has(node.text) && isFreeName(node)) {
    return `${node.text} is forbidden here`;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return 'dynamic import is forbidden here';
  }
  return undefined;
}

/** A property, a member or a declaration of that name is somebody's own; only a free reference reaches the global. */
function isFreeName(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isCallExpression(parent)) return parent.expression === node;
  return ts.isElementAccessExpression(parent) && parent.expression === node;
}
