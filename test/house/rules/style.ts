import ts from 'typescript';
import { type Finding, inspect, type Rule, type SourceTree } from './tree.ts';

const SHIPPED = /^(wire|verifier|client|enclave\/(?!worker\/build\/)|host|cli|attestations)\//;
const NEEDS_DEFAULT_EXPORT = /\.config\.ts$/;

/** No class but errors, no default export, and no bare Error in code that reads what strangers send. */
export const style: Rule = {
  name: 'no class but errors, no default export, no bare Error',
  find: (tree) =>
    inspect(tree, /./, (node, path) => {
      if (ts.isClassLike(node) && !extendsError(node)) return 'a class that is not an error';
      if (!NEEDS_DEFAULT_EXPORT.test(path) && isDefaultExport(node)) return 'a default export';
      if (SHIPPED.test(path) && isBareError(node)) return 'a bare Error: give it a class and a code';
      return undefined;
    }),
};

function extendsError(node: ts.ClassLikeDeclaration): boolean {
  return (node.heritageClauses ?? []).some(
    (clause) =>
      clause.token === ts.SyntaxKind.ExtendsKeyword &&
      clause.types.some((type) => /Error$/.test(type.expression.getText())),
  );
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.DefaultKeyword)
  );
}

function isBareError(node: ts.Node): boolean {
  return ts.isNewExpression(node) && node.expression.getText() === 'Error';
}

const LINES = 350;
/** A test file is a list, read from any place in it. */
const TEST_LINES = 500;

/** Longer files, each with the reason why it is one thing. */
const LONG_FILES: ReadonlyMap<string, string> = new Map([]);

export const length: Rule = {
  name: `no file over ${LINES} lines (tests: ${TEST_LINES}) without a reason`,
  find: (tree) => [...tooLong(tree), ...staleReasons(tree)],
};

function tooLong(tree: SourceTree): readonly Finding[] {
  return [...tree]
    .filter(([path]) => /\.(ts|mjs|cjs|sol)$/.test(path) && !LONG_FILES.has(path))
    .map(([path, text]) => ({ path, line: text.split('\n').length - 1, message: 'split this file or give a reason' }))
    .filter((finding) => finding.line > boundOf(finding.path));
}

function boundOf(path: string): number {
  return path.endsWith('.test.ts') ? TEST_LINES : LINES;
}

function staleReasons(tree: SourceTree): readonly Finding[] {
  return [...LONG_FILES.keys()]
    .filter((path) => (tree.get(path)?.split('\n').length ?? 0) - 1 <= boundOf(path))
    .map((path) => ({ path, line: 1, message: 'listed as long, but is not' }));
}
