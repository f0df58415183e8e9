import ts from 'typescript';
import { type Finding, type Rule, type SourceTree, typescriptFiles } from './tree.ts';

const FILE = 'THREATS.md';
const REFERENCE = /`(test\/[\w./-]+\.test\.ts|contracts\/test\/[\w./-]+\.t\.sol) > ([^`]+)`/g;
const FORGE_TEST = /\bfunction (test\w*|invariant\w*)\(/g;
const ROW = /^\| *([A-Z]+[0-9]+[a-z]?) *\|/;

/** A threat without a test that exists is a wish. Every row names at least one, by file and part of its title. */
export const threats: Rule = {
  name: 'every threat names a test that exists',
  find(tree) {
    const text = tree.get(FILE);
    if (text === undefined) return [{ path: FILE, line: 1, message: 'missing' }];
    const titles = testTitles(tree);
    const rows = text.split('\n').map((line, index) => ({ line, number: index + 1 }));
    return rows.filter(({ line }) => ROW.test(line)).flatMap(({ line, number }) => rowProblems(line, number, titles));
  },
};

function rowProblems(line: string, number: number, titles: ReadonlyMap<string, readonly string[]>): readonly Finding[] {
  const id = ROW.exec(line)?.[1] ?? '';
  const references = [...line.matchAll(REFERENCE)];
  if (references.length === 0) return [{ path: FILE, line: number, message: `${id} names no test` }];
  return references
    .filter(([, file = '', title = '']) => !(titles.get(file) ?? []).some((known) => known.includes(title)))
    .map(([, file, title]) => ({ path: FILE, line: number, message: `${id}: no test "${title}" in ${file}` }));
}

/** Names of cases in the tables that `it.each` runs over. */
const CASE_NAME = /^(says|title)$/;

/** The literal titles of every `describe`, `it` and `test`, and of tabled cases; templates count by their fixed parts. */
function testTitles(tree: SourceTree): ReadonlyMap<string, readonly string[]> {
  const forge = [...tree]
    .filter(([path]) => /^contracts\/test\/.*\.t\.sol$/.test(path))
    .map(([path, text]): [string, readonly string[]] => [
      path,
      [...text.matchAll(FORGE_TEST)].map(([, name = '']) => name),
    ]);
  return new Map([...forge, ...vitestTitles(tree)]);
}

function vitestTitles(tree: SourceTree): readonly [string, readonly string[]][] {
  return typescriptFiles(tree, /^test\/.*\.test\.ts$/).map(([path, source]) => {
    const titles: string[] = [];
    const walk = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /^(describe|it|test)\b/.test(node.expression.getText())) {
        titles.push(...titleOf(node.arguments[0]));
      }
      if (ts.isPropertyAssignment(node) && CASE_NAME.test(node.name.getText())) {
        titles.push(...titleOf(node.initializer));
      }
      ts.forEachChild(node, walk);
    };
    walk(source);
    return [path, titles];
  });
}

function titleOf(node: ts.Expression | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (!ts.isTemplateExpression(node)) return [];
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].filter((text) => text.trim() !== '');
}
